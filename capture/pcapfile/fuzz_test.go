package pcapfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"

	"github.com/weir-sensor/weir/capture"
)

// readPiped reads data as standard input, through one stream.
func readPiped(t *testing.T, data []byte, n int) ([]seen, Stats, error) {
	r, err := Open([]string{"-"}, Options{Stdin: bytes.NewReader(data)})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b := capture.Batch{Frames: make([]capture.Frame, 0, n)}
	var all []seen
	for {
		if err := r.Read(&b); err == io.EOF {
			return all, r.Stats(), nil
		} else if err != nil {
			var not *NotCaptureError
			if !errors.As(err, &not) {
				t.Fatalf("error %v", err)
			}
			return all, r.Stats(), err
		}
		for i, f := range b.Frames {
			all = append(all, seen{f.Time, string(b.Bytes(i)), f.Wire, f.Link, f.Iface})
		}
	}
}

// agree reads data in two batch sizes and checks what holds for any input.
func agree(t *testing.T, data []byte) ([]seen, Stats, error) {
	all, stats, err := readPiped(t, data, 7)
	again, stats2, err2 := readPiped(t, data, 1)
	if !slices.Equal(all, again) || !slices.Equal(stats.Cuts, stats2.Cuts) || (err == nil) != (err2 == nil) {
		t.Fatalf("batches of 7 and of 1 differ: %v %v", stats, stats2)
	}
	if len(stats.Cuts) > 1 || len(stats.Cuts) == 1 && stats.Cuts[0].Offset < 0 {
		t.Fatalf("cuts %v", stats.Cuts)
	}
	return all, stats, err
}

// FuzzPcap compares with pcapgo, as far as it reads: it refuses a captured length above the file's or the wire's, which
// we do not, and overflows where the fraction of a second is much more than a second.
func FuzzPcap(f *testing.F) {
	for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
		for _, magic := range []uint32{magicMicro, magicNano, magicModified} {
			w := &builder{AppendByteOrder: order}
			f.Add(w.pcapHeader(magic, 1).record(1, 2, "abcdef", 60).record(3, 999_999, "", 0).b)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, stats, err := agree(t, data)
		theirs, theirErr := pcapgo.NewReader(bytes.NewReader(data))
		if err != nil || theirErr != nil || len(data) < pcapHeader || data[0] == 0x1f {
			return
		}
		if minor := min(data[6], data[7]); minor != 4 && max(data[6], data[7]) != 4 {
			return // old versions have their lengths the other way round
		}
		var order binary.ByteOrder = binary.LittleEndian
		if data[4] == 0 {
			order = binary.BigEndian
		}
		at := pcapHeader
		for i, g := range got {
			packet, info, err := theirs.ReadPacketData()
			if err != nil {
				return
			}
			sane := order.Uint32(data[at+4:]) < 1_000_000
			if g.data != string(packet) || int(g.wire) != info.Length || sane && g.time != info.Timestamp.UnixNano() {
				t.Fatalf("frame %d: %v, pcapgo %v %v", i, g, info, packet)
			}
			at += 16 + len(packet)
		}
		if len(stats.Cuts) > 0 {
			return // pcapgo believes any length and allocates it
		}
		if _, _, err := theirs.ReadPacketData(); err != io.EOF {
			t.Fatalf("%d frames, pcapgo has more, or %v", len(got), err)
		}
	})
}

// theirPacket reads with pcapgo, which divides by zero for some resolutions.
func theirPacket(ng *pcapgo.NgReader) (data []byte, info gopacket.CaptureInfo, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return ng.ReadPacketData()
}

// FuzzPcapng compares with pcapgo, for as many packets as both read; times are for TestClock, since pcapgo's overflow.
func FuzzPcapng(f *testing.F) {
	for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
		w := &builder{AppendByteOrder: order}
		w.section().describe(1, 100, w.option(optionResolution, 9)...)
		w.describe(101, 0, append(w.option(optionResolution, 0x80|20), w.option(optionOffset, w.u64(100)...)...)...)
		w.enhanced(0, 1_700_000_000, "abcdef", 60).simple("xyz", 3).obsolete(1, 77, "q", 9).block(5, []byte("statistics"))
		f.Add(w.b)
		f.Add(w.section().describe(113, 0).enhanced(0, 5, "abc", 3).b)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, _, err := agree(t, data)
		if err != nil || len(data) < 28 || binary.LittleEndian.Uint32(data) != blockSection {
			return
		}
		ng, err := pcapgo.NewNgReader(bytes.NewReader(data), pcapgo.NgReaderOptions{WantMixedLinkType: true, SkipUnknownVersion: false})
		if err != nil {
			return
		}
		for i := 0; i < len(got); i++ {
			packet, info, err := theirPacket(ng)
			if err != nil || ng.NInterfaces() == 0 {
				return
			}
			g := got[i]
			if g.data != string(packet) || int(g.wire) != info.Length {
				t.Fatalf("frame %d: %v, pcapgo %v %v", i, g, info, packet)
			}
			in, err := ng.Interface(info.InterfaceIndex)
			if err == nil && layers.LinkType(g.link) != in.LinkType {
				t.Fatalf("frame %d: link type %d, pcapgo %v", i, g.link, in.LinkType)
			}
		}
	})
}
