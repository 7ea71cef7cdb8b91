package pcapfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/weir-sensor/weir/capture"
)

// example is a capture of n frames of random sizes and its frames; every kind of block if it is a pcapng.
func example(ng bool, n int, seed uint64) ([]byte, []seen) {
	rnd := rand.New(rand.NewPCG(seed, 0))
	w := &builder{AppendByteOrder: binary.LittleEndian}
	if ng {
		w.section().describe(1, 0)
	} else {
		w.pcapHeader(magicMicro, 1)
	}
	var all []seen
	for i := range n {
		data := strings.Repeat(string(rune('a'+i%26)), rnd.IntN(1600))
		if rnd.IntN(1000) == 0 {
			data = strings.Repeat("big", 60_000)
		}
		if ng && rnd.IntN(50) == 0 {
			w.block(5, make([]byte, rnd.IntN(3000)))
		}
		t, wire := uint32(1000+i), uint32(len(data)+rnd.IntN(5))
		if ng {
			w.enhanced(0, uint64(t)*1e6+3, data, wire)
		} else {
			w.record(t, 3, data, wire)
		}
		all = append(all, seen{int64(t)*1e9 + 3000, data, wire, 1, 0})
	}
	return w.b, all
}

func gzipped(t testing.TB, parts ...[]byte) []byte {
	var out bytes.Buffer
	for _, p := range parts {
		w := gzip.NewWriter(&out)
		if _, err := w.Write(p); err != nil {
			t.Fatal(err)
		}
		w.Close()
	}
	return out.Bytes()
}

func zstandard(t testing.TB, data []byte) []byte {
	var out bytes.Buffer
	w, err := zstd.NewWriter(&out)
	if err == nil {
		_, err = w.Write(data)
	}
	if err != nil {
		t.Fatal(err)
	}
	w.Close()
	return out.Bytes()
}

// dribble gives a pipe's uneven reads.
type dribble struct {
	r   io.Reader
	rnd *rand.Rand
}

func (d *dribble) Read(p []byte) (int, error) {
	return d.r.Read(p[:min(len(p), 1+d.rnd.IntN(5000))])
}

// TestSameFrames reads one capture in every way there is.
func TestSameFrames(t *testing.T) {
	for _, ng := range []bool{false, true} {
		data, want := example(ng, 3000, 1)
		dir := t.TempDir()
		skippable := append([]byte{0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0}, "abc"...)
		for name, content := range map[string][]byte{
			"plain": data, "gzip": gzipped(t, data), "zstd": zstandard(t, data),
			"gzip members":  gzipped(t, data[:10], data[10:5000], data[5000:]),
			"zstd frames":   append(zstandard(t, data[:5000]), zstandard(t, data[5000:])...),
			"zstd, skipped": append(skippable, zstandard(t, data)...),
		} {
			path := file(t, dir, name, content)
			for _, n := range []int{1, 2, 256, 4096} {
				if got, stats := readAll(t, []string{path}, Options{}, n); !slices.Equal(got, want) || len(stats.Cuts) > 0 {
					t.Errorf("pcapng %v, %s, batches of %d: %d frames differ from those written, cuts %v", ng, name, n, len(got), stats.Cuts)
				} else if stats.Read != int64(len(content)) || stats.Total != stats.Read || stats.Frames != int64(len(want)) {
					t.Errorf("%s: read %d of %d bytes and %d frames, want %d and %d", name, stats.Read, stats.Total, stats.Frames, len(content), len(want))
				}
				in := &dribble{bytes.NewReader(content), rand.New(rand.NewPCG(2, uint64(n)))}
				got, stats := readAll(t, []string{"-"}, Options{Stdin: in}, n)
				if !slices.Equal(got, want) || len(stats.Cuts) > 0 || stats.Total != 0 {
					t.Errorf("pcapng %v, %s, piped, batches of %d: %d frames differ from those written, %+v", ng, name, n, len(got), stats)
				}
			}
		}
	}
}

// TestPipeDoesNotWait gets the frames that are there while the pipe stays open.
func TestPipeDoesNotWait(t *testing.T) {
	data, want := example(false, 20, 3)
	r, w := io.Pipe()
	defer w.Close()
	src, err := Open([]string{"-"}, Options{Stdin: r})
	if err != nil {
		t.Fatal(err)
	}
	go w.Write(data) // and then nothing
	b := capture.Batch{Frames: make([]capture.Frame, 0, 256)}
	for n := 0; n < len(want); n += len(b.Frames) {
		if err := src.Read(&b); err != nil {
			t.Fatal(err)
		}
	}
}

// TestCutAnywhere ends a capture at every kind of place: what was whole before is delivered, and only that.
func TestCutAnywhere(t *testing.T) {
	rnd := rand.New(rand.NewPCG(4, 4))
	for _, ng := range []bool{false, true} {
		data, want := example(ng, 300, 5)
		ends, _ := example(ng, 0, 5) // the header
		for range 200 {
			at := len(ends) + rnd.IntN(len(data)-len(ends))
			content := data[:at]
			if rnd.IntN(4) == 0 {
				content = gzipped(t, content)
			}
			got, stats := readAll(t, []string{file(t, t.TempDir(), "cut", content)}, Options{}, 1+rnd.IntN(300))
			n, end := frameCount(data[:at], ng)
			if len(got) != n || !slices.Equal(got, want[:n]) {
				t.Fatalf("cut at %d: %d frames, want %d as written", at, len(got), n)
			}
			var cuts []int64
			for _, c := range stats.Cuts {
				cuts = append(cuts, c.Offset)
			}
			if at == end && len(cuts) > 0 || at != end && !slices.Equal(cuts, []int64{int64(end)}) {
				t.Fatalf("cut at %d, records end at %d: noted at %v", at, end, cuts)
			}
		}
	}
}

// frameCount counts the whole packets of a little-endian example by walking over its lengths, and says where the last
// record ends.
func frameCount(data []byte, ng bool) (n, end int) {
	if !ng {
		for end = pcapHeader; end+16 <= len(data); n++ {
			next := end + 16 + int(binary.LittleEndian.Uint32(data[end+8:]))
			if next > len(data) {
				break
			}
			end = next
		}
		return n, end
	}
	for end+8 <= len(data) {
		next := end + int(binary.LittleEndian.Uint32(data[end+4:]))
		if next > len(data) {
			break
		}
		if binary.LittleEndian.Uint32(data[end:]) == blockEnhanced {
			n++
		}
		end = next
	}
	return n, end
}

// TestCutCompressed ends the compressed data itself.
func TestCutCompressed(t *testing.T) {
	data, want := example(false, 3000, 6)
	for name, content := range map[string][]byte{"gzip": gzipped(t, data), "zstd": zstandard(t, data)} {
		got, stats := readAll(t, []string{file(t, t.TempDir(), name, content[:len(content)*2/3])}, Options{}, 256)
		if len(got) == 0 || len(got) == len(want) || !slices.Equal(got, want[:len(got)]) {
			t.Errorf("%s: %d frames", name, len(got))
		}
		if len(stats.Cuts) != 1 || !strings.Contains(stats.Cuts[0].Why, "broken "+name) {
			t.Errorf("%s: cuts %v", name, stats.Cuts)
		}
	}
}

func oneFrame(sec uint32) []byte {
	w := &builder{AppendByteOrder: binary.LittleEndian}
	return w.pcapHeader(magicMicro, 1).record(sec, 0, "x", 1).b
}

// TestOrder reads files by their first frames, wherever they were named.
func TestOrder(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "sub", "deep"), 0o700); err != nil {
		t.Fatal(err)
	}
	header := oneFrame(0)[:pcapHeader]
	file(t, dir, "a.txt", []byte("notes"))
	file(t, dir, "empty", nil)
	file(t, dir, "header.pcap", header)
	file(t, dir, "z.pcap", oneFrame(10))
	file(t, dir, "sub/b", oneFrame(30))
	file(t, dir, "sub/a", oneFrame(30))
	file(t, dir, "sub/deep/c.gz", gzipped(t, oneFrame(20)))
	long := append(oneFrame(5), oneFrame(15)[pcapHeader:]...)
	last := file(t, t.TempDir(), "long", long)
	got, stats := readAll(t, []string{"-", dir, last, last, filepath.Join(dir, "z.pcap")}, Options{Stdin: bytes.NewReader(oneFrame(1))}, 8)

	var times []int64
	for i, f := range got {
		times = append(times, f.time/1e9)
		if i > 0 && f.face < got[i-1].face {
			t.Errorf("frame %d is of interface %d, after %d", i, f.face, got[i-1].face)
		}
	}
	if want := []int64{5, 15, 10, 20, 30, 30, 1}; !slices.Equal(times, want) {
		t.Errorf("frames at %v, want %v", times, want)
	}
	if f := stats.Files[3]; f.Name != filepath.Join(dir, "sub", "a") || f.Frames != 1 || f.First != 30e9 || f.Last != 30e9 || f.Format != "pcap" {
		t.Errorf("fourth file %+v", f)
	}
	if f := stats.Files[2]; f.Compression != "gzip" {
		t.Errorf("third file %+v", f)
	}
	if len(stats.Files) != 7 || stats.Files[6].Name != "-" || stats.Files[6].Size != -1 {
		t.Errorf("files %+v", stats.Files)
	}
	if len(stats.Skipped) != 2 || stats.Skipped[0].Found != "text" || stats.Skipped[1].Found != "empty" {
		t.Errorf("skipped %+v", stats.Skipped)
	}
	if o := stats.Overlaps; len(o) != 2 || o[0].Previous != last || o[0].First != 10e9 || o[0].Last != 15e9 || o[1].File != "-" {
		t.Errorf("overlaps %+v", o)
	}
}

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	nothing := filepath.Join(dir, "nothing")
	if err := os.Mkdir(nothing, 0o700); err != nil {
		t.Fatal(err)
	}
	file(t, nothing, "readme", []byte("text"))
	for path, want := range map[string]string{
		filepath.Join(dir, "missing"): "no such file",
		nothing:                       "no captures in it (1 other files)",
		file(t, dir, "text", []byte("GET / HTTP/1.1\r\n")):                                     "not a capture but text (weir reads",
		file(t, dir, "empty", nil):                                                             "not a capture but empty",
		file(t, dir, "short", oneFrame(1)[:10]):                                                "the first 10 bytes of a pcap file's header",
		file(t, dir, "ng", []byte("\x0a\x0d\x0d\x0aabcdabcdabcdabcd")):                         "a broken pcapng header",
		file(t, dir, "zip", []byte("PK\x03\x04....")):                                          "a zip archive",
		file(t, dir, "old", append(oneFrame(1)[:4:4], make([]byte, 20)...)):                    "pcap of version 0.0",
		file(t, dir, "gz", []byte{0x1f, 0x8b, 1, 2, 3}):                                        "broken gzip data",
		file(t, dir, "gztext", gzipped(t, []byte("hello"))):                                    "but text",
		file(t, dir, "zst", []byte{0x28, 0xb5, 0x2f, 0xfd, 1, 2, 3}):                           "broken zstd data",
		file(t, dir, "bytes", []byte{1, 2, 3, 4, 5}):                                           "data that begins with 01 02 03 04",
		file(t, dir, "shb", (&builder{AppendByteOrder: binary.LittleEndian}).section().b[:20]): "a pcapng header that is broken: cut short",
	} {
		_, err := Open([]string{path}, Options{})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error %v, want %q", path, err, want)
		}
	}
	if _, err := Open([]string{filepath.Join(dir, "missing")}, Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	if _, err := Open(nil, Options{}); err == nil {
		t.Error("no path is no error")
	}
	r, err := Open([]string{"-"}, Options{Stdin: strings.NewReader("hello")})
	if err != nil {
		t.Fatal(err)
	}
	var not *NotCaptureError
	b := capture.Batch{Frames: make([]capture.Frame, 0, 1)}
	if err := r.Read(&b); !errors.As(err, &not) || r.Read(&b) != io.EOF {
		t.Errorf("text on standard input: %v", err)
	}
}

// TestReadAllocates reads on in a capture without allocating. The tables that gzip makes for a block of its own are
// none of ours, but must not be one per frame.
func TestReadAllocates(t *testing.T) {
	for _, ng := range []bool{false, true} {
		data, _ := example(ng, 20000, 7)
		for name, content := range map[string][]byte{"plain": data, "zstd": zstandard(t, data), "gzip": gzipped(t, data)} {
			r, err := Open([]string{file(t, t.TempDir(), "c", content)}, Options{})
			if err != nil {
				t.Fatal(err)
			}
			b := capture.Batch{Frames: make([]capture.Frame, 0, 256)}
			read := func() {
				if err := r.Read(&b); err != nil {
					t.Fatal(err)
				}
			}
			for range 20 {
				read()
			}
			if n := testing.AllocsPerRun(40, read); n > 0 && name != "gzip" || n > 8 {
				t.Errorf("pcapng %v, %s: %v allocations per Read", ng, name, n)
			}
			r.Close()
			if err := r.Read(&b); err != io.EOF {
				t.Errorf("Read after Close: %v, want io.EOF", err)
			}
		}
	}
}
