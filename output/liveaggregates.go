package output

import (
	"errors"

	"github.com/weir-sensor/weir/aggregate"
	"github.com/weir-sensor/weir/flowtable"
)

// AggregateQueues is the Sink of a live run that sums flow records up, on the caller's goroutine, and hands the sums to two
// queues; see FlowQueue.
type AggregateQueues struct {
	TupleRows TupleQueue // sums by 5-tuple
	StepRows  StepQueue  // sums by (client, server) and step
	sums      *aggregate.Aggregator
}

// TupleQueue takes sums by 5-tuple; see FlowQueue.
type TupleQueue struct{ *queue[aggregate.Tuple] }

// StepQueue takes sums by (client, server) and step; see FlowQueue.
type StepQueue struct{ *queue[aggregate.Step] }

var _ Sink = (*AggregateQueues)(nil)

// AggregateFiles returns a sink whose queues stand before files aggregates-TIME.EXT and steps-TIME.EXT in the directory,
// which are rotated; cfg must be valid. A row belongs into the file of the packet time at which it was handed on.
func (l Live) AggregateFiles(cfg aggregate.Config) *AggregateQueues {
	tuples := newFiles(l, "aggregates", func(t *aggregate.Tuple) int64 { return t.Written }, func(target Target) recordSink[aggregate.Tuple] {
		return newTuples(cfg, target, l.format(), l.Version)
	})
	steps := newFiles(l, "steps", func(s *aggregate.Step) int64 { return s.Written }, func(target Target) recordSink[aggregate.Step] {
		return newSteps(cfg, target, l.format(), l.Version)
	})
	a := &AggregateQueues{TupleRows: TupleQueue{newQueue("aggregates", tuples, l.Config)}, StepRows: StepQueue{newQueue("steps", steps, l.Config)}}
	a.sums = aggregate.New(cfg, a)
	return a
}

// Tuples implements aggregate.Sink.
func (a *AggregateQueues) Tuples(rows []aggregate.Tuple) error { return a.TupleRows.offer(rows) }

// Steps implements aggregate.Sink.
func (a *AggregateQueues) Steps(rows []aggregate.Step) error { return a.StepRows.offer(rows) }

// Flows implements Sink.
func (a *AggregateQueues) Flows(records []flowtable.Record) error { return a.sums.Flows(records) }

// Flush implements Sink.
func (a *AggregateQueues) Flush() error { return errors.Join(a.TupleRows.Flush(), a.StepRows.Flush()) }

// End hands the sums on whose span or step has not ended; the queues are closed after it. No record comes after it.
func (a *AggregateQueues) End() error { return a.sums.Close() }

// Close implements Sink.
func (a *AggregateQueues) Close() error {
	return errors.Join(a.End(), a.TupleRows.Close(), a.StepRows.Close())
}

// Abort implements Sink.
func (a *AggregateQueues) Abort() error { return errors.Join(a.TupleRows.Abort(), a.StepRows.Abort()) }

// Counts returns what was counted so far. The goroutine of Flows calls it, or who waited for its end.
func (a *AggregateQueues) Counts() aggregate.Counts { return a.sums.Counts() }
