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

	named  []candidate // scratch
	totals []float64   // scratch
	others []float64   // scratch
}

// client is what one exchanged with the outside.
type client struct {
	out, in  [len(scales)]float64 // bytes in the open windows
	usual    [len(scales)]habit
	server   detect.Host // the one that got most, if it got more than half
	lead     float64     // bytes that it is ahead of the others
	evidence detect.Evidence
}

// candidate is a client that may be named.
type candidate struct {
	host    detect.Host
	out, in float64
	place   int // in totals
	c       *client
}

// New returns a detector; cfg must be valid.
func New(cfg Config) *Detector {
	return &Detector{cfg: cfg,
		clients:   detect.NewTable[detect.Host, client](cfg.MaxClients),
		resolvers: detect.NewTable[resolving, queries](cfg.MaxResolvers),
	}
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

// Flows implements detect.FlowWatcher.
func (d *Detector) Flows(flows []detect.Flow, _ detect.Out) {
	for i := range flows {
		if f := &flows[i]; !f.ServerLocal && !f.Failed() {
			d.clients.Warm(f.ClientHash)
		}
	}
	for i := range flows {
		f := &flows[i]
		if f.Failed() {
			continue // what nobody took is not gone
		}
		if f.ServerPort == 53 && f.Proto == packet.ProtoUDP {
			d.query(f)
		}
		if !f.ServerLocal {
			d.exchange(f)
		}
	}
}

// exchange counts a flow to the outside.
func (d *Detector) exchange(f *detect.Flow) {
	out, in := float64(f.Bytes[flowtable.Up]), float64(f.Bytes[flowtable.Down])
	c, _ := d.clients.Put(f.ClientHost(), f.ClientHash)
	for i := range scales {
		c.out[i] += out
		c.in[i] += in
	}
	if c.server == f.ServerHost() {
		c.lead += out
	} else if c.lead -= out; c.lead < 0 {
		c.server, c.lead = f.ServerHost(), -c.lead
	}
	if out >= large {
		c.evidence.Add(f.ID)
	}
}

// Batches implements detect.Batcher.
func (d *Detector) Batches() []time.Duration { return scales[:] }

// CloseBatch implements detect.Batcher.
func (d *Detector) CloseBatch(b detect.Batch, out detect.Out) {
	scale := slices.Index(scales[:], b.Every)
	if scale == 0 {
		d.closeQueries(b, out)
	}
	d.gather(scale, b, out)
	slices.SortStableFunc(d.named, func(a, b candidate) int { return cmp.Compare(b.out, a.out) })
	for _, c := range d.named[:min(len(d.named), maxNamed)] {
		if a, ok := d.judge(c, scale, b); ok {
			out.Alert(a)
		}
	}
	if d.cfg.Compat && scale == len(scales)-1 {
		d.list(b, out)
	}
	for _, c := range d.clients.All() {
		c.usual[scale].add(math.Log1p(c.out[scale]))
		c.out[scale], c.in[scale] = 0, 0
		if scale == 0 {
			c.evidence = detect.Evidence{}
		}
	}
}

// gather lists the clients of a window, and says their scores.
func (d *Detector) gather(scale int, b detect.Batch, out detect.Out) {
	d.named, d.totals = d.named[:0], d.totals[:0]
	for host, c := range d.clients.All() {
		sent, got := c.out[scale], c.in[scale]
		if sent+got == 0 {
			continue
		}
		d.totals = append(d.totals, sent)
		a := candidate{host, sent, got, len(d.totals) - 1, c}
		is := sent >= d.least(scale) && ratio(sent, got) >= math.Log(d.cfg.MinRatio) || scale == 0 && got >= float64(d.cfg.Hoard)
		if is {
			d.named = append(d.named, a)
		}
		if scale == 0 && len(d.totals) <= maxJudged {
			score := detect.Score{Time: b.End, Subject: host, Role: detect.Client, Raw: max(0, ratio(sent, got)) * math.Log1p(sent),
				P: math.NaN(), N: uint64(c.usual[scale].seen) + 1, Alerted: is}
			if d.clients.Evicted() > 0 {
				score.Status = detect.Degraded
			}
			out.Score(score)
		}
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
	away, known := c.c.usual[scale].away(math.Log1p(c.out))
	if known && away < 2 { // it always does this
		return detect.Alert{}, false
	}
	r := ratio(c.out, c.in)
	a := detect.Alert{Time: b.End, Kind: "exfiltration", Severity: detect.Medium, P: math.NaN(), N: uint64(peers), Score: r,
		Subject: c.host, Role: detect.Client, Client: c.host, WindowStart: b.Start, WindowEnd: b.End, Evidence: c.c.evidence,
		Reasons: []detect.Reason{
			{Feature: "bytes_out", Value: c.out, Threshold: threshold, Baseline: percentile},
			{Feature: "bytes_in", Value: c.in, Threshold: math.NaN(), Baseline: math.NaN()},
			{Feature: "log_ratio", Value: r, Threshold: math.Log(d.cfg.MinRatio), Baseline: 0},
		}}
	if known {
		a.Reasons = append(a.Reasons, detect.Reason{Feature: "own_history", Value: away, Threshold: 2, Baseline: 0})
	}
	if d.clients.Evicted() > 0 {
		a.Status = detect.Degraded
	}
	to := ""
	if c.c.lead > c.out/2 {
		a.Server, to = c.c.server, ", mostly to "+c.c.server.String()
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

// list says which clients have the largest ratio of bytes in to bytes out, as the tool did that this comes from.
func (d *Detector) list(b detect.Batch, out detect.Out) {
	const scale, percentile = len(scales) - 1, 90
	d.named = d.named[:0]
	for host, c := range d.clients.All() {
		if c.out[scale] > 0 {
			d.named = append(d.named, candidate{host: host, out: c.out[scale], in: c.in[scale]})
		}
	}
	slices.SortFunc(d.named, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(b.in/b.out, a.in/a.out), cmp.Compare(a.host.String(), b.host.String()))
	})
	for _, c := range d.named[:top(len(d.named), percentile)] {
		out.Alert(detect.Alert{Time: b.End, Kind: "compat", P: math.NaN(), Score: c.in / c.out, Subject: c.host, Role: detect.Client,
			WindowStart: b.Start, WindowEnd: b.End,
			Message: fmt.Sprintf("%s: %.0f bytes in, %.0f out, ratio %.6f", c.host, c.in, c.out, c.in/c.out)})
	}
}

// top returns how many of n are above a percentile: n(100-percentile)/100, rounded up.
func top(n, percentile int) int { return (n*(100-percentile) + 99) / 100 }

// service writes an address and a port.
func service(h detect.Host, port uint16) string {
	return netip.AddrPortFrom(h.Addr.Netip(h.Version), port).String()
}
