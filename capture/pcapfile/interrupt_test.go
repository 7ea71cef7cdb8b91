package pcapfile

import (
	"io"
	"os"
	"testing"

	"github.com/weir-sensor/weir/capture"
)

// A Read that waits for a pipe ends soon after Interrupt, with everything that came before delivered.
func TestInterrupt(t *testing.T) {
	from, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	defer to.Close()
	header := []byte{0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0}
	record := []byte{1, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 4, 0, 0, 0, 'w', 'e', 'i', 'r'}
	if _, err := to.Write(append(header, record...)); err != nil {
		t.Fatal(err)
	}
	r, err := Open([]string{"-"}, Options{Stdin: from})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b := capture.Batch{Frames: make([]capture.Frame, 0, 10)}
	if err := r.Read(&b); err != nil || len(b.Frames) != 1 || string(b.Bytes(0)) != "weir" {
		t.Fatalf("got %d frames, error %v, want the one that was sent", len(b.Frames), err)
	}
	ended := make(chan error)
	go func() { ended <- r.Read(&b) }()
	r.Interrupt()
	if err := <-ended; err != io.EOF {
		t.Errorf("got %v, want io.EOF", err)
	}
	if cuts := r.Stats().Cuts; len(cuts) != 0 {
		t.Errorf("got cuts %v, want none", cuts)
	}
}
