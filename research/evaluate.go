package research

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/weir-sensor/weir/detect/transport"
	"github.com/weir-sensor/weir/learn"
)

// Judging says how a model is judged.
type Judging struct {
	Bases  []float64 // shares of flows, or of servers, that are positive, at which precision is told
	Draws  int       // of servers, for intervals
	Seed   uint64
	Folds  int
	Server ServerCall
}

// ServerCall says when a server is called a transport's: at this probability, where a share Base of servers are; what was seen
// before counts for half after each HalfLife.
type ServerCall struct {
	Base, Probability float64
	HalfLife          time.Duration
}

// DefaultJudging returns what is meant where nothing is said.
func DefaultJudging() Judging {
	c := transport.DefaultConfig()
	return Judging{Bases: []float64{1e-3, 1e-4}, Draws: 500, Seed: 1, Folds: 5, Server: ServerCall{c.BaseRate, c.Probability, c.HalfLife}}
}

// limits are the false positive rates at which true positive rates are told.
func limits() []float64 { return []float64{.01, .005, .001, .0001} }

// Evaluation says how well a model, and what it is compared with, tell the cases of a dataset apart.
type Evaluation struct {
	Data         DataReport         `json:"data"`
	Methods      []Method           `json:"methods"` // the model first
	Threshold    Operation          `json:"at_model_threshold"`
	Servers      []ServerReport     `json:"servers"`
	Transports   []ShareReport      `json:"transports"`
	Workloads    []ShareReport      `json:"workloads"`
	Applications []ShareReport      `json:"applications"` // benign
	Benign       []ShareReport      `json:"worst_benign"`
	Decision     *DecisionReport    `json:"decision,omitempty"` // of flows
	Calibration  *CalibrationReport `json:"calibration,omitempty"`
	Leak         *LeakReport        `json:"leak,omitempty"`
	Audit        []ColumnAUC        `json:"leak_audit"`
	Strategies   []StrategyReport   `json:"covertmark,omitempty"` // what CovertMark itself would say
}

// DataReport counts what was judged.
type DataReport struct {
	Of               string  `json:"of"`
	Positive         int     `json:"positive"`
	PositiveServers  int     `json:"positive_servers"`
	Transports       int     `json:"transports"`
	Negative         int     `json:"negative"`
	NegativeServers  int     `json:"negative_servers"`
	UnjudgedPositive int     `json:"unjudged_positive"`
	UnjudgedNegative int     `json:"unjudged_negative"`
	Neither          int     `json:"neither"`
	Days             float64 `json:"days"` // that the captures last, added up
}

// Method is how well a score tells the classes apart.
type Method struct {
	Name      string         `json:"name"`
	AUC       learn.Interval `json:"auc"` // intervals by drawing servers
	AP        float64        `json:"ap"`
	TPR       []MethodAt     `json:"tpr_at_fpr"`
	Precision []PrecisionAt  `json:"precision"` // at the threshold of FPR 0.5 %
	Alarms    float64        `json:"false_alarms_per_day"`
	Note      string         `json:"note,omitempty"`
	scores    []float64
	roc       *learn.ROC
}

// MethodAt is a TPR at a FPR.
type MethodAt struct {
	Limit      float64        `json:"limit"`
	Resolvable bool           `json:"resolvable"`
	TPR        learn.Interval `json:"tpr"`
}

// PrecisionAt is the precision expected where a share of all is positive.
type PrecisionAt struct {
	Base      float64 `json:"base"`
	Precision float64 `json:"precision"`
	AtMost    bool    `json:"at_most,omitempty"` // no false positives were seen: it is that of FPR 3/n
}

// Operation is what the threshold in the model's file does.
type Operation struct {
	Score     float64         `json:"score"`
	Counts    learn.Confusion `json:"counts"`
	TPR       learn.Interval  `json:"tpr"`
	FPR       learn.Interval  `json:"fpr"`
	Precision []PrecisionAt   `json:"precision"`
	Alarms    float64         `json:"false_alarms_per_day"`
}

// scored are cases with what one method says of them.
type scored struct {
	data     *Dataset
	positive []bool
	servers  []int // addresses
	judging  Judging
}

func newScored(d *Dataset, j Judging) *scored {
	return &scored{data: d, positive: keys(d, func(c *Case) bool { return c.Positive }), servers: d.Groups("server"), judging: j}
}

// method measures scores of the cases.
func (s *scored) method(name string, scores []float64) Method {
	m := Method{Name: name, scores: scores, roc: learn.NewROC(scores, s.positive)}
	drawn := learn.Bootstrap(scores, s.positive, s.servers, limits(), s.judging.Draws, s.judging.Seed)
	m.AUC, m.AP = drawn.AUC, m.roc.AveragePrecision()
	for i, limit := range limits() {
		m.TPR = append(m.TPR, MethodAt{limit, m.roc.TPRAtFPR(limit).Resolvable, drawn.TPR[i]})
	}
	at := m.roc.TPRAtFPR(.005)
	fp := leastFP(m.roc, at)
	m.Precision, m.Alarms = s.precision(at.TPR.Value, fp), s.perDay(fp)
	return m
}

// leastFP returns with how many false positives as much is found as at a limit.
func leastFP(roc *learn.ROC, at learn.AtFPR) int {
	if i := slices.Index(roc.TP, float64(at.TP)); i >= 0 {
		return min(int(roc.FP[i]), at.FP)
	}
	return at.FP
}

// precision returns the precision expected of a TPR with so many false positives.
func (s *scored) precision(tpr float64, fp int) (all []PrecisionAt) {
	_, n := s.data.Count()
	fpr := float64(max(fp, 3)) / float64(n)
	if fp > 0 {
		fpr = float64(fp) / float64(n)
	}
	for _, base := range s.judging.Bases {
		all = append(all, PrecisionAt{base, learn.PrecisionAt(tpr, fpr, base), fp == 0})
	}
	return all
}

// perDay returns how many that are in a day; 0 where the captures last no time at all.
func (s *scored) perDay(fp int) float64 {
	if days := s.data.days(); days > 0 {
		return float64(fp) / days
	}
	return 0
}

// days returns how long the captures last, where they overlap once.
func (d *Dataset) days() float64 {
	spans := slices.SortedFunc(slices.Values(d.Spans), func(a, b [2]int64) int { return cmp.Compare(a[0], b[0]) })
	var sum, end int64
	for _, s := range spans {
		if from := max(s[0], end); s[1] > from {
			sum += s[1] - from
			end = s[1]
		}
	}
	return float64(sum) / 86400e9
}

// Evaluate judges a model by a dataset.
func Evaluate(m *transport.Model, d *Dataset, j Judging) (*Evaluation, error) {
	if err := d.Check(); err != nil {
		return nil, err
	}
	rows := d.Rows(VectorizerOf(m.Features, transport.StartPackets), "server")
	scores := m.Classifier.Scores(rows)
	s := newScored(d, j)
	e := &Evaluation{Data: d.report()}
	e.Methods = append(e.Methods, s.method("weir, "+string(m.Classifier.Kind)+" of "+d.Of, scores))
	e.Threshold = s.operation(m, scores)
	called := func(i int) bool { return scores[i] >= m.Thresholds.Score }
	e.Servers = s.perServer(m, called)
	e.Transports = s.shares(true, func(l Label) string { return l.Transport }, called)
	e.Workloads = s.shares(true, func(l Label) string { return l.Workload }, called)
	e.Applications = s.shares(false, func(l Label) string { return l.Transport }, called)
	e.Benign = worst(slices.Clone(e.Applications))
	if d.Of != OfWindows {
		e.Decision = s.decision(m)
	}
	e.Calibration = calibration(m, scores, s.positive)
	e.Audit = Audit(d, rows)
	f := DefaultFitting()
	f.Kind, f.Folds, f.Seed = m.Classifier.Kind, j.Folds, j.Seed
	e.Leak = s.leak(f, transport.Blank(rows, m.Unused))
	baselines, strategies := s.baselines(f)
	e.Methods, e.Strategies = append(e.Methods, baselines...), strategies
	return e, nil
}

func (d *Dataset) report() DataReport {
	r := DataReport{Of: d.Of, UnjudgedNegative: d.Unjudged[0], UnjudgedPositive: d.Unjudged[1], Neither: d.Neither, Days: d.days()}
	r.Positive, r.Negative = d.Count()
	servers, transports := [2]map[Endpoint]bool{{}, {}}, map[string]bool{}
	for i := range d.Cases {
		c := &d.Cases[i]
		servers[class(c.Positive)][c.Server()] = true
		if c.Positive {
			transports[c.Label.Transport] = true
		}
	}
	r.NegativeServers, r.PositiveServers, r.Transports = len(servers[0]), len(servers[1]), len(transports)
	return r
}

func (s *scored) operation(m *transport.Model, scores []float64) Operation {
	o := Operation{Score: m.Thresholds.Score, Counts: learn.Confuse(scores, s.positive, m.Thresholds.Score)}
	o.TPR, o.FPR = o.Counts.TPR(), o.Counts.FPR()
	o.Precision, o.Alarms = s.precision(o.TPR.Value, o.Counts.FP), s.perDay(o.Counts.FP)
	return o
}

// CalibrationReport says how far the model's probabilities are from what is.
type CalibrationReport struct {
	Brier       float64     `json:"brier"`
	ECE         float64     `json:"ece"`
	Reliability []learn.Bin `json:"reliability"`
}

// calibration measures the probabilities at the share of positives among the cases; nil where the model has none.
func calibration(m *transport.Model, scores []float64, positive []bool) *CalibrationReport {
	if m.Classifier.Calibration == nil {
		return nil
	}
	n := 0
	for _, y := range positive {
		n += class(y)
	}
	p := make([]float64, len(scores))
	for i, s := range scores {
		p[i] = m.Probability(s, float64(n)/float64(len(positive)))
	}
	return &CalibrationReport{learn.Brier(p, positive), learn.ECE(p, positive, learn.ECEBins), learn.Reliability(p, positive, learn.ECEBins)}
}

// ServerReport says how servers are called by their first contributions.
type ServerReport struct {
	After     int            `json:"after"` // flows, or windows
	Servers   int            `json:"servers"`
	Others    int            `json:"others"` // servers of negatives
	Called    int            `json:"called"`
	False     int            `json:"false"`
	Recall    learn.Interval `json:"recall"`
	Precision learn.Interval `json:"precision"`
}

// perServer calls servers by their first 1, 2, 3, 5, 10 and 20 cases, as the detector does: those of a client and hour are one
// contribution. Of fewer that a server has, all count.
func (s *scored) perServer(m *transport.Model, called func(int) bool) (reports []ServerReport) {
	for _, most := range []int{1, 2, 3, 5, 10, 20} {
		r := ServerReport{After: most}
		for _, of := range s.byServer() {
			evidence := newServerEvidence(s, m)
			for _, i := range of[:min(most, len(of))] {
				evidence.add(i, called(i))
			}
			yes := evidence.calls()
			switch positive := s.positive[of[0]]; {
			case positive && yes:
				r.Servers++
				r.Called++
			case positive:
				r.Servers++
			case yes:
				r.Others++
				r.False++
			default:
				r.Others++
			}
		}
		r.Recall, r.Precision = learn.Wilson(r.Called, r.Servers), learn.Wilson(r.Called, r.Called+r.False)
		reports = append(reports, r)
	}
	return reports
}

// serverEvidence is what the cases of a server say of it, as the detector adds it up.
type serverEvidence struct {
	scored  *scored
	model   *transport.Model
	tally   transport.Tally
	clients map[Endpoint]*transport.Hour
}

func newServerEvidence(s *scored, m *transport.Model) *serverEvidence {
	return &serverEvidence{scored: s, model: m, clients: map[Endpoint]*transport.Hour{}}
}

// add adds a case, which is a hit or not.
func (e *serverEvidence) add(i int, hit bool) {
	c := &e.scored.data.Cases[i]
	of := e.clients[c.Client()]
	if of == nil {
		of = &transport.Hour{}
		e.clients[c.Client()] = of
	}
	e.tally.Add(of, c.Time, hit, e.scored.judging.Server.HalfLife)
}

// calls says whether the server is called now.
func (e *serverEvidence) calls() bool {
	call := e.scored.judging.Server
	return e.tally.Posterior(&e.model.Evidence, call.Base) >= call.Probability
}

// byServer returns the cases of each server and class, in the order in which the detector sees them.
func (s *scored) byServer() [][]int {
	type server struct {
		Endpoint
		positive bool
	}
	var all [][]int
	for i, n := range learn.Numbers(keys(s.data, func(c *Case) server { return server{c.Server(), c.Positive} })) {
		if n == len(all) {
			all = append(all, nil)
		}
		all[n] = append(all[n], i)
	}
	for _, of := range all {
		slices.SortStableFunc(of, func(a, b int) int {
			return cmp.Compare(s.data.Cases[a].Time, s.data.Cases[b].Time)
		})
	}
	return all
}

// ShareReport counts cases of one name.
type ShareReport struct {
	Name    string         `json:"name"`
	N       int            `json:"n"`
	Servers int            `json:"servers"`
	Called  int            `json:"called"`
	Share   learn.Interval `json:"share"`
}

// shares counts the cases of a class by name, in the order of the names.
func (s *scored) shares(positive bool, name func(Label) string, called func(int) bool) (reports []ShareReport) {
	at, servers := map[string]int{}, map[string]map[int]bool{}
	for i := range s.data.Cases {
		if s.positive[i] != positive {
			continue
		}
		key := name(s.data.Cases[i].Label)
		if key == "" {
			key = "-"
		}
		k, ok := at[key]
		if !ok {
			k = len(reports)
			at[key], servers[key] = k, map[int]bool{}
			reports = append(reports, ShareReport{Name: key})
		}
		reports[k].N++
		reports[k].Called += class(called(i))
		servers[key][s.servers[i]] = true
	}
	for i := range reports {
		r := &reports[i]
		r.Share, r.Servers = learn.Wilson(r.Called, r.N), len(servers[r.Name])
	}
	slices.SortFunc(reports, func(a, b ShareReport) int { return strings.Compare(a.Name, b.Name) })
	return reports
}

// worst returns the ten with the most called, as far as any are.
func worst(reports []ShareReport) []ShareReport {
	reports = slices.DeleteFunc(reports, func(r ShareReport) bool { return r.Called == 0 })
	slices.SortStableFunc(reports, func(a, b ShareReport) int { return b.Called - a.Called })
	return reports[:min(10, len(reports))]
}

// DecisionReport says how soon what is called is called: at the 50th, 90th and 99th percentile.
type DecisionReport struct {
	Flows          int        `json:"flows"` // positive, called with all packets
	Packets        [3]float64 `json:"packets"`
	WithinTen      float64    `json:"within_ten"` // share of those flows
	Servers        int        `json:"servers"`    // of positives, ever called
	ServersFlows   [3]float64 `json:"flows_of_server"`
	packets, flows []float64
}

// decision tells from which packet with payload on a flow stays called, at the earliest the one with which it can be judged,
// and after how many flows a server is.
func (s *scored) decision(m *transport.Model) *DecisionReport {
	at := make([]int, len(s.positive)) // from which packet on; 0: it is not called
	row := make([]float64, 0, len(m.Classifier.Columns))
	for limit := transport.StartPackets; limit >= 1; limit-- {
		v := VectorizerOf(m.Features, limit)
		for i := range at {
			settled := limit == transport.StartPackets || at[i] == limit+1
			if settled && m.Classifier.Predict(v.Append(row[:0], &s.data.Cases[i])) >= m.Thresholds.Score {
				at[i] = limit
			}
		}
	}
	r, within := &DecisionReport{}, 0
	for i, limit := range at {
		if s.positive[i] && limit > 0 {
			limit = max(limit, transport.Earliest(s.data.Cases[i].Flow))
			r.packets = append(r.packets, float64(limit))
			within += class(limit <= 10)
		}
	}
	if r.Flows = len(r.packets); r.Flows > 0 {
		r.WithinTen = float64(within) / float64(r.Flows)
	}
	r.Packets = percentiles(r.packets)
	for _, of := range s.byServer() {
		evidence := newServerEvidence(s, m)
		for n, i := range of {
			if evidence.add(i, at[i] > 0); s.positive[of[0]] && evidence.calls() {
				r.flows = append(r.flows, float64(n+1))
				break
			}
		}
	}
	r.Servers, r.ServersFlows = len(r.flows), percentiles(r.flows)
	return r
}

// percentiles returns the least values that 50, 90 and 99 % do not exceed; 0 of nothing.
func percentiles(values []float64) (p [3]float64) {
	sorted := slices.Sorted(slices.Values(values))
	for i, q := range []float64{.5, .9, .99} {
		if len(sorted) > 0 {
			p[i] = sorted[max(int(math.Ceil(q*float64(len(sorted))))-1, 0)]
		}
	}
	return p
}

// LeakReport compares cases held out one by one with servers held out.
type LeakReport struct {
	AUC       [2]float64 `json:"auc"` // by case, by server
	TPR       [2]float64 `json:"tpr_at_fpr_0.005"`
	Indicated bool       `json:"indicated"` // by case is better by more than 5 points
}

// leak fits classifiers to the cases themselves, in folds of cases and in folds of servers: where the former do better, they
// know servers again.
func (s *scored) leak(f Fitting, rows *learn.Rows) *LeakReport {
	r := &LeakReport{}
	for i, groups := range [][]int{nil, s.servers} {
		held, err := f.CrossFit(rows, groups)
		if err != nil {
			return nil
		}
		roc := learn.NewROC(held.Scores, s.positive)
		r.AUC[i], r.TPR[i] = roc.AUC(), roc.TPRAtFPR(.005).TPR.Value
	}
	r.Indicated = r.TPR[0]-r.TPR[1] > .05 || r.AUC[0]-r.AUC[1] > .05
	return r
}
