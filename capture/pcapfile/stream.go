package pcapfile

import (
	"errors"
	"fmt"
	"io"

	"github.com/weir-sensor/weir/capture"
)

// Sizes of a batch's block in bytes.
const (
	minBlock  = 64 << 10
	wantBlock = 1 << 20
)

// stream is the frames of one file. The zero value is ready for open, and an ended one for the next file.
type stream struct {
	name   string
	in     *input
	framer framer
	ended  error  // what the input said at its end: io.EOF, or why it cannot be read further
	buf    []byte // buf[lo:hi] was read from the input and not yet framed
	lo, hi int
	offset int64 // where that begins in the decompressed file
	mean   int   // bytes per frame in the last batch, record headers included; 0: not known yet
}

// open begins a file. A *NotCaptureError says that it is none; the file is closed then.
func (s *stream) open(name string, live bool, stdin io.Reader, tap *tap, iface int) error {
	in, err := openInput(name, live, stdin, tap)
	if err != nil {
		return err
	}
	if len(s.buf) == 0 {
		s.buf = make([]byte, minBlock)
	}
	*s = stream{name: name, in: in, buf: s.buf}
	head, err := in.begin(s.buf[:pcapHeader])
	var used int
	if err == nil {
		s.framer, used, err = newFramer(head, iface)
	}
	if err != nil {
		defer s.close()
		if in.failed == errInterrupted {
			return io.EOF
		}
		if in.failed != nil {
			return openError(name, in.failed)
		}
		return &NotCaptureError{File: name, Found: err.Error()}
	}
	s.lo, s.hi, s.offset = used, len(head), int64(used) // head is in buf
	return nil
}

// close ends the file; a second call does nothing.
func (s *stream) close() {
	if s.in != nil {
		s.in.Close()
		s.in = nil
	}
}

// read fills b with at least one frame, or returns io.EOF at the file's end, a *cutError where it cannot be read
// further, another error where the file could not be read.
func (s *stream) read(b *capture.Batch) error {
	b.Frames = b.Frames[:0]
	want := s.blockSize(cap(b.Frames))
	b.Data = atLeast(b.Data, want)
	have, pos := s.recall(b.Data[:want]), 0
	fresh := false // b.Data holds bytes that are not in buf
	for {
		var err error
		b.Frames, pos, err = s.framer.frame(b.Data[:have], pos, b.Frames)
		if len(b.Frames) == 0 {
			if err != nil {
				return s.corrupt(pos, err)
			}
			have, pos = s.discard(b.Data[:have], pos), 0
		} else if err != nil || len(b.Frames) == cap(b.Frames) || s.lo == s.hi && (fresh || s.in.live || s.ended != nil) {
			break
		}
		if have == len(b.Data) {
			larger := make([]byte, 2*have)
			copy(larger, b.Data)
			b.Data = larger
		}
		if s.lo < s.hi {
			have += s.recall(b.Data[have:])
			continue
		}
		if s.ended != nil {
			return s.end(have)
		}
		n, err := s.in.fill(b.Data[have:min(max(want, have+minBlock), len(b.Data))])
		have, fresh, s.ended = have+n, fresh || n > 0, err
	}
	s.keep(b.Data[pos:have], fresh)
	s.offset += int64(pos)
	s.mean = max(1, pos/len(b.Frames))
	return nil
}

// recall moves bytes kept from earlier into data and says how many.
func (s *stream) recall(data []byte) int {
	n := copy(data, s.buf[s.lo:s.hi])
	s.lo += n
	return n
}

// discard drops pos bytes that held no packet, so that nothing but packets fills the block.
func (s *stream) discard(data []byte, pos int) int {
	s.offset += int64(pos)
	if pos == 0 {
		return len(data)
	}
	return copy(data, data[pos:])
}

// keep remembers the bytes at the end of the block that were not framed. Without fresh ones they are still in buf.
func (s *stream) keep(left []byte, fresh bool) {
	if !fresh {
		s.lo -= len(left)
		return
	}
	if len(s.buf) < len(left) {
		s.buf = make([]byte, len(left)+len(left)/2)
	}
	s.lo, s.hi = 0, copy(s.buf, left)
}

// blockSize is how many bytes to read for a batch of n frames: as many as they are likely to take and a little more,
// since what is left over is copied twice.
func (s *stream) blockSize(n int) int {
	block := min(max(n<<10, minBlock), wantBlock)
	if s.mean == 0 {
		return block
	}
	return min(n*s.mean+n*s.mean/16+64, block)
}

// atLeast gives data a length of n or more, keeping nothing.
func atLeast(data []byte, n int) []byte {
	if cap(data) < n {
		return make([]byte, max(n, minBlock))
	}
	return data[:cap(data)]
}

// cutError says where a file stopped being readable, and why.
type cutError struct {
	offset int64
	why    string
}

func (e *cutError) Error() string { return fmt.Sprintf("%s at offset %d", e.why, e.offset) }

// corrupt is the error for a record that cannot be right. A file of which not even the first block can be read is no
// capture.
func (s *stream) corrupt(pos int, err error) error {
	offset := s.offset + int64(pos)
	if offset == 0 {
		return &NotCaptureError{File: s.name, Found: "a " + s.framer.format() + " header that is broken: " + err.Error()}
	}
	return &cutError{offset: offset, why: err.Error()}
}

// end is the error at the end of the input, with left bytes that make no whole record.
func (s *stream) end(left int) error {
	switch {
	case s.in.failed == errInterrupted:
		return io.EOF
	case s.in.failed != nil:
		return fmt.Errorf("read %s: %w", s.name, s.in.failed)
	case !errors.Is(s.ended, io.EOF):
		return s.corrupt(0, brokenCompression(s.in.compression, s.ended))
	case left == 0:
		return io.EOF
	}
	return s.corrupt(0, fmt.Errorf("cut short in the middle of a record (%d bytes of it are there)", left))
}
