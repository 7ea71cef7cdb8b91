package output

import (
	"errors"

	"github.com/weir-sensor/weir/flowtable"
)

// Tee is a Sink that hands everything to several others, in their order.
type Tee []Sink

// Flows implements Sink.
func (t Tee) Flows(records []flowtable.Record) error {
	for _, s := range t {
		if err := s.Flows(records); err != nil {
			return err
		}
	}
	return nil
}

// Flush implements Sink.
func (t Tee) Flush() error { return t.each(Sink.Flush) }

// Close implements Sink. All are closed, also after an error.
func (t Tee) Close() error { return t.each(Sink.Close) }

// Abort implements Sink. All are given up, also after an error.
func (t Tee) Abort() error { return t.each(Sink.Abort) }

func (t Tee) each(f func(Sink) error) error {
	var problems []error
	for _, s := range t {
		problems = append(problems, f(s))
	}
	return errors.Join(problems...)
}
