package bench

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"time"

	"github.com/weir-sensor/weir/capture"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/output"
	"github.com/weir-sensor/weir/packet"
)

// Options say what is measured.
type Options struct {
	Flow     flowtable.Config
	Decode   packet.Options
	Rounds   int              // of which the median is reported; at least 1
	MaxBytes int64            // captured bytes to hold in memory; the rest of the capture is left out
	Now      func() time.Time // the clock that times the stages
}

// Stage is one row of the result: what the stages up to and including this one cost, on one core.
type Stage struct {
	Name            string
	Seconds         float64 // median of the rounds
	PacketsPerS     float64
	GbitPerS        float64 // of the frames' original lengths
	NsPerPacket     float64
	AllocsPerPacket float64 // mallocs of one round after the first, divided by packets
}

// Result is what Run found.
type Result struct {
	Packets      uint64
	WireBytes    uint64
	Left         bool // the capture was larger than MaxBytes
	Stages       []Stage
	Flows        uint64  // records written
	OpenFlows    int     // the most that were open at once, at the end of a batch
	BytesPerFlow float64 // memory of the table divided by OpenFlows
}

// Run holds the packets of the source that open opens in memory. It times the stages read (the source alone, opened
// anew for each round), decode, table (decode and flow table) and output (both, with the records formatted as NDJSON
// to nowhere).
func Run(open func() (capture.Source, error), opt Options) (*Result, error) {
	m := &machine{opt: opt}
	if err := m.each(open, m.hold); err != nil {
		return nil, err
	}
	if m.result.Packets == 0 {
		return nil, errors.New("measure stages: the capture has no packets")
	}
	var err error
	m.measure("read", func() {
		left := m.result.Packets
		err = errors.Join(err, m.each(open, func(b *capture.Batch) bool {
			left -= min(left, uint64(len(b.Frames)))
			return left > 0
		}))
	})
	if err != nil {
		return nil, err
	}
	m.measure("decode", m.decode)
	m.measure("table", func() { m.table(nil) })
	sink := output.NewFlows(output.NewStream(io.Discard, "nowhere"), output.NDJSON, 1, output.Columns{})
	m.measure("output", func() { m.table(sink) })
	if err := sink.Close(); err != nil {
		return nil, err
	}
	m.memory()
	return &m.result, nil
}

// machine holds the packets and the buffers that every stage uses again.
type machine struct {
	opt     Options
	batches []capture.Batch
	kept    int64 // bytes in batches
	inputs  [64]flowtable.Input
	records []flowtable.Record
	result  Result
}

// each reads a source, opened for this, until use returns false.
func (m *machine) each(open func() (capture.Source, error), use func(*capture.Batch) bool) error {
	src, err := open()
	if err != nil {
		return err
	}
	defer src.Close()
	b := capture.Batch{Frames: make([]capture.Frame, 0, batchFrames)}
	for {
		if err := src.Read(&b); err == io.EOF {
			return nil
		} else if err != nil {
			return fmt.Errorf("read packets: %w", err)
		}
		if !use(&b) {
			return nil
		}
	}
}

const batchFrames = 4096

// hold keeps a copy of the batch, and returns false where there is no room for it.
func (m *machine) hold(b *capture.Batch) bool {
	last := b.Frames[len(b.Frames)-1]
	m.kept += int64(last.Off + last.Len)
	if m.kept > m.opt.MaxBytes {
		m.result.Left = true
		return false
	}
	for i := range b.Frames {
		m.result.WireBytes += uint64(b.Frames[i].Wire)
	}
	m.result.Packets += uint64(len(b.Frames))
	m.batches = append(m.batches, capture.Batch{Frames: slices.Clone(b.Frames), Data: slices.Clone(b.Data[:last.Off+last.Len])})
	return true
}

// measure times the rounds of a stage and counts the allocations of the last one.
func (m *machine) measure(name string, stage func()) {
	stage() // the first round grows the buffers
	var times []time.Duration
	var before, after runtime.MemStats
	for range max(1, m.opt.Rounds) {
		runtime.GC()
		runtime.ReadMemStats(&before)
		start := m.opt.Now()
		stage()
		times = append(times, m.opt.Now().Sub(start))
		runtime.ReadMemStats(&after)
	}
	m.add(name, times, after.Mallocs-before.Mallocs)
}

func (m *machine) add(name string, times []time.Duration, mallocs uint64) {
	slices.Sort(times)
	seconds := times[len(times)/2].Seconds()
	packets := float64(m.result.Packets)
	m.result.Stages = append(m.result.Stages, Stage{
		Name: name, Seconds: seconds, PacketsPerS: packets / seconds, GbitPerS: float64(m.result.WireBytes) * 8 / seconds / 1e9,
		NsPerPacket: seconds * 1e9 / packets, AllocsPerPacket: float64(mallocs) / packets,
	})
}

func (m *machine) decode() {
	var p packet.Packet
	for i := range m.batches {
		b := &m.batches[i]
		for j := range b.Frames {
			packet.Decode(&p, b.Frames[j].Link, b.Bytes(j), b.Frames[j].Wire, m.opt.Decode)
		}
	}
}

// table runs all packets through one table, and its records into sink where that is not nil.
func (m *machine) table(sink output.Sink) {
	t := flowtable.NewTable(m.opt.Flow, 1, [4]uint64{1, 3, 5, 7})
	clock, ordinal, written := int64(flowtable.MinClock), uint64(0), uint64(0)
	m.result.OpenFlows = 0
	emit := func() {
		written += uint64(len(m.records))
		if sink != nil {
			_ = sink.Flows(m.records) // to nowhere: it cannot fail
		}
		m.records = m.records[:0]
	}
	for i := range m.batches {
		clock, ordinal = m.feed(t, &m.batches[i], clock, ordinal)
		m.records = t.Advance(clock, ordinal+1, m.records)
		emit()
		m.result.OpenFlows = max(m.result.OpenFlows, t.Open())
	}
	t.Shutdown(clock)
	for more := true; more; {
		m.records, more = t.Drain(m.records, 1024)
		emit()
	}
	m.result.Flows = written
}

func (m *machine) feed(t *flowtable.Table, b *capture.Batch, clock int64, ordinal uint64) (int64, uint64) {
	n := 0
	for j := range b.Frames {
		f := &b.Frames[j]
		in := &m.inputs[n]
		at := min(max(f.Time, flowtable.MinClock), flowtable.MaxClock)
		clock = max(clock, at)
		ordinal++
		if packet.Decode(&in.Packet, f.Link, b.Bytes(j), f.Wire, m.opt.Decode) != packet.OK {
			continue
		}
		in.Time, in.Clock, in.Ordinal, in.Wire = at, clock, ordinal, f.Wire
		if n++; n == len(m.inputs) {
			t.Add(m.inputs[:])
			n = 0
		}
	}
	t.Add(m.inputs[:n])
	return clock, ordinal
}

// memory fills a table with the capture's flows, without output, and divides what it takes by the flows open.
func (m *machine) memory() {
	opt := m.opt.Flow
	opt.Idle, opt.ActiveTimeout = flowtable.IdleConfig{}, 0
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	t := flowtable.NewTable(opt, 1, [4]uint64{1, 3, 5, 7})
	clock, ordinal := int64(flowtable.MinClock), uint64(0)
	for i := range m.batches {
		clock, ordinal = m.feed(t, &m.batches[i], clock, ordinal)
		m.records = t.Advance(clock, ordinal+1, m.records[:0])
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if n := t.Open(); n > 0 {
		m.result.BytesPerFlow = float64(after.HeapAlloc-before.HeapAlloc) / float64(n)
	}
	runtime.KeepAlive(t)
}
