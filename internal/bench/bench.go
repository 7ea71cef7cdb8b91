package bench

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"time"

	"github.com/weir-sensor/weir/capture"
	"github.com/weir-sensor/weir/features"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/output"
	"github.com/weir-sensor/weir/packet"
	"github.com/weir-sensor/weir/payload"
)

// Options say what is measured.
type Options struct {
	Flow     flowtable.Config // without its features, but for the stages that measure them
	Windows  features.Config
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

// Seconds returns the median time of the stage.
func (r *Result) Seconds(name string) float64 {
	for _, s := range r.Stages {
		if s.Name == name {
			return s.Seconds
		}
	}
	return 0
}

// The stages.
const (
	Read     = "read"     // the source alone, opened anew for each round
	Decode   = "decode"   // headers of every packet
	Table    = "table"    // decode, and the flow table
	Output   = "output"   // decode, table, and records formatted as NDJSON to nowhere
	Entropy  = "entropy"  // decode, and a bare loop over every TCP payload: the floor of Features
	Features = "features" // decode, table, all flow features and all windows
	All      = "all"      // the same, and both formatted as NDJSON to nowhere
)

// Run holds the packets of the source that open opens in memory, and times the stages.
func Run(open func() (capture.Source, error), opt Options) (*Result, error) {
	m := &machine{opt: opt, meter: payload.NewMeter()}
	if err := m.each(open, m.hold); err != nil {
		return nil, err
	}
	if m.result.Packets == 0 {
		return nil, errors.New("measure stages: the capture has no packets")
	}
	var err error
	m.measure(Read, func() {
		left := m.result.Packets
		err = errors.Join(err, m.each(open, func(b *capture.Batch) bool {
			left -= min(left, uint64(len(b.Frames)))
			return left > 0
		}))
	})
	if err != nil {
		return nil, err
	}
	m.opt.Flow.Features = nil
	m.measure(Decode, m.decode)
	m.measure(Table, func() { m.run(sinks{}) })
	nowhere := output.NewStream(io.Discard, "nowhere")
	plain := sinks{flows: output.NewFlows(nowhere, output.NDJSON, 1, output.Columns{})}
	m.measure(Output, func() { m.run(plain) })
	m.measure(Entropy, m.entropy)
	m.features = true
	m.opt.Flow.Features = []string{flowtable.AllFeatures}
	m.opt.Windows.Groups = features.Groups()
	m.measure(Features, func() { m.run(sinks{}) })
	wide := sinks{
		output.NewFlows(nowhere, output.NDJSON, 1, output.Columns{Features: flowtable.FeatureGroups()}),
		output.NewWindows(nowhere, output.NDJSON, 1, m.opt.Windows, nil),
	}
	m.measure(All, func() { m.run(wide) })
	m.memory()
	return &m.result, errors.Join(plain.flows.Close(), wide.flows.Close(), wide.windows.Close())
}

// sinks take what a stage makes; nil: nobody does.
type sinks struct {
	flows   output.Sink
	windows output.WindowSink
}

// machine holds the packets and the buffers that every stage uses again.
type machine struct {
	opt     Options
	batches []capture.Batch
	kept    int64 // bytes in batches
	inputs  [64]flowtable.Input
	records []flowtable.Record
	result  Result

	features bool // of flows and windows are computed
	meter    *payload.Meter
	windows  []features.Window
	seen     [64]features.Input
	sum      float64 // so that no result is thrown away unlooked at
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
