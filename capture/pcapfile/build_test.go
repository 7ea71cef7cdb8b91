package pcapfile

import (
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/weir-sensor/weir/capture"
)

// seen is a frame as a reader of the batch sees it.
type seen struct {
	time       int64
	data       string
	wire       uint32
	link, face uint16
}

// readAll reads sources to their end in batches of n. Between the Reads it overwrites the batch and takes a new one,
// as the sensor does that hands batches on.
func readAll(t testing.TB, paths []string, o Options, n int) ([]seen, Stats) {
	t.Helper()
	r, err := Open(paths, o)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	batches := [2]capture.Batch{{Frames: make([]capture.Frame, 0, n)}, {Frames: make([]capture.Frame, 0, n)}}
	var all []seen
	for i := 0; ; i++ {
		b := &batches[i%2]
		if err := r.Read(b); err == io.EOF {
			return all, r.Stats()
		} else if err != nil {
			t.Fatal(err)
		}
		if len(b.Frames) == 0 || len(b.Frames) > n {
			t.Fatalf("batch of %d frames, room for %d", len(b.Frames), n)
		}
		for j, f := range b.Frames {
			all = append(all, seen{f.Time, string(b.Bytes(j)), f.Wire, f.Link, f.Iface})
		}
		clear(b.Data)
	}
}

// file writes data to a file of the test's own and returns its path.
func file(t testing.TB, dir, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// builder writes captures by the letter of the formats, in a byte order of choice.
type builder struct {
	binary.AppendByteOrder
	b []byte
}

func (w *builder) u16(values ...uint16) *builder {
	for _, v := range values {
		w.b = w.AppendUint16(w.b, v)
	}
	return w
}

func (w *builder) u32(values ...uint32) *builder {
	for _, v := range values {
		w.b = w.AppendUint32(w.b, v)
	}
	return w
}

// pcapHeader writes a file header of version 2.4.
func (w *builder) pcapHeader(magic, link uint32) *builder {
	return w.u32(magic).u16(2, 4).u32(0, 0, 65535, link)
}

// record writes a pcap record with a header of 16 bytes.
func (w *builder) record(sec, frac uint32, data string, wire uint32) *builder {
	w.u32(sec, frac, uint32(len(data)), wire)
	w.b = append(w.b, data...)
	return w
}

// block writes a pcapng block around a body, padded.
func (w *builder) block(kind uint32, body []byte) *builder {
	for len(body)%4 != 0 {
		body = append(body, 0)
	}
	length := uint32(len(body) + 12)
	w.u32(kind, length)
	w.b = append(w.b, body...)
	return w.u32(length)
}

func (w *builder) section() *builder {
	body := (&builder{w.AppendByteOrder, nil}).u32(sectionMagic).u16(1, 0).u32(0xffffffff, 0xffffffff)
	return w.block(blockSection, body.b)
}

// describe writes an interface description; options are written as they are.
func (w *builder) describe(link uint16, snaplen uint32, options ...byte) *builder {
	body := (&builder{w.AppendByteOrder, nil}).u16(link, 0).u32(snaplen)
	return w.block(blockInterface, append(body.b, options...))
}

func (w *builder) enhanced(face uint32, ticks uint64, data string, wire uint32) *builder {
	body := (&builder{w.AppendByteOrder, nil}).u32(face, uint32(ticks>>32), uint32(ticks), uint32(len(data)), wire)
	return w.block(blockEnhanced, append(body.b, data...))
}

func (w *builder) obsolete(face uint16, ticks uint64, data string, wire uint32) *builder {
	body := (&builder{w.AppendByteOrder, nil}).u16(face, 7).u32(uint32(ticks>>32), uint32(ticks), uint32(len(data)), wire)
	return w.block(blockPacket, append(body.b, data...))
}

func (w *builder) simple(data string, wire uint32) *builder {
	body := (&builder{w.AppendByteOrder, nil}).u32(wire)
	return w.block(blockSimple, append(body.b, data...))
}

func bothOrders(t *testing.T, run func(t *testing.T, w *builder)) {
	t.Run("little-endian", func(t *testing.T) { run(t, &builder{AppendByteOrder: binary.LittleEndian}) })
	t.Run("big-endian", func(t *testing.T) { run(t, &builder{AppendByteOrder: binary.BigEndian}) })
}
