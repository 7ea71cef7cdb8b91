package ensemble

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/weir-sensor/weir/detect"
)

// RankedHost is a row of the ranking. Its columns, and names in JSON, are: rank, host, probability, score, p, alerts, first,
// last, and detectors, a list of detector, share, p, judged, alerts, severity.
type RankedHost struct {
	Rank        int // from 1
	Host        detect.Host
	Probability float64 // that something is wrong with it, at the configured base rate; NaN: not calibrated
	Score       float64 // 0 to 1, larger is worse; no probability
	P           float64 // that scores are as large where nothing is wrong; NaN: it was not judged
	Alerts      uint64  // written ones
	First, Last int64   // times of the first and the latest score or alert, ns since the Unix epoch
	Shares      []Share // of the detectors that spoke, the largest first
}

type candidate struct {
	host detect.Host
	e    *evidence
	verdict
}

// Ranking returns the n hosts with which something is most likely wrong, the worst first: by probability where there is
// one, then by score, p-value, alerts and address. The caller owns it.
func (d *Detector) Ranking(n int) []RankedHost {
	model := d.model.host()
	var all []candidate
	for _, table := range []*detect.Table[detect.Host, evidence]{d.named, d.hosts} {
		for h, e := range table.All() {
			if h.Version != 0 {
				all = append(all, candidate{h, e, d.weigh(e, model)})
			}
		}
	}
	slices.SortFunc(all, func(a, b candidate) int {
		return cmp.Or(
			cmp.Compare(b.probability, a.probability), // NaN equals NaN
			cmp.Compare(b.score, a.score),
			cmp.Compare(known(a.p), known(b.p)),
			cmp.Compare(b.e.alerts, a.e.alerts),
			cmp.Compare(a.host.Version, b.host.Version),
			cmp.Compare(a.host.Addr.Hi, b.host.Addr.Hi), cmp.Compare(a.host.Addr.Lo, b.host.Addr.Lo))
	})
	rows := make([]RankedHost, min(n, len(all)))
	for i := range rows {
		c := &all[i]
		rows[i] = RankedHost{Rank: i + 1, Host: c.host, Probability: c.probability, Score: c.score, P: c.p, Alerts: c.e.alerts,
			First: c.e.first, Last: c.e.last, Shares: spoke(d.shares(c.e, model))}
	}
	return rows
}

// known makes the largest of what is not known.
func known(p float64) float64 {
	if math.IsNaN(p) {
		return 2
	}
	return p
}

// spoke returns the shares of detectors that said something, the largest first.
func spoke(shares []Share) []Share {
	shares = slices.DeleteFunc(shares, func(s Share) bool { return s.Judged == 0 && s.Alerts == 0 })
	slices.SortStableFunc(shares, func(a, b Share) int { return cmp.Compare(b.Share, a.Share) })
	return shares
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
