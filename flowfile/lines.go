package flowfile

import (
	"bytes"
	"errors"
	"io"
)

// Sizes of the buffer of lines, in bytes; maxLine is the longest line that is read.
const (
	block   = 256 << 10
	maxLine = 1 << 20
)

// lines cuts an input into lines.
type lines struct {
	from   io.Reader
	buf    []byte
	lo, hi int
	number int64 // of the line that was given last, from 1
	whole  bool  // it ended with a line feed
	ended  error // what the input said at its end
}

// errLong stands for a line that is longer than maxLine; it was passed over.
var errLong = errors.New("line too long")

// next returns the next line without its end, borrowed until the following call; errLong; or, where there is none, what the
// input said: io.EOF at its end.
func (l *lines) next() ([]byte, error) {
	scanned, long := 0, false
	for {
		if i := bytes.IndexByte(l.buf[l.lo+scanned:l.hi], '\n'); i >= 0 {
			line := l.buf[l.lo : l.lo+scanned+i]
			l.lo += scanned + i + 1
			return l.give(line, true, long)
		}
		scanned = l.hi - l.lo
		if l.ended != nil {
			if scanned == 0 && !long {
				return nil, l.ended
			}
			line := l.buf[l.lo:l.hi]
			l.lo = l.hi
			return l.give(line, false, long)
		}
		if scanned > maxLine {
			l.lo, scanned, long = l.hi, 0, true
		}
		l.fill()
	}
}

func (l *lines) give(line []byte, whole, long bool) ([]byte, error) {
	l.number++
	l.whole = whole
	if long || len(line) > maxLine {
		return nil, errLong
	}
	return bytes.TrimSuffix(line, []byte{'\r'}), nil
}

// fill reads more behind what is there.
func (l *lines) fill() {
	if l.lo > 0 && (l.lo == l.hi || len(l.buf)-l.hi < block/2) {
		l.lo, l.hi = 0, copy(l.buf, l.buf[l.lo:l.hi])
	}
	if len(l.buf)-l.hi < block/2 {
		larger := make([]byte, max(block, 2*len(l.buf)))
		copy(larger, l.buf[:l.hi])
		l.buf = larger
	}
	for range 100 {
		n, err := l.from.Read(l.buf[l.hi:])
		l.hi += n
		if err != nil {
			l.ended = err
			return
		}
		if n > 0 {
			return
		}
	}
	l.ended = io.ErrNoProgress
}
