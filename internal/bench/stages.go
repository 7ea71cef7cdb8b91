package bench

import (
	"encoding/binary"
	"math"
	"runtime"

	"github.com/weir-sensor/weir/capture"
	"github.com/weir-sensor/weir/features"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
)

func (m *machine) decode() {
	var p packet.Packet
	for i := range m.batches {
		b := &m.batches[i]
		for j := range b.Frames {
			packet.Decode(&p, b.Frames[j].Link, b.Bytes(j), b.Frames[j].Wire, m.opt.Decode)
		}
	}
}

// entropy decodes all packets and computes the entropy of every TCP payload, in the plainest way that is not slow: four
// histograms, so that equal neighbours do not wait for each other, and a table of c*log2(c).
func (m *machine) entropy() {
	var plogp [1 << 16]float64
	for c := 2; c < len(plogp); c++ {
		plogp[c] = float64(c) * math.Log2(float64(c))
	}
	var p packet.Packet
	for i := range m.batches {
		b := &m.batches[i]
		for j := range b.Frames {
			frame := b.Bytes(j)
			verdict := packet.Decode(&p, b.Frames[j].Link, frame, b.Frames[j].Wire, m.opt.Decode)
			if verdict != packet.OK || p.Proto != packet.ProtoTCP || p.PayloadCap == 0 || p.PayloadCap >= uint32(len(plogp)) {
				continue
			}
			m.sum += plainEntropy(frame[p.PayloadOff:p.PayloadOff+p.PayloadCap], &plogp)
		}
	}
}

func plainEntropy(b []byte, plogp *[1 << 16]float64) float64 {
	var counts [4][256]uint32
	n := len(b)
	for ; len(b) >= 4; b = b[4:] {
		v := binary.LittleEndian.Uint32(b)
		counts[0][byte(v)]++
		counts[1][byte(v>>8)]++
		counts[2][byte(v>>16)]++
		counts[3][byte(v>>24)]++
	}
	for _, v := range b {
		counts[0][v]++
	}
	sum := 0.0
	for v := range counts[0] {
		sum += plogp[uint16(counts[0][v]+counts[1][v]+counts[2][v]+counts[3][v])]
	}
	return (plogp[n] - sum) / float64(n)
}

// seed stands for the random numbers that a run takes: small ones would make a hash that collides.
var seed = [4]uint64{0x9e3779b97f4a7c15, 0xc2b2ae3d27d4eb4f, 0x165667b19e3779f9, 0xd6e8feb86659fd93}

// run puts all packets through one table, and one windower where features are wanted, and what they make into the sinks.
func (m *machine) run(to sinks) {
	t := flowtable.NewTable(m.opt.Flow, 1, seed)
	var w *features.Windower
	if m.features {
		w = features.New(m.opt.Windows, features.Network{ServerPorts: m.opt.Flow.ServerPorts, MTU: m.opt.Flow.MTU}, 1, seed)
	}
	clock, ordinal := int64(flowtable.MinClock), uint64(0)
	m.result.Flows, m.result.OpenFlows = 0, 0
	for i := range m.batches {
		clock, ordinal = m.feed(t, w, &m.batches[i], clock, ordinal)
		m.records = t.Advance(clock, ordinal+1, m.records)
		if w != nil {
			m.windows = w.Advance(clock, m.windows)
		}
		m.emit(to)
		m.result.OpenFlows = max(m.result.OpenFlows, t.Open())
	}
	t.Shutdown(clock)
	for more := true; more; {
		m.records, more = t.Drain(m.records, 1024)
		m.emit(to)
	}
	if w != nil {
		w.Shutdown(clock)
	}
	for more := w != nil; more; {
		m.windows, more = w.Drain(m.windows, 1024)
		m.emit(to)
	}
}

// emit hands out what there is. The sinks write to nowhere: they cannot fail.
func (m *machine) emit(to sinks) {
	m.result.Flows += uint64(len(m.records))
	if to.flows != nil {
		_ = to.flows.Flows(m.records)
	}
	if to.windows != nil {
		_ = to.windows.Windows(m.windows)
	}
	m.records, m.windows = m.records[:0], m.windows[:0]
}

// feed adds the batch's packets to the table, and to the windower where that is not nil.
func (m *machine) feed(t *flowtable.Table, w *features.Windower, b *capture.Batch, clock int64, ordinal uint64) (int64, uint64) {
	n := 0
	add := func() {
		if w != nil {
			for i := range m.inputs[:n] {
				in := &m.inputs[i]
				m.seen[i] = features.Input{Packet: &in.Packet, Time: in.Time, Clock: in.Clock, Ordinal: in.Ordinal, Entropy: in.Entropy}
			}
			w.Add(m.seen[:n])
		}
		t.Add(m.inputs[:n])
		n = 0
	}
	for j := range b.Frames {
		f, frame := &b.Frames[j], b.Bytes(j)
		in := &m.inputs[n]
		at := min(max(f.Time, flowtable.MinClock), flowtable.MaxClock)
		clock = max(clock, at)
		ordinal++
		if packet.Decode(&in.Packet, f.Link, frame, f.Wire, m.opt.Decode) != packet.OK {
			continue
		}
		in.Time, in.Clock, in.Ordinal, in.Wire = at, clock, ordinal, f.Wire
		if w != nil {
			in.Captured = frame[in.PayloadOff : in.PayloadOff+in.PayloadCap]
			in.Entropy = m.meter.Entropy(in.Captured)
		}
		if n++; n == len(m.inputs) {
			add()
		}
	}
	add()
	return clock, ordinal
}

// memory fills a table with the capture's flows, without output, and divides what it takes by the flows open.
func (m *machine) memory() {
	opt := m.opt.Flow
	opt.Features = nil
	opt.Idle, opt.ActiveTimeout = flowtable.IdleConfig{}, 0
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	t := flowtable.NewTable(opt, 1, seed)
	clock, ordinal := int64(flowtable.MinClock), uint64(0)
	for i := range m.batches {
		clock, ordinal = m.feed(t, nil, &m.batches[i], clock, ordinal)
		m.records = t.Advance(clock, ordinal+1, m.records[:0])
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if n := t.Open(); n > 0 {
		m.result.BytesPerFlow = float64(after.HeapAlloc-before.HeapAlloc) / float64(n)
	}
	runtime.KeepAlive(t)
}
