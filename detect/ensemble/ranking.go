package ensemble

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/weir-sensor/weir/detect"
)

// Ranked is a row of a ranking: what is said of a host or a flow.
type Ranked struct {
	Rank        int     // from 1
	Probability float64 // that something is wrong with it, at the configured base rate; NaN: not calibrated
	Score       float64 // 0 to 1, larger is worse; no probability
	P           float64 // that scores are as large where nothing is wrong; NaN: it was not judged
	Alerts      uint64  // written ones that are about it or, of a flow, name it as evidence
	First, Last int64   // times of the first and the latest score or alert, ns since the Unix epoch
	Shares      []Share // of the detectors that spoke, the largest first
}

// RankedHost is a row of the ranking of hosts. Its columns, and names in JSON, are: rank, host, probability, score, p, alerts,
// first, last, and detectors, a list of detector, share, p, judged, alerts, severity.
type RankedHost struct {
	Host detect.Host
	Ranked
}

// RankedFlow is a row of the ranking of flows. Host is the one that was spoken of when the flow was first.
type RankedFlow struct {
	FlowID uint64
	Host   detect.Host
	Ranked
}

// candidate is what can have a place in a ranking: a host or, with an id, a flow.
type candidate struct {
	host detect.Host
	flow uint64
	e    *evidence
	verdict
}

// Ranking returns the n hosts with which something is most likely wrong, the worst first: by probability where there is
// one, then by score, p-value, alerts and address. The caller owns it.
func (d *Detector) Ranking(n int) []RankedHost {
	model := d.model.host()
	all := make([]candidate, 0, d.named.Len()+d.hosts.Len())
	known := map[said]verdict{}
	for _, table := range []*detect.Table[detect.HostKey, evidence]{d.named, d.hosts} {
		for k, e := range table.All() {
			if h := k.Host(); h.Version != 0 {
				all = append(all, candidate{host: h, e: e, verdict: d.weighed(e, model, d.cfg.BaseRate, known)})
			}
		}
	}
	all = worst(all, n)
	rows := make([]RankedHost, len(all))
	for i := range all {
		rows[i] = RankedHost{all[i].host, d.ranked(i, &all[i], model)}
	}
	return rows
}

// RankedFlows returns the n flows with which something is most likely wrong, in the same order, then by id: of those that
// a detector scored, or that an alert is about or names as evidence. The caller owns it.
func (d *Detector) RankedFlows(n int) []RankedFlow {
	model := d.model.flow()
	all := make([]candidate, 0, d.flows.named.Len()+d.flows.scored.Len())
	known := map[said]verdict{}
	for id, f := range d.allFlows() {
		all = append(all, candidate{host: f.host, flow: id, e: &f.evidence, verdict: d.weighed(&f.evidence, model, d.cfg.FlowBaseRate, known)})
	}
	all = worst(all, n)
	rows := make([]RankedFlow, len(all))
	for i := range all {
		rows[i] = RankedFlow{all[i].flow, all[i].host, d.ranked(i, &all[i], model)}
	}
	return rows
}

// worst brings the first n candidates into order and returns them.
func worst(all []candidate, n int) []candidate {
	if n > 0 && n < len(all) { // leave out what is better than the n-th, which numbers tell sooner than candidates
		keys := make([]float64, len(all))
		for i := range all {
			keys[i] = all[i].key()
		}
		slices.Sort(keys)
		least := keys[len(keys)-n]
		all = slices.DeleteFunc(all, func(c candidate) bool { return c.key() < least })
	}
	slices.SortFunc(all, candidate.compare)
	return all[:min(n, len(all))]
}

// key returns what candidates are compared by first, of those that all have a probability or have none.
func (a *candidate) key() float64 {
	if math.IsNaN(a.probability) {
		return a.score
	}
	return a.probability
}

// compare tells which of two comes first.
func (a candidate) compare(b candidate) int {
	if c := cmp.Compare(b.probability, a.probability); c != 0 { // NaN equals NaN
		return c
	}
	if c := cmp.Compare(b.score, a.score); c != 0 {
		return c
	}
	return cmp.Or(
		cmp.Compare(known(a.p), known(b.p)),
		cmp.Compare(b.alerts, a.alerts),
		cmp.Compare(a.host.Version, b.host.Version),
		cmp.Compare(a.host.Addr.Hi, b.host.Addr.Hi), cmp.Compare(a.host.Addr.Lo, b.host.Addr.Lo),
		cmp.Compare(a.flow, b.flow))
}

// ranked makes a row of the candidate with index i.
func (d *Detector) ranked(i int, c *candidate, model *Stack) Ranked {
	return Ranked{Rank: i + 1, Probability: c.probability, Score: c.score, P: c.p, Alerts: c.alerts,
		First: c.e.first, Last: c.e.last, Shares: d.shares(c, model)}
}

// known makes the largest of what is not known.
func known(p float64) float64 {
	if math.IsNaN(p) {
		return 2
	}
	return p
}

// AppendJSON appends the row as a JSON object without a line feed. What is not known is null.
func (r *RankedHost) AppendJSON(dst []byte) []byte {
	dst = strconv.AppendInt(append(dst, `{"rank":`...), int64(r.Rank), 10)
	dst = strconv.AppendQuote(append(dst, `,"host":`...), r.Host.String())
	dst = appendNumber(append(dst, `,"probability":`...), r.Probability)
	dst = appendNumber(append(dst, `,"score":`...), r.Score)
	dst = appendNumber(append(dst, `,"p":`...), r.P)
	dst = strconv.AppendUint(append(dst, `,"alerts":`...), r.Alerts, 10)
	dst = appendTime(append(dst, `,"first":`...), r.First)
	dst = appendTime(append(dst, `,"last":`...), r.Last)
	dst = append(dst, `,"detectors":[`...)
	for i := range r.Shares {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = r.Shares[i].appendJSON(dst)
	}
	return append(dst, "]}"...)
}

func (s *Share) appendJSON(dst []byte) []byte {
	dst = strconv.AppendQuote(append(dst, `{"detector":`...), s.Detector)
	dst = appendNumber(append(dst, `,"share":`...), s.Share)
	dst = appendNumber(append(dst, `,"p":`...), s.P)
	dst = strconv.AppendUint(append(dst, `,"judged":`...), s.Judged, 10)
	dst = strconv.AppendUint(append(dst, `,"alerts":`...), s.Alerts, 10)
	if s.Alerts == 0 {
		return append(dst, `,"severity":null}`...)
	}
	dst = strconv.AppendQuote(append(dst, `,"severity":`...), s.Severity.String())
	return append(dst, '}')
}

func appendNumber(dst []byte, v float64) []byte {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return append(dst, "null"...)
	}
	return strconv.AppendFloat(dst, v, 'g', 6, 64)
}

func appendTime(dst []byte, ns int64) []byte {
	dst = append(dst, '"')
	dst = time.Unix(0, ns).UTC().AppendFormat(dst, "2006-01-02T15:04:05.000000000Z")
	return append(dst, '"')
}
