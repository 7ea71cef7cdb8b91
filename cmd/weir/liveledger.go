package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/weir-sensor/weir/capture"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/output"
	"github.com/weir-sensor/weir/sensor"
)

// ledgerLine is a line of a live run's ledger files: the books at the end of a minute.
type ledgerLine struct {
	Run        string `json:"run"`         // when the run began, with all counters at 0
	Minute     string `json:"minute"`      // beginning of the minute
	Time       string `json:"time"`        // when the books were taken; like the two before by the clock of the machine
	PacketTime string `json:"packet_time"` // how far packet time had come; "" where it had not begun
	liveLedger
}

// The outputs that are files.
const (
	flowFiles      = "flow files"
	windowFiles    = "window files"
	alertFiles     = "alert files"
	aggregateFiles = "aggregate files"
	stepFiles      = "step files"
	ledgerFiles    = "ledger files" // has the books of all
)

// lastLineWait is how long the ledger files have for their end after the others, where these have left less of output.drain.
const lastLineWait = time.Second

// minutes say when a minute by the clock of the machine has ended.
type minutes struct {
	length time.Duration // a minute, but in tests
	begin  time.Time     // of the one that goes on
	end    *time.Timer
}

func newMinutes(length time.Duration) *minutes {
	m := &minutes{length: length, end: time.NewTimer(0)}
	m.next()
	return m
}

// next goes on to the minute that it is now. A timer that fired a little early means the one after.
func (m *minutes) next() {
	m.begin = time.Now().Add(m.length / 60).Truncate(m.length)
	m.end.Reset(time.Until(m.begin.Add(m.length)))
}

// keepLedger gives the ledger files the line of the minute that began then.
func (l *live) keepLedger(to *liveSinks, ledger *sensor.Ledger, minute time.Time) error {
	if to.lines == nil {
		return nil
	}
	now, at := time.Now(), to.clock.Load()
	line := ledgerLine{
		Run: stamp(l.began), Minute: stamp(minute), Time: stamp(now),
		liveLedger: liveLedger{ledger, to.books()},
	}
	if at > flowtable.MinClock {
		line.PacketTime = stamp(time.Unix(0, at))
	} else {
		at = now.UnixNano()
	}
	text, err := json.Marshal(line)
	if err != nil {
		panic("bug: encode ledger: " + err.Error())
	}
	return to.lines.Lines(output.Line{At: at, Text: text})
}

// endLedger gives the ledger files their last line, when the other outputs have ended, and completes them.
func (l *live) endLedger(to *liveSinks, ledger *sensor.Ledger, minute time.Time) error {
	if to.lines == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), max(to.spare, lastLineWait))
	defer cancel()
	return errors.Join(l.keepLedger(to, ledger, minute), to.lines.Shutdown(ctx))
}

// stamp returns a time as records have it.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000000Z") }

func (l *live) tell(message string, ledger *sensor.Ledger) {
	l.log.Info(message, "packets", ledger.Packets, "flow", ledger.Flow, "dropped", ledger.Capture.Dropped,
		"flows_open", ledger.Flows.Open, "flows_opened", ledger.Flows.Opened)
}

// warn says what was lost since it was last said, and what helps.
func (l *live) warn(ledger *sensor.Ledger) {
	c := ledger.Capture
	now := capture.Stats{Dropped: c.Dropped, InterfaceDropped: c.InterfaceDropped, BacklogDropped: c.BacklogDropped, InterfaceMissed: c.InterfaceMissed, InterfaceFIFO: c.InterfaceFIFO}
	for _, loss := range []struct {
		n     uint64
		where string
		helps string
	}{
		{now.Dropped - l.lost.Dropped, "the capture ring was full", "more sensor.shards, a larger afpacket.ring_size (pcap.buffer), or fewer features"},
		{now.BacklogDropped - l.lost.BacklogDropped, "the kernel's queue before the ring was full", "a larger net.core.netdev_max_backlog"},
		{now.InterfaceMissed - l.lost.InterfaceMissed, "the network card had no room", "larger receive rings: ethtool -G INTERFACE rx N"},
		{now.InterfaceFIFO - l.lost.InterfaceFIFO, "the network card's FIFO overran", "larger receive rings: ethtool -G INTERFACE rx N"},
	} {
		if loss.n > 0 {
			l.log.Warn("packets were lost", "packets", loss.n, "where", loss.where, "helps", loss.helps)
		}
	}
	if n := now.InterfaceDropped - now.BacklogDropped; n > 0 && !l.spokeOfDropped {
		l.spokeOfDropped = true
		l.log.Info("the interface counts packets as dropped (rx_dropped)", "packets", n, "meaning", "it does so with those, too, that are captured "+
			"and that this host has no other use for; what a driver had no room for is in ethtool -S INTERFACE. This is said once")
	}
	l.lost = now
}

// withProblem returns attributes of a log, and a problem behind them where there is one.
func withProblem(problem error, attributes ...any) []any {
	if problem == nil {
		return attributes
	}
	return append(attributes, "problem", problem)
}

// warn says which outputs take no records, and how many were lost since it was last said.
func (to *liveSinks) warn(log *slog.Logger) {
	for _, name := range slices.Sorted(maps.Keys(to.queues)) {
		s := to.queues[name].Status()
		if s.Stuck {
			log.Warn("an output takes no records", withProblem(s.Problem, "output", name, "waiting", s.Waiting)...)
		}
		if lost := s.Full + s.Failed; lost > to.lost[name] {
			log.Warn("records were lost", withProblem(s.Problem, "output", name, "records", lost-to.lost[name])...)
			to.lost[name] = lost
		}
	}
}

// liveLedger are the books of a live run: ledger.json at its end.
type liveLedger struct {
	*sensor.Ledger
	Outputs map[string]outputBooks `json:"outputs"`
}

// outputBooks account for the records given to an output: Offered is the sum of the others but Files.
type outputBooks struct {
	Offered uint64 `json:"offered"`
	Waiting uint64 `json:"waiting"` // in the queue; 0 at the end
	Open    uint64 `json:"open"`    // in the file that is being written; 0 at the end
	Written uint64 `json:"written"`
	Full    uint64 `json:"full"`   // lost: the queue was full
	Failed  uint64 `json:"failed"` // lost: taken, but not written
	Files   uint64 `json:"files"`  // complete ones
}

// books returns what became of the records.
func (to *liveSinks) books() map[string]outputBooks {
	all := map[string]outputBooks{}
	for name, q := range to.queues {
		s := q.Status()
		all[name] = outputBooks{s.Offered, s.Waiting, s.Open, s.Written, s.Full, s.Failed, s.Files}
	}
	return all
}
