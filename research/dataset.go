package research

import (
	"fmt"
	"math"
	"slices"

	"github.com/weir-sensor/weir/detect"
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
	Flow     *flowtable.Record        // nil in a Dataset of windows
	Window   *features.Window         // the window; of OfFlows the flow's first, nil where it has none; of OfBoth nil
	Means    *transport.WindowNumbers // of OfBoth: what transport.Pairs has of the flow's hosts; nil where there is nothing
	Time     int64                    // packet time at which the detector sees it, ns since the epoch
	Packets  []covertmark.Packet      // the first with payload; nil without a PacketCollector
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

// Collector puts labelled records into a Dataset. It is a detector of an engine whose records have the labels of a Joiner, so
// that it sees flows and windows in the order in which a detector does.
type Collector struct {
	Dataset
	packets            bool    // packet tests are wanted, and with them windows of flows
	flows, windows     []Label // by label
	positive, negative []Choice
	trace              int
	first, last        int64                           // of the trace
	windowed           map[windowKey][]features.Window // with OfFlows
	pairs              *transport.Pairs                // with OfBoth
	rows               []int                           // of the labels: those of the cases of the trace
	joiner             *Joiner
	err                error
}

// windowKey is what has windows: two hosts, or a flow.
type windowKey struct {
	client, server         packet.Addr
	clientPort, serverPort uint16
}

// NewCollector returns a Collector of records with these labels. A label that both choices choose is positive. packets says
// that packet tests are wanted, too.
func NewCollector(l *Labels, of string, positive, negative []Choice, packets bool) *Collector {
	return &Collector{Dataset: Dataset{Of: of}, positive: positive, negative: negative, packets: packets, first: math.MaxInt64, last: math.MinInt64,
		flows: labelsOf(l.FlowLabels().Names, l.FlowLabels().Rows), windows: labelsOf(l.WindowLabels().Names, l.WindowLabels().Rows),
		windowed: map[windowKey][]features.Window{}, joiner: NewJoiner(l, nil, nil)}
}

// Info implements detect.Detector.
func (c *Collector) Info() detect.Info { return detect.Info{Name: "collector"} }

// WindowConfig returns how windows are to be made for it, where cfg says how they are otherwise.
func (c *Collector) WindowConfig(cfg features.Config) features.Config {
	if c.Of == OfFlows { // those of CovertMark's classifier: what a flow does in its first minute
		cfg = features.DefaultConfig()
		cfg.By, cfg.Cut = features.ByFlow, features.CutTime
	}
	cfg.Groups = features.Groups()
	return cfg
}

// WantsWindows implements detect.WindowChooser.
func (c *Collector) WantsWindows() bool { return c.Of != OfFlows || c.packets }

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

// Begin begins a capture, which has a number and windows made so.
func (c *Collector) Begin(trace int, windows features.Config) {
	c.trace = trace
	if c.Of == OfBoth {
		c.pairs = transport.NewPairs(transport.DefaultConfig().MaxPairs, transport.Contract(transport.BothSet, windows).Window)
	}
}

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

// Flows implements detect.FlowWatcher. It keeps copies.
func (c *Collector) Flows(flows []detect.Flow, _ detect.Out) {
	for i := range flows {
		if r := flows[i].Record; r.Label != 0 {
			c.flow(r, flows[i].Time)
		}
	}
}

func (c *Collector) flow(r *flowtable.Record, at int64) {
	c.first, c.last = min(c.first, r.Start), max(c.last, r.End)
	if c.Of == OfWindows {
		return
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
		one := Case{Flow: cloneRecord(r), Label: label, Positive: positive, Time: at}
		if means := new(transport.WindowNumbers); c.pairs != nil && c.pairs.Means(r, means) {
			one.Means = means
		}
		row, _ := c.joiner.row(r)
		c.add(one, row)
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

// Windows implements detect.WindowWatcher. It keeps copies.
func (c *Collector) Windows(windows []features.Window, _ detect.Out) {
	for i := range windows {
		switch w := &windows[i]; {
		case c.pairs != nil:
			c.pairs.Add(w)
		case w.Label == 0:
		case c.Of == OfFlows:
			k := windowKey{w.Client, w.Target, w.ClientPort, w.TargetPort}
			c.windowed[k] = append(c.windowed[k], *w)
		default:
			label := c.windows[w.Label-1]
			if positive, ok := c.class(label); ok {
				clone := *w
				c.add(Case{Window: &clone, Label: label, Positive: positive, Time: w.Last}, -1)
			} else {
				c.Neither++
			}
		}
	}
}

// firstOf returns a flow's own first window, nil where it has none.
func (c *Collector) firstOf(r *flowtable.Record) *features.Window {
	for _, w := range c.windowed[windowKey{r.Client, r.Server, r.ClientPort, r.ServerPort}] {
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
	set := transport.BothSet
	switch {
	case c.Window == nil:
		set = transport.StartSet
	case c.Flow == nil:
		set = transport.WindowSet
	}
	return Vectorizer{Columns: transport.Columns(c), Append: func(dst []float64, one *Case) []float64 {
		return transport.AppendRow(dst, set, one.Flow, one.windows(), packets)
	}}
}

// windows returns the features of the case's window, or of those of its hosts so far; nil where there is none.
func (c *Case) windows() *transport.WindowNumbers {
	if c.Window != nil {
		return &c.Window.Features
	}
	return c.Means
}
