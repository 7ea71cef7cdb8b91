package output

import (
	"errors"
	"slices"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/features"
	"github.com/weir-sensor/weir/flowtable"
)

// tee hands everything to several sinks, in their order. One whose reader closes the pipe is left out from then on; only when
// it was the last one is that an error.
type tee[S sink] struct{ sinks []S }

// sink is what the sinks of all records have in common.
type sink interface {
	Flush() error
	Close() error
	Abort() error
}

// Tee is a Sink that hands flow records to several others, which it owns. One whose reader closes the pipe is left out from
// then on; only when it was the last one is that an error.
type Tee struct{ tee[Sink] }

// NewTee returns a Tee of the sinks.
func NewTee(sinks ...Sink) *Tee { return &Tee{tee[Sink]{sinks}} }

// Flows implements Sink.
func (t *Tee) Flows(records []flowtable.Record) error {
	return t.each(func(s Sink) error { return s.Flows(records) })
}

// WindowTee is a WindowSink; see Tee.
type WindowTee struct{ tee[WindowSink] }

// NewWindowTee returns a WindowTee of the sinks.
func NewWindowTee(sinks ...WindowSink) *WindowTee { return &WindowTee{tee[WindowSink]{sinks}} }

// Windows implements WindowSink.
func (t *WindowTee) Windows(windows []features.Window) error {
	return t.each(func(s WindowSink) error { return s.Windows(windows) })
}

// AlertTee is an AlertSink; see Tee. The zero value has no sinks.
type AlertTee struct{ tee[AlertSink] }

// Add puts a sink behind the others, before the first alert.
func (t *AlertTee) Add(s AlertSink) { t.sinks = append(t.sinks, s) }

// Alerts implements AlertSink.
func (t *AlertTee) Alerts(alerts []detect.Alert) error {
	return t.each(func(s AlertSink) error { return s.Alerts(alerts) })
}

// Flush implements Sink.
func (t *tee[S]) Flush() error { return t.each(S.Flush) }

// each calls f for every sink, up to the first error.
func (t *tee[S]) each(f func(S) error) error {
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
func (t *tee[S]) Close() error {
	var problems []error
	for _, s := range t.sinks {
		if err := s.Close(); !errors.Is(err, ErrClosedPipe) || len(t.sinks) == 1 {
			problems = append(problems, err)
		}
	}
	return errors.Join(problems...)
}

// Abort implements Sink. All are given up, also after an error.
func (t *tee[S]) Abort() error {
	var problems []error
	for _, s := range t.sinks {
		problems = append(problems, s.Abort())
	}
	return errors.Join(problems...)
}
