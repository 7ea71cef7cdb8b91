package pcapfile

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/zeebo/xxh3"
	"golang.org/x/sys/unix"
)

// Compressed data is read from the file in pieces of this many bytes.
const compressedBlock = 256 << 10

// zstdWindow is the largest window of zstd data that is decoded, since a few bytes of header are enough to claim it.
// zstd's levels need 8 MiB at most, but for --ultra and --long.
const zstdWindow = 32 << 20

// input gives out the bytes of one file, decompressed.
type input struct {
	from        io.ReadCloser
	tap         *tap
	ended       bool  // everything was read
	failed      error // what the file itself said, other than io.EOF
	live        bool  // a pipe: a Read may wait for more
	compression string
	plain       io.Reader
	release     func()
}

// Read reads from the file as it is on disk, and counts.
func (in *input) Read(p []byte) (int, error) {
	if in.live && !in.tap.await(in.from) {
		in.failed = errInterrupted
		return 0, errInterrupted
	}
	n, err := in.from.Read(p)
	in.tap.add(p[:n])
	if err == io.EOF {
		in.ended = true
	} else if err != nil {
		in.failed = err
	}
	return n, err
}

// errInterrupted is what a pipe says after Interrupt.
var errInterrupted = errors.New("interrupted")

// tap sees every byte as it is on disk.
type tap struct {
	bytes atomic.Int64
	stop  atomic.Bool  // set by Interrupt
	hash  *xxh3.Hasher // of the current file; nil where nobody asked
}

// await waits until a pipe has something to read, or returns false after Interrupt. What is not a file of the system
// is taken to have something always.
func (t *tap) await(from io.Reader) bool {
	if in, ok := from.(standardInput); ok {
		from = in.Reader
	}
	file, ok := from.(*os.File)
	for !t.stop.Load() {
		if !ok {
			return true
		}
		ready := []unix.PollFd{{Fd: int32(file.Fd()), Events: unix.POLLIN}}
		if n, err := unix.Poll(ready, interruptMillis); n > 0 || err != nil && err != unix.EINTR {
			return true // also where the pipe has ended: Read says so
		}
	}
	return false
}

// interruptMillis is how long Interrupt may take to be noticed.
const interruptMillis = 100

func (t *tap) add(p []byte) {
	t.bytes.Add(int64(len(p)))
	if t.hash != nil {
		t.hash.Write(p) // never fails
	}
}

// sum returns the hash of the whole file, and begins the next one; it reads what was left of it. It is empty where
// that is not known: nobody asked, the file cannot be read, or a pipe has not ended.
func (t *tap) sum(in *input) string {
	if t.hash == nil {
		return ""
	}
	defer t.hash.Reset()
	if !in.live && !in.ended {
		if _, err := io.CopyBuffer(io.Discard, struct{ io.Reader }{in}, make([]byte, compressedBlock)); err != nil {
			return ""
		}
	}
	if !in.ended {
		return ""
	}
	sum := t.hash.Sum128().Bytes()
	return hex.EncodeToString(sum[:])
}

func (in *input) Close() error {
	if in.release != nil {
		in.release()
	}
	return in.from.Close()
}

// begin looks for compression and returns the first bytes of what it gives out (len(buf), fewer where there are no
// more), which fill does not give again.
func (in *input) begin(buf []byte) ([]byte, error) {
	in.plain, in.compression = in, "none"
	head, err := in.readFull(buf)
	if err != nil {
		return nil, err
	}
	// A copy: the decompressor reads these while it fills buf.
	raw := bufio.NewReaderSize(io.MultiReader(bytes.NewReader(bytes.Clone(head)), in), 16)
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		raw = bufio.NewReaderSize(raw, compressedBlock)
		z, err := gzip.NewReader(raw)
		if err != nil {
			return nil, brokenCompression("gzip", err)
		}
		in.plain, in.compression = z, "gzip"
	case isZstd(head):
		raw = bufio.NewReaderSize(raw, compressedBlock)
		z, err := zstd.NewReader(raw, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(zstdWindow))
		if err != nil {
			return nil, brokenCompression("zstd", err)
		}
		in.plain, in.compression, in.release = z, "zstd", z.Close
	default:
		return head, nil
	}
	if head, err = in.readFull(buf); err != nil {
		return nil, brokenCompression(in.compression, err)
	}
	return head, nil
}

// isZstd reports a zstd frame or a skippable one.
func isZstd(head []byte) bool {
	return bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}) ||
		len(head) >= 4 && head[0]&0xf0 == 0x50 && bytes.Equal(head[1:4], []byte{0x2a, 0x4d, 0x18})
}

func brokenCompression(name string, err error) error {
	// The second is the error for a frame that is its own window.
	if errors.Is(err, zstd.ErrWindowSizeExceeded) || errors.Is(err, zstd.ErrDecoderSizeExceeded) {
		return fmt.Errorf("zstd data with a window above %d MiB, which zstd -dc can unpack", zstdWindow>>20)
	}
	return errors.New("broken " + name + " data (" + err.Error() + ")")
}

// readFull fills buf as far as there is data.
func (in *input) readFull(buf []byte) ([]byte, error) {
	n, err := io.ReadFull(in.plain, buf)
	if n > 0 || err == io.EOF {
		err = nil // an error after some bytes comes again with the next ones
	}
	return buf[:n], err
}

// fill reads into p until it is full; from a pipe, what one read gives. It returns an error only with 0 bytes.
func (in *input) fill(p []byte) (int, error) {
	n := 0
	for empty := 0; n < len(p) && empty < 100; empty++ {
		m, err := in.plain.Read(p[n:])
		n += m
		switch {
		case err != nil && n == 0:
			return 0, err
		case err != nil, m > 0 && in.live:
			return n, nil
		case m > 0:
			empty = 0
		}
	}
	if n == 0 {
		return 0, io.ErrNoProgress
	}
	return n, nil
}

// standardInput keeps Close away from the process's standard input.
type standardInput struct{ io.Reader }

func (standardInput) Close() error { return nil }

// openInput opens a file, or takes stdin for "-".
func openInput(name string, live bool, stdin io.Reader, tap *tap) (*input, error) {
	if name == "-" {
		return &input{from: standardInput{stdin}, tap: tap, live: true}, nil
	}
	mode := os.O_RDONLY
	if live {
		mode |= unix.O_NONBLOCK // a named pipe without a writer: await waits for one, and Interrupt ends that
	}
	f, err := os.OpenFile(name, mode, 0)
	if err != nil {
		return nil, openError(name, err)
	}
	return &input{from: f, tap: tap, live: live}, nil
}
