package shift

import (
	"math"

	"github.com/weir-sensor/weir/capture"
)

// Source is a capture.Source whose frames are those of another, moved in time.
type Source struct {
	from  capture.Source
	to    int64
	first int64 // time of the first frame before it was moved
	begun bool
}

var _ capture.Source = (*Source)(nil)

// New returns a source of the frames of from, which it owns from now on, moved so that the first frame has the time to,
// nanoseconds since the epoch. A time that does not fit 64 bits becomes the one nearest to it.
func New(from capture.Source, to int64) *Source { return &Source{from: from, to: to} }

// Offset returns by how many nanoseconds the frames were moved; 0 before the first. It may be called by the goroutine
// that calls Read, and by whoever has got a frame from that one, directly or not.
func (s *Source) Offset() int64 {
	if !s.begun {
		return 0
	}
	return minus(s.to, s.first)
}

// Read implements capture.Source.
func (s *Source) Read(b *capture.Batch) error {
	if err := s.from.Read(b); err != nil {
		return err
	}
	if !s.begun && len(b.Frames) > 0 {
		s.first, s.begun = b.Frames[0].Time, true
	}
	for i := range b.Frames {
		f := &b.Frames[i]
		f.Time = plus(s.to, minus(f.Time, s.first))
	}
	return nil
}

// Close closes the source of the frames.
func (s *Source) Close() error { return s.from.Close() }

// minus returns a - b, or the bound it goes beyond.
func minus(a, b int64) int64 {
	switch d := a - b; {
	case b > 0 && d > a:
		return math.MinInt64
	case b < 0 && d < a:
		return math.MaxInt64
	default:
		return d
	}
}

// plus returns a + b, or the bound it goes beyond.
func plus(a, b int64) int64 {
	switch d := a + b; {
	case b < 0 && d > a:
		return math.MinInt64
	case b > 0 && d < a:
		return math.MaxInt64
	default:
		return d
	}
}
