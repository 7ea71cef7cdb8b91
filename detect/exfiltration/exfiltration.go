package exfiltration

import (
	"cmp"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"time"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
)

// scales are the windows, the shortest first.
var scales = [...]time.Duration{10 * time.Minute, time.Hour, 24 * time.Hour}

const (
	few        = 1500 // bytes added to both sides of the ratio: a packet more or less means nothing
	peerMargin = 2    // times the peers' percentile: of few peers one is always above it
	fewPeers   = 10   // times the least bytes, where there are too few peers to compare with
	maxJudged  = 4000 // scores in a batch
	maxNamed   = 100  // clients compared with their peers in a batch, those that sent most
	large      = 4096 // bytes up from which a flow is evidence
	historical = 6    // windows of a client's own history that count
)

// Detector compares what clients send and fetch. Its state is bounded by its Config.
type Detector struct {
	cfg       Config
	clients   *detect.Table[detect.Host, client]
	resolvers *detect.Table[resolving, queries]

	open [len(scales)]window

	taken  []*detect.Flow // scratch: those that count
	named  []candidate    // scratch
	totals []float64      // scratch
	others []float64      // scratch
}

// client is what one exchanged with the outside. What each flow changes comes first.
type client struct {
	traffic
	server packet.Addr              // the one that got most, if it got more than half
	lead   float64                  // bytes that it is ahead of the others
	before [len(scales) - 1]traffic // in the longer windows, up to the shortest one
	usual  [len(scales)]habit
	found  [len(scales)]found
}

// window is one that is open.
type window struct {
	number   uint32            // from 1
	evidence []detect.Evidence // of clients: few have any
	spare    []uint32          // places in evidence of clients that were forgotten
}

// found says where a client's evidence is, in the window of this number.
type found struct{ window, place uint32 }

// traffic are bytes to the outside and from it, in the open window.
type traffic struct{ out, in float64 }

// candidate is a client that may be named.
type candidate struct {
	traffic
	host  detect.Host
	place int     // in totals
	away  float64 // from what is usual for it, with known
	known bool
	c     *client
}

// New returns a detector; cfg must be valid.
func New(cfg Config) *Detector {
	d := &Detector{cfg: cfg,
		clients:   detect.NewTable[detect.Host, client](cfg.MaxClients),
		resolvers: detect.NewTable[resolving, queries](cfg.MaxResolvers),
	}
	for i := range d.open {
		d.open[i].number = 1
	}
	d.clients.Forget = func(_ detect.Host, c *client) {
		for i, f := range c.found {
			if w := &d.open[i]; f.window == w.number {
				w.spare = append(w.spare, f.place)
			}
		}
	}
	return d
}

// Tune has it go on with another configuration, see detectors.Tune; what it knows stays.
func (d *Detector) Tune(cfg Config) { d.cfg = cfg }

var (
	_ detect.FlowWatcher = (*Detector)(nil)
	_ detect.Batcher     = (*Detector)(nil)
	_ detect.Sized       = (*Detector)(nil)
)

// Tables implements detect.Sized.
func (d *Detector) Tables() []detect.TableCount {
	return []detect.TableCount{d.clients.Count("clients"), d.resolvers.Count("resolvers")}
}

// Needs implements detect.Needer.
func (d *Detector) Needs() []detect.Need {
	return []detect.Need{{Fields: detect.NoPackets, For: "tunnels through DNS"}}
}

// Flows implements detect.FlowWatcher.
func (d *Detector) Flows(flows []detect.Flow, _ detect.Out) {
	d.taken = d.taken[:0]
	for i := range flows {
		f := &flows[i]
		query := f.ServerPort == 53 && f.Proto == packet.ProtoUDP
		if f.ServerLocal && !query || f.Failed() || f.Unasked() {
			continue // what nobody took is not gone, what nobody asked for is no exchange
		}
		if query {
			d.resolvers.Warm(f.PairHash)
		}
		if !f.ServerLocal {
			d.clients.Warm(f.ClientHash)
		}
		d.taken = append(d.taken, f)
	}
	for _, f := range d.taken {
		if f.ServerPort == 53 && f.Proto == packet.ProtoUDP {
			d.query(f)
		}
		if !f.ServerLocal {
			d.exchange(f)
		}
	}
	clear(d.taken) // they are borrowed
}

// exchange counts a flow to the outside.
func (d *Detector) exchange(f *detect.Flow) {
	out, in := float64(f.Bytes[flowtable.Up]), float64(f.Bytes[flowtable.Down])
	c, _ := d.clients.Put(f.ClientHost(), f.ClientHash)
	c.out += out
	c.in += in
	if c.server == f.Server {
		c.lead += out
	} else if c.lead -= out; c.lead < 0 {
		c.server, c.lead = f.Server, -c.lead
	}
	if out >= large || d.cfg.Compat {
		for i := range d.open {
			d.open[i].take(&c.found[i]).Add(f.ID)
		}
	}
}

// take returns a client's evidence in the window, empty where it had none.
func (w *window) take(f *found) *detect.Evidence {
	if f.window != w.number {
		f.window = w.number
		if n := len(w.spare); n > 0 {
			f.place, w.spare = w.spare[n-1], w.spare[:n-1]
			w.evidence[f.place] = detect.Evidence{}
		} else {
			f.place = uint32(len(w.evidence))
			w.evidence = append(w.evidence, detect.Evidence{})
		}
	}
	return &w.evidence[f.place]
}

// of returns a client's evidence in the window.
func (w *window) of(f found) (e detect.Evidence) {
	if f.window == w.number {
		e = w.evidence[f.place]
	}
	return e
}

// next begins the next window.
func (w *window) next() { w.number, w.evidence, w.spare = w.number+1, w.evidence[:0], w.spare[:0] }

// Batches implements detect.Batcher.
func (d *Detector) Batches() []time.Duration { return scales[:] }

// CloseBatch implements detect.Batcher. The shortest window ends before the longer ones do.
func (d *Detector) CloseBatch(b detect.Batch, out detect.Out) {
	scale := slices.Index(scales[:], b.Every)
	if scale == 0 {
		d.closeQueries(b, out)
	}
	var list []candidate
	if d.cfg.Compat && scale == len(scales)-1 {
		list = d.list()
	}
	d.gather(scale, b, out)
	slices.SortStableFunc(d.named, func(a, b candidate) int { return cmp.Compare(b.out, a.out) })
	for _, c := range d.named[:min(len(d.named), maxNamed)] {
		if a, ok := d.judge(c, scale, b); ok {
			out.Alert(a)
		}
	}
	for _, c := range list {
		out.Alert(d.compat(c, list[len(list)-1], b))
	}
	d.open[scale].next()
}

// gather lists the clients of a window, says their scores, and begins the next window.
func (d *Detector) gather(scale int, b detect.Batch, out detect.Out) {
	d.named, d.totals = d.named[:0], d.totals[:0]
	for host, c := range d.clients.All() {
		t := c.end(scale)
		if t.out+t.in > 0 {
			d.see(candidate{traffic: t, host: host, c: c}, scale, b, out)
		}
		if !b.Last { // or there is no next one
			c.usual[scale].add(math.Log1p(t.out))
		}
	}
}

// end ends a window, and returns what it had.
func (c *client) end(scale int) (t traffic) {
	if scale > 0 {
		t, c.before[scale-1] = c.before[scale-1], t
		return t
	}
	t, c.traffic = c.traffic, t
	for i := range c.before {
		c.before[i].out += t.out
		c.before[i].in += t.in
	}
	return t
}

// see notes a client of a window that ends, and says its score.
func (d *Detector) see(a candidate, scale int, b detect.Batch, out detect.Out) {
	usual := &a.c.usual[scale]
	a.place = len(d.totals)
	d.totals = append(d.totals, a.out)
	is := a.out >= d.least(scale) && ratio(a.out, a.in) >= math.Log(d.cfg.MinRatio) || scale == 0 && a.in >= float64(d.cfg.Hoard)
	if is {
		a.away, a.known = usual.away(math.Log1p(a.out))
		d.named = append(d.named, a)
	}
	if scale == 0 && len(d.totals) <= maxJudged {
		score := detect.Score{Time: b.End, Subject: a.host, Role: detect.Client, Raw: max(0, ratio(a.out, a.in)) * math.Log1p(a.out),
			P: math.NaN(), N: uint64(usual.seen) + 1, Alerted: is}
		if d.clients.Evicted() > 0 {
			score.Status = detect.Degraded
		}
		out.Score(score)
	}
}

// ratio is the logarithm of bytes out over bytes in.
func ratio(out, in float64) float64 { return math.Log((out + few) / (in + few)) }

func (d *Detector) least(scale int) float64 {
	return float64([len(scales)]int{d.cfg.MinBytes, d.cfg.MinBytesHour, d.cfg.MinBytesDay}[scale])
}

// judge compares a client with its peers and with what is usual for it.
func (d *Detector) judge(c candidate, scale int, b detect.Batch) (detect.Alert, bool) {
	d.others = append(append(d.others[:0], d.totals[:c.place]...), d.totals[c.place+1:]...)
	peers, threshold := len(d.others), d.least(scale)
	percentile := math.NaN()
	if peers < d.cfg.MinPeers {
		threshold *= fewPeers
	} else {
		percentile = detect.Quantile(d.others, d.cfg.Percentile/100)
		threshold = max(threshold, peerMargin*percentile)
	}
	if c.known && c.away < 2 { // it always does this
		return detect.Alert{}, false
	}
	r := ratio(c.out, c.in)
	a := detect.Alert{Time: b.End, Kind: "exfiltration", Severity: detect.Medium, P: math.NaN(), N: uint64(peers), Score: r,
		Subject: c.host, Role: detect.Client, Client: c.host, WindowStart: b.Start, WindowEnd: b.End,
		Reasons: []detect.Reason{
			{Feature: "bytes_out", Value: c.out, Threshold: threshold, Baseline: percentile},
			{Feature: "bytes_in", Value: c.in, Threshold: math.NaN(), Baseline: math.NaN()},
			{Feature: "log_ratio", Value: r, Threshold: math.Log(d.cfg.MinRatio), Baseline: 0},
		}}
	if c.known {
		a.Reasons = append(a.Reasons, detect.Reason{Feature: "own_history", Value: c.away, Threshold: 2, Baseline: 0})
	}
	if d.clients.Evicted() > 0 {
		a.Status = detect.Degraded
	}
	a.Evidence = d.open[scale].of(c.c.found[scale])
	to := ""
	if c.c.lead > c.out/2 {
		a.Server = detect.Host{Addr: c.c.server, Version: c.host.Version}
		to = ", mostly to " + a.Server.String()
	}
	if c.out >= threshold && r >= math.Log(d.cfg.MinRatio) {
		a.Message = fmt.Sprintf("%s sent %s out and fetched %s in %s%s", c.host, volume(c.out), volume(c.in), name(b.Every), to)
		return a, true
	}
	if scale == 0 && c.in >= float64(d.cfg.Hoard) && r <= -math.Log(d.cfg.MinRatio) {
		a.Kind, a.Severity, a.Score, a.Server = "hoarding", detect.Informational, -r, detect.Host{}
		a.Reasons[0].Threshold, a.Reasons[0].Baseline, a.Reasons[1].Threshold = math.NaN(), math.NaN(), float64(d.cfg.Hoard)
		a.Message = fmt.Sprintf("%s fetched %s and sent %s out in %s", c.host, volume(c.in), volume(c.out), name(b.Every))
		return a, true
	}
	return a, false
}

// volume returns so many bytes as text.
func volume(bytes float64) string {
	switch {
	case bytes < 1e3:
		return fmt.Sprintf("%.0f bytes", bytes)
	case bytes < 1e6:
		return fmt.Sprintf("%.1f kB", bytes/1e3)
	}
	return fmt.Sprintf("%.1f MB", bytes/1e6)
}

func name(d time.Duration) string {
	return map[time.Duration]string{scales[0]: "10 min", scales[1]: "an hour", scales[2]: "a day"}[d]
}

// habit is what is usual for a client: mean and variance of the logarithm of bytes out, exponentially weighted.
type habit struct {
	mean, variance float32
	seen           uint16
}

func (h *habit) add(x float64) {
	if h.seen == 0 {
		h.mean, h.variance = float32(x), 1
	}
	delta := x - float64(h.mean)
	h.mean += float32(0.1 * delta)
	h.variance = float32(0.9 * (float64(h.variance) + 0.1*delta*delta))
	h.seen = min(h.seen, math.MaxUint16-1) + 1
}

// away returns how many standard deviations, of half a doubling at least, x is above what is usual; known says whether
// enough was seen to tell.
func (h *habit) away(x float64) (z float64, known bool) {
	if h.seen < historical {
		return 0, false
	}
	return (x - float64(h.mean)) / math.Sqrt(max(float64(h.variance), 0.12)), true
}

// list returns the clients with the largest ratio of bytes in to bytes out in the longest window, as the tool did that this
// comes from.
func (d *Detector) list() (all []candidate) {
	const scale, percentile = len(scales) - 1, 90
	for host, c := range d.clients.All() {
		if t := c.before[scale-1]; t.out > 0 {
			all = append(all, candidate{traffic: t, host: host, c: c})
		}
	}
	slices.SortFunc(all, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(b.in/b.out, a.in/a.out), cmp.Compare(a.host.String(), b.host.String()))
	})
	return all[:top(len(all), percentile)]
}

// compat is about a client of a list that ends with last.
func (d *Detector) compat(c, last candidate, b detect.Batch) detect.Alert {
	const scale = len(scales) - 1
	none := math.NaN()
	return detect.Alert{Time: b.End, Kind: "compat", P: none, Score: c.in / c.out, Subject: c.host, Role: detect.Client,
		WindowStart: b.Start, WindowEnd: b.End, Evidence: d.open[scale].of(c.c.found[scale]),
		Reasons: []detect.Reason{
			{Feature: "in_out_ratio", Value: c.in / c.out, Threshold: last.in / last.out, Baseline: none},
			{Feature: "bytes_in", Value: c.in, Threshold: none, Baseline: none},
			{Feature: "bytes_out", Value: c.out, Threshold: none, Baseline: none},
		},
		Message: fmt.Sprintf("%s: %.0f bytes in, %.0f out, ratio %.6f", c.host, c.in, c.out, c.in/c.out)}
}

// top returns how many of n are above a percentile: n(100-percentile)/100, rounded up.
func top(n, percentile int) int { return (n*(100-percentile) + 99) / 100 }

// service writes an address and a port.
func service(h detect.Host, port uint16) string {
	return netip.AddrPortFrom(h.Addr.Netip(h.Version), port).String()
}
