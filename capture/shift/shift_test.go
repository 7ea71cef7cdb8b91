package shift

import (
	"errors"
	"io"
	"math"
	"math/big"
	"testing"

	"github.com/weir-sensor/weir/capture"
)

// fixed gives out one batch of frames for each slice of times, then an error.
type fixed struct {
	batches [][]int64
	err     error
	closed  bool
}

func (f *fixed) Read(b *capture.Batch) error {
	if len(f.batches) == 0 {
		return f.err
	}
	b.Frames = b.Frames[:0]
	for n, time := range f.batches[0] {
		b.Frames = append(b.Frames, capture.Frame{Time: time, Off: 7, Len: 8, Wire: 9, Link: 1, Iface: uint16(n)})
	}
	f.batches = f.batches[1:]
	return nil
}

func (f *fixed) Close() error { f.closed = true; return nil }

// Every frame keeps its distance from the first, or comes as near to it as 64 bits allow; nothing else of it changes.
func TestShift(t *testing.T) {
	for _, to := range []int64{0, 1_577_836_800_000_000_000, -5, math.MinInt64, math.MaxInt64} {
		for _, batches := range [][][]int64{
			{{100, 90, 200}, {50}}, {{math.MinInt64, math.MaxInt64, 0}}, {{math.MaxInt64, math.MinInt64, 0}}, {{0}, {math.MinInt64, math.MaxInt64, -1, 1}},
		} {
			from := &fixed{batches: batches, err: io.EOF}
			s := New(from, to)
			if got := s.Offset(); got != 0 {
				t.Errorf("offset before the first frame: got %d, want 0", got)
			}
			first := batches[0][0]
			var b capture.Batch
			for _, times := range batches {
				if err := s.Read(&b); err != nil {
					t.Fatal(err)
				}
				for i, time := range times {
					want := capture.Frame{Time: bounded(bounded(time, first, -1), to, 1), Off: 7, Len: 8, Wire: 9, Link: 1, Iface: uint16(i)}
					if b.Frames[i] != want {
						t.Errorf("frame at %d, first at %d, to %d: got %+v, want %+v", time, first, to, b.Frames[i], want)
					}
				}
			}
			if got, want := s.Offset(), bounded(to, first, -1); got != want {
				t.Errorf("offset: got %d, want %d", got, want)
			}
			if err := s.Read(&b); err != io.EOF {
				t.Errorf("at the end: got %v, want io.EOF", err)
			}
			if s.Close(); !from.closed {
				t.Error("the source is not closed")
			}
		}
	}
}

// bounded is a + sign*b, as near as 64 bits come to it.
func bounded(a, b, sign int64) int64 {
	n := new(big.Int).Add(big.NewInt(a), new(big.Int).Mul(big.NewInt(b), big.NewInt(sign)))
	switch {
	case n.IsInt64():
		return n.Int64()
	case n.Sign() < 0:
		return math.MinInt64
	}
	return math.MaxInt64
}

// An error before the first frame moves nothing.
func TestShiftOfNothing(t *testing.T) {
	broken := errors.New("cable pulled")
	s := New(&fixed{err: broken}, 5)
	if err := s.Read(new(capture.Batch)); err != broken || s.Offset() != 0 {
		t.Errorf("got %v, offset %d, want the source's error and 0", err, s.Offset())
	}
}
