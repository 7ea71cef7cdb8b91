package pcapfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/weir-sensor/weir/capture"
)

// TestHostileFiles reads every file of the collections of malformed captures, and whatever else lies there: none may
// panic, end in anything but frames, a note or a NotCaptureError, or take memory out of proportion.
func TestHostileFiles(t *testing.T) {
	dir := sharedData(t)
	files, captures := 0, 0
	for _, sub := range []string{"tcpdump", "ndpi", "libpcap", "gopacket", "pcapplusplus", "arkime"} {
		err := filepath.WalkDir(filepath.Join(dir, sub), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			files++
			info, err := d.Info()
			if err != nil {
				return err
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			got, stats, err := summarize(path, 64)
			runtime.ReadMemStats(&after)
			var not *NotCaptureError
			if err != nil && !errors.As(err, &not) {
				t.Errorf("%s: %v", path, err)
			} else if err == nil {
				captures++
			}
			if got.captured > stats.Read && stats.Files[0].Compression == "none" {
				t.Errorf("%s: %d bytes of frames out of %d read", path, got.captured, stats.Read)
			}
			if used := after.TotalAlloc - before.TotalAlloc; used > 8<<20+8*uint64(info.Size()) {
				t.Errorf("%s: %d bytes allocated for a file of %d", path, used, info.Size())
			}
			return nil
		})
		if errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d files, %d of them captures", files, captures)
}

// TestHostileLengths claims much and delivers little.
func TestHostileLengths(t *testing.T) {
	le := &builder{AppendByteOrder: binary.LittleEndian}
	usb := le.pcapHeader(magicMicro, 249).u32(1, 0, maxHugePacket, maxHugePacket).b
	le.b = nil
	block := le.section().describe(1, 0).u32(77, 16<<20, 0).b
	le.b = nil
	faces := le.section().b
	for range 1000 {
		faces = (&builder{le.AppendByteOrder, faces}).describe(1, 0).b
	}
	for name, data := range map[string][]byte{
		"usb": usb, "block": block, "interfaces": faces, "zstd window": withWindow(t, zstdWindow),
		"bomb": gzipped(t, append(block, make([]byte, 24<<20)...)),
	} {
		path := file(t, t.TempDir(), "c", data)
		data = nil
		runtime.GC()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, _, err := summarize(path, 1); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; used > 90<<20 {
			t.Errorf("%s: %d MiB allocated for a file of %d bytes", name, used>>20, fileSize(t, path))
		}
	}
}

// withWindow is a small capture that needs a large window.
func withWindow(t *testing.T, size int) []byte {
	var out bytes.Buffer
	z, err := zstd.NewWriter(&out, zstd.WithWindowSize(size), zstd.WithSingleSegment(false))
	if err == nil {
		_, err = z.Write(oneFrame(1))
	}
	if err == nil {
		err = z.Flush()
	}
	if err == nil {
		_, err = z.Write(oneFrame(1)[pcapHeader:])
	}
	if err != nil {
		t.Fatal(err)
	}
	z.Close()
	return out.Bytes()
}

// TestZstdWindow says of a window that is too large what can be done. What zstd --long makes of a large file is a
// single segment: its window is the whole content (RFC 8878, section 3.1.1.1.2), here 300,000,000 bytes.
func TestZstdWindow(t *testing.T) {
	single := []byte{0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0x00, 0xa3, 0xe1, 0x11, 0xa1, 0x00, 0x00, 'x', 'x', 'x', 'x'}
	for name, data := range map[string][]byte{"window": withWindow(t, 4*zstdWindow), "single segment": single} {
		_, err := Open([]string{file(t, t.TempDir(), "c", data)}, Options{})
		var not *NotCaptureError
		if !errors.As(err, &not) || not.Found != "zstd data with a window above 32 MiB, which zstd -dc can unpack" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func fileSize(t *testing.T, path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// TestBlocksWithoutPackets reads 100 MiB of blocks that hold none in the memory of a block.
func TestBlocksWithoutPackets(t *testing.T) {
	w := &builder{AppendByteOrder: binary.LittleEndian}
	head := w.section().describe(1, 0).b
	w.b = nil
	filler := w.block(5, make([]byte, 1<<20)).b
	w.b = nil
	tail := w.enhanced(0, 1, "x", 1).b
	readers := []io.Reader{bytes.NewReader(head)}
	for range 100 {
		readers = append(readers, bytes.NewReader(filler))
	}
	r, err := Open([]string{"-"}, Options{Stdin: io.MultiReader(append(readers, bytes.NewReader(tail))...)})
	if err != nil {
		t.Fatal(err)
	}
	b := capture.Batch{Frames: make([]capture.Frame, 0, 64)}
	if err := r.Read(&b); err != nil || len(b.Frames) != 1 || cap(b.Data) > 8<<20 {
		t.Errorf("error %v, %d frames, block of %d bytes", err, len(b.Frames), cap(b.Data))
	}
}
