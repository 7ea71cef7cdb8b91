package pcapfile_test

import (
	"bytes"
	"cmp"
	"io"
	"math/rand"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/weir-sensor/weir/capture"
	"github.com/weir-sensor/weir/capture/pcapfile"
)

// frame is a frame with its bytes.
type frame struct {
	capture.Frame
	data string
}

func readAll(t *testing.T, src capture.Source, batch int) (all []frame) {
	t.Helper()
	b := capture.Batch{Frames: make([]capture.Frame, 0, batch)}
	for {
		err := src.Read(&b)
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		for i, f := range b.Frames {
			f.Off, f.Iface = 0, 0
			all = append(all, frame{f, string(b.Bytes(i))})
		}
	}
}

// What is written is read again; several captures, merged, are their frames sorted by time.
func TestWrittenCapturesMerge(t *testing.T) {
	rng := rand.New(rand.NewSource(1))
	var want []frame
	var sources []capture.Source
	for n := range 3 {
		path := filepath.Join(t.TempDir(), "ring.pcap")
		var file bytes.Buffer
		w, err := pcapfile.NewWriter(&file, 1)
		if err != nil {
			t.Fatal(err)
		}
		at := int64(1_700_000_000_000_000_000)
		for range 100 * n { // the first one is empty
			at += rng.Int63n(3) // equal times, too
			data := make([]byte, rng.Intn(100))
			rng.Read(data)
			f := capture.Frame{Time: at, Len: uint32(len(data)), Wire: uint32(len(data) + rng.Intn(3)), Link: 1}
			want = append(want, frame{f, string(data)})
			if err := w.Write(&capture.Batch{Data: data, Frames: []capture.Frame{f}}); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, file.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		src, err := pcapfile.Open([]string{path}, pcapfile.Options{})
		if err != nil {
			t.Fatal(err)
		}
		sources = append(sources, src)
	}
	slices.SortStableFunc(want, func(a, b frame) int { return cmp.Compare(a.Time, b.Time) })
	merged := pcapfile.Merge(sources...)
	if got := readAll(t, merged, 7); !slices.Equal(got, want) {
		t.Errorf("got %d frames, want the %d written, sorted by time", len(got), len(want))
	}
	if err := merged.Close(); err != nil {
		t.Error(err)
	}
}

func TestWriterRefuses(t *testing.T) {
	for _, f := range []capture.Frame{{Time: -1, Link: 1}, {Time: 1 << 62, Link: 1}, {Link: 101}} {
		w, err := pcapfile.NewWriter(io.Discard, 1)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Write(&capture.Batch{Frames: []capture.Frame{f}}); err == nil {
			t.Errorf("%+v: got no error", f)
		}
	}
}
