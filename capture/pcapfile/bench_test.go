package pcapfile

import (
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/weir-sensor/weir/capture"
)

// writeRecords writes a little-endian microsecond pcap of n frames of size bytes, one per millisecond.
func writeRecords(t testing.TB, path string, n, size int) {
	t.Helper()
	data := binary.LittleEndian.AppendUint32(nil, magicMicro)
	data = append(data, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0)
	for i := range n {
		for _, v := range []int{1_700_000_000 + i/1000, i % 1000 * 1000, size, size} {
			data = binary.LittleEndian.AppendUint32(data, uint32(v))
		}
		for j := range size {
			data = append(data, byte(i*31+j))
		}
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// drain reads the source to its end and returns the frames and the sum of their captured lengths.
func drain(t testing.TB, r *Reader, b *capture.Batch) (frames, captured int64) {
	t.Helper()
	for {
		if err := r.Read(b); err == io.EOF {
			return frames, captured
		} else if err != nil {
			t.Fatal(err)
		}
		frames += int64(len(b.Frames))
		for i := range b.Frames {
			captured += int64(b.Frames[i].Len)
		}
	}
}

// BenchmarkPcap frames plain captures, one million frames or WEIR_BENCH_PCAP.
func BenchmarkPcap(b *testing.B) {
	path := os.Getenv("WEIR_BENCH_PCAP")
	if path == "" {
		path = filepath.Join(b.TempDir(), "small.pcap")
		writeRecords(b, path, 1_000_000, 64)
	}
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	batch := capture.Batch{Frames: make([]capture.Frame, 0, 4096)}
	b.SetBytes(info.Size())
	b.ReportAllocs()
	frames := int64(0)
	for b.Loop() {
		r, err := Open([]string{path}, Options{})
		if err != nil {
			b.Fatal(err)
		}
		frames, _ = drain(b, r, &batch)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(frames), "ns/frame")
}
