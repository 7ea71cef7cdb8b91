package research

import (
	"fmt"
	"math"
	"slices"

	"github.com/weir-sensor/weir/detect/transport"
	"github.com/weir-sensor/weir/features"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/learn"
	"github.com/weir-sensor/weir/packet"
	"github.com/weir-sensor/weir/research/covertmark"
)

// MaxCases is how many cases a Dataset has at most. A case takes about 1.5 KB, with its window 2 KB.
const MaxCases = 2_000_000

// What a Dataset's cases are.
const (
	OfFlows   = "flows"   // flows, by how they begin
	OfWindows = "windows" // windows
	OfBoth    = "both"    // flows, by how they begin and by the windows of their hosts so far
)

// Case is a flow or a window whose label makes it positive or negative.
type Case struct {
	Flow     *flowtable.Record   // nil in a Dataset of windows
	Window   *features.Window    // the window; of OfFlows the flow's first, nil where it has none; of OfBoth see meansOf
	Packets  []covertmark.Packet // the first with payload; nil without a PacketCollector
	Label    Label
	Positive bool
	Trace    int // number of the capture
}

// Server returns the address and port of the server, the port 0 for a window of a pair.
func (c *Case) Server() Endpoint {
	if c.Flow != nil {
		return Endpoint{c.Flow.Server, c.Flow.Version, c.Flow.ServerPort}
	}
	return Endpoint{c.Window.Target, c.Window.Version, c.Window.TargetPort}
}

// Client returns the address of the client.
func (c *Case) Client() Endpoint {
	if c.Flow != nil {
		return Endpoint{Addr: c.Flow.Client, Version: c.Flow.Version}
	}
	return Endpoint{Addr: c.Window.Client, Version: c.Window.Version}
}

// Start returns when it began, ns since the epoch.
func (c *Case) Start() int64 {
	if c.Flow != nil {
		return c.Flow.Start
	}
	return c.Window.First
}

// Endpoint is an address, or a port of it.
type Endpoint struct {
	Addr    packet.Addr
	Version uint8
	Port    uint16
}

// Dataset is what classifiers are fitted to and judged by: flows or windows that are positive or negative. Those that are
// neither are counted, and those of which too little is seen to be judged.
type Dataset struct {
	Of    string // OfFlows, OfWindows or OfBoth
	Cases []Case

	Neither  int        // labelled, but neither positive nor negative
	Unjudged [2]int     // negative and positive flows that transport.Judgeable refuses
	Spans    [][2]int64 // of each capture: its first and last labelled packet, ns since the epoch
}

// Collector puts labelled records into a Dataset: to be called after a Joiner, by its goroutine.
type Collector struct {
	Dataset
	flows, windows     []Label // by label
	positive, negative []Choice
	trace              int
	first, last        int64 // of the trace
	windowed           map[windowKey]*windowed
	rows               []int // of the labels: those of the cases of the trace
	joiner             *Joiner
	err                error
}

// windowKey is what has windows: two hosts, or a flow.
type windowKey struct {
	client, server         packet.Addr
	clientPort, serverPort uint16
}

// windowed are the windows of one key.
type windowed struct {
	all []features.Window // with OfFlows
	sum features.Window   // with OfBoth: the first one, its features the sums of all so far
	n   float64
}

// NewCollector returns a Collector of records with these labels. A label that both choices choose is positive.
func NewCollector(l *Labels, of string, positive, negative []Choice) *Collector {
	return &Collector{Dataset: Dataset{Of: of}, positive: positive, negative: negative, first: math.MaxInt64, last: math.MinInt64,
		flows: labelsOf(l.FlowLabels().Names, l.FlowLabels().Rows), windows: labelsOf(l.WindowLabels().Names, l.WindowLabels().Rows),
		windowed: map[windowKey]*windowed{}, joiner: NewJoiner(l, nil, nil)}
}

func labelsOf(names []string, rows [][]string) []Label {
	at := func(row []string, name string) string {
		if i := slices.Index(names, name); i >= 0 {
			return row[i]
		}
		return ""
	}
	var labels []Label
	for _, row := range rows {
		labels = append(labels, Label{at(row, "class"), at(row, "family"), at(row, "transport"), at(row, "workload")})
	}
	return labels
}

// Begin gives what comes now the number of another capture. At first it is 0.
func (c *Collector) Begin(trace int) { c.trace = trace }

// End ends a capture, or a part of one. packets, which may be nil, has seen its packets.
func (c *Collector) End(packets *PacketCollector) {
	if c.last >= c.first {
		c.Spans = append(c.Spans, [2]int64{c.first, c.last})
	}
	for i, row := range c.rows {
		one := &c.Cases[len(c.Cases)-len(c.rows)+i]
		if packets != nil {
			one.Packets = packets.flows[row]
		}
		if c.Of == OfFlows {
			one.Window = c.firstOf(one.Flow)
		}
	}
	c.first, c.last, c.rows = math.MaxInt64, math.MinInt64, c.rows[:0]
	clear(c.windowed)
}

// Err says whether there were too many records.
func (c *Collector) Err() error { return c.err }

// Flows takes records whose labels are set. It keeps copies.
func (c *Collector) Flows(records []flowtable.Record) {
	for i := range records {
		r := &records[i]
		if r.Label == 0 {
			continue
		}
		c.first, c.last = min(c.first, r.Start), max(c.last, r.End)
		if c.Of == OfWindows {
			continue
		}
		label := c.flows[r.Label-1]
		positive, ok := c.class(label)
		switch {
		case !ok:
			c.Neither++
		case !transport.Judgeable(r):
			if r.Part == 0 {
				c.Unjudged[class(positive)]++
			}
		default:
			row, _ := c.joiner.row(r)
			c.add(Case{Flow: cloneRecord(r), Window: c.meansOf(r), Label: label, Positive: positive}, row)
		}
	}
}

// cloneRecord returns a copy that keeps nothing else alive.
func cloneRecord(r *flowtable.Record) *flowtable.Record {
	clone := *r
	if r.Features != nil {
		f := *r.Features
		clone.Features = &f
	}
	return &clone
}

// Windows takes windows whose labels are set. It keeps copies.
func (c *Collector) Windows(windows []features.Window) {
	for i := range windows {
		w := &windows[i]
		switch {
		case w.Label == 0:
		case c.Of != OfWindows:
			c.sum(w)
		default:
			label := c.windows[w.Label-1]
			if positive, ok := c.class(label); ok {
				clone := *w
				c.add(Case{Window: &clone, Label: label, Positive: positive}, -1)
			} else {
				c.Neither++
			}
		}
	}
}

func (c *Collector) sum(w *features.Window) {
	k := windowKey{w.Client, w.Target, w.ClientPort, w.TargetPort}
	s := c.windowed[k]
	if s == nil {
		s = &windowed{sum: *w}
		s.sum.Features = [features.WindowFeatures]float64{}
		c.windowed[k] = s
	}
	if c.Of == OfFlows {
		s.all = append(s.all, *w)
		return
	}
	for i, x := range w.Features {
		s.sum.Features[i] += x
	}
	s.n++
}

// meansOf returns, with OfBoth, the first window of a flow's hosts, with the means of all so far as its features; nil where
// there are none.
func (c *Collector) meansOf(r *flowtable.Record) *features.Window {
	s := c.windowed[windowKey{client: r.Client, server: r.Server}]
	if s == nil || c.Of != OfBoth {
		return nil
	}
	w := s.sum
	for i := range w.Features {
		w.Features[i] /= s.n
	}
	return &w
}

// firstOf returns a flow's own first window, nil where it has none.
func (c *Collector) firstOf(r *flowtable.Record) *features.Window {
	s := c.windowed[windowKey{r.Client, r.Server, r.ClientPort, r.ServerPort}]
	if s == nil {
		return nil
	}
	for _, w := range s.all {
		if w.Last >= r.Start && w.First <= r.End {
			return &w
		}
	}
	return nil
}

// add adds a case that is of a row of the labels; -1: none is looked up.
func (c *Collector) add(one Case, row int) {
	if len(c.Cases) == MaxCases {
		c.err = fmt.Errorf("got more than %d labelled flows or windows, want fewer", MaxCases)
		return
	}
	one.Trace = c.trace
	c.Cases, c.rows = append(c.Cases, one), append(c.rows, row)
}

func (c *Collector) class(label Label) (positive, ok bool) {
	switch {
	case anyChooses(c.positive, label):
		return true, true
	case anyChooses(c.negative, label):
		return false, true
	}
	return false, false
}

func class(positive bool) int {
	if positive {
		return 1
	}
	return 0
}

// Count returns how many cases there are of each class.
func (d *Dataset) Count() (positive, negative int) {
	for i := range d.Cases {
		positive += class(d.Cases[i].Positive)
	}
	return positive, len(d.Cases) - positive
}

// Splits returns by what cases may be split, in the order of what is meant by default.
func Splits() []string { return []string{"server", "host", "capture"} }

// Groups returns numbers of what cases have in common that may not be on both sides of a split: a server's address, a
// client's address, or a capture. Nil: nothing, each case is its own.
func (d *Dataset) Groups(split string) []int {
	switch split {
	case "server":
		return numbers(d, func(c *Case) Endpoint { s := c.Server(); s.Port = 0; return s })
	case "host":
		return numbers(d, (*Case).Client)
	case "capture":
		return numbers(d, func(c *Case) int { return c.Trace })
	}
	return nil
}

func numbers[K comparable](d *Dataset, of func(*Case) K) []int { return learn.Numbers(keys(d, of)) }

func keys[K comparable](d *Dataset, of func(*Case) K) []K {
	keys := make([]K, len(d.Cases))
	for i := range keys {
		keys[i] = of(&d.Cases[i])
	}
	return keys
}

// Rows returns the cases as rows of the columns of a vectorizer.
func (d *Dataset) Rows(v Vectorizer, split string) *learn.Rows {
	rows := &learn.Rows{Columns: v.Columns, Group: d.Groups(split)}
	for i := range d.Cases {
		rows.X = v.Append(rows.X, &d.Cases[i])
		rows.Positive = append(rows.Positive, d.Cases[i].Positive)
	}
	return rows
}

// Vectorizer makes numbers of a case.
type Vectorizer struct {
	Columns []string
	Append  func(dst []float64, c *Case) []float64 // a value for each column; NaN: not known
}

// VectorizerOf returns what makes the numbers of a contract, as the detector does, and looks at so many of a flow's first
// packets with payload.
func VectorizerOf(c features.Contract, packets int) Vectorizer {
	own := len(transport.Contract(transport.StartSet, features.DefaultConfig()).Features)
	return Vectorizer{Columns: transport.Columns(c), Append: func(dst []float64, one *Case) []float64 {
		if c.Flow != nil {
			dst = transport.AppendStart(dst, one.Flow, packets)
		}
		switch {
		case c.Window == nil:
		case one.Window != nil:
			dst = append(dst, one.Window.Features[:]...)
		default:
			for range len(c.Features) - own {
				dst = append(dst, math.NaN())
			}
		}
		return dst
	}}
}
