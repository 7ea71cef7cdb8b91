package output

import (
	"errors"
	"slices"

	"github.com/weir-sensor/weir/flowtable"
)

// Tee is a Sink that hands everything to several others, in their order. One whose reader closes the pipe is left out
// from then on; only when it was the last one is that an error.
type Tee struct{ sinks []Sink }

// NewTee returns a Tee of the sinks, which it owns from now on.
func NewTee(sinks ...Sink) *Tee { return &Tee{sinks} }

// Flows implements Sink.
func (t *Tee) Flows(records []flowtable.Record) error {
	return t.each(func(s Sink) error { return s.Flows(records) })
}

// Flush implements Sink.
func (t *Tee) Flush() error { return t.each(Sink.Flush) }

// each calls f for every sink, up to the first error.
func (t *Tee) each(f func(Sink) error) error {
	for i := 0; i < len(t.sinks); i++ {
		err := f(t.sinks[i])
		if errors.Is(err, ErrClosedPipe) && len(t.sinks) > 1 {
			_ = t.sinks[i].Abort() // of a stream: there is nothing to give up
			t.sinks = slices.Delete(t.sinks, i, i+1)
			i--
		} else if err != nil {
			return err
		}
	}
	return nil
}

// Close implements Sink. All are closed, also after an error.
func (t *Tee) Close() error {
	var problems []error
	for _, s := range t.sinks {
		if err := s.Close(); !errors.Is(err, ErrClosedPipe) || len(t.sinks) == 1 {
			problems = append(problems, err)
		}
	}
	return errors.Join(problems...)
}

// Abort implements Sink. All are given up, also after an error.
func (t *Tee) Abort() error {
	var problems []error
	for _, s := range t.sinks {
		problems = append(problems, s.Abort())
	}
	return errors.Join(problems...)
}
