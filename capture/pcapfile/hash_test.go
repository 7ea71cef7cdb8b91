package pcapfile

import (
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/zeebo/xxh3"

	"github.com/weir-sensor/weir/capture"
)

// The hash in Stats is that of the file's bytes on disk, whatever of them the reader needed.
func TestHash(t *testing.T) {
	demo, err := os.ReadFile("../../testdata/demo.pcap.gz")
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open("../../testdata/demo.pcap.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	corrupt := append([]byte(nil), plain...)
	corrupt[24+8+3] = 0xff // the first record's captured length
	for name, data := range map[string][]byte{
		"gzip":      demo,
		"plain":     plain,
		"cut":       plain[:len(plain)/2],
		"corrupt":   corrupt,
		"gzip tail": append(append([]byte(nil), demo...), make([]byte, 1<<20)...),
	} {
		path := filepath.Join(t.TempDir(), "x.pcap")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := Open([]string{path}, Options{Hash: true})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		b := capture.Batch{Frames: make([]capture.Frame, 0, 100)}
		for err = nil; err == nil; {
			err = r.Read(&b)
		}
		if !errors.Is(err, io.EOF) {
			t.Fatalf("%s: %v", name, err)
		}
		sum := xxh3.Hash128(data).Bytes()
		if got, want := r.Stats().Files[0].XXH3, hex.EncodeToString(sum[:]); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
		r.Close()
	}
}
