package ensemble

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/learn"
	"github.com/weir-sensor/weir/packet"
)

const second = int64(1e9)

func address(i int) detect.Host {
	return detect.Host{Addr: packet.Addr{Hi: 0, Lo: 0xffff_0a00_0000 + uint64(i)}, Version: 4}
}

func make2(t *testing.T, calibration string, base float64) *Detector {
	t.Helper()
	cfg := DefaultConfig()
	cfg.Calibration, cfg.BaseRate, cfg.MaxHosts = calibration, base, 2000
	d, err := New(cfg, []string{"a", "b"}, []string{"10.0.0.0/8"})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// say gives 200 hosts an ordinary score of both detectors, and host 7 one of a that is far beyond.
func say(d *Detector, alert bool) (a detect.Alert) {
	for member := range 2 {
		var scores []detect.Score
		for i := range 200 {
			s := detect.Score{Detector: member, Time: second, Subject: address(i), Role: detect.Client, P: math.NaN(),
				Raw: float64((i*37 + 100*member) % 200)}
			if i == 7 && member == 0 {
				s.Raw, s.Alerted = 1e6, alert
			}
			scores = append(scores, s)
		}
		d.Scores(scores, nil)
	}
	a = detect.Alert{Time: second, Detector: "a", Severity: detect.Medium, Subject: address(7), Role: detect.Client,
		P: math.NaN(), Probability: math.NaN()}
	if alert {
		d.Annotate(&a)
	}
	return a
}

func TestTheUnusualHostComesFirst(t *testing.T) {
	d := make2(t, "", .001)
	a := say(d, true)
	near(t, "the alert's p", a.P, 1./200, 1e-6) // 199 usual scores
	if !math.IsNaN(a.Probability) {
		t.Errorf("probability %v without a calibration", a.Probability)
	}
	rows := d.Ranking(3)
	if len(rows) != 3 || rows[0].Host != address(7) || rows[0].Alerts != 1 || !math.IsNaN(rows[0].Probability) {
		t.Fatalf("got %+v", rows)
	}
	near(t, "score", rows[0].Score, 1-(1-leak)*.5, 1e-12)
	near(t, "p", rows[0].P, Cauchy([]float64{1. / 200, rows[0].Shares[1].P}), 1e-6)
	if got := rows[0].Shares[0]; got.Detector != "a" || got.Share != 1 || got.Severity != detect.Medium {
		t.Errorf("got share %+v, want all of it with a", got)
	}
	quiet := make2(t, "", .001) // the twin: the same scores, and no alert
	say(quiet, false)
	if rows := quiet.Ranking(1); rows[0].Host != address(7) || rows[0].Score > 2*leak {
		t.Errorf("without an alert: got %+v, want host 7 by its p-value and no score", rows[0])
	}
}

// Three detectors of one group that say the same count once.
func TestDetectorsOfAGroupCountOnce(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Calibration = ""
	d, err := New(cfg, []string{"scan", "hosts", "pairs", "beacon"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	say := func(host int, names ...string) {
		for _, name := range names {
			d.Annotate(&detect.Alert{Time: second, Detector: name, Severity: detect.Medium, Subject: address(host), P: 0.5})
		}
	}
	say(1, "scan", "hosts", "pairs")
	say(2, "scan", "beacon")
	rows := d.Ranking(2)
	if rows[0].Host != address(2) {
		t.Errorf("got %v first, want the host with alerts of two groups", rows[0].Host)
	}
	near(t, "two groups", rows[0].Score, 1-(1-leak)*.25, 1e-12)
	near(t, "one group", rows[1].Score, 1-(1-leak)*.5, 1e-12)
}

// cases are hosts of which the positive have an alert of a nine times in ten, the others one in twenty times.
func cases() (all []Case) {
	for i := range 600 {
		x := detect.Mix(1, uint64(i)) >> 20 % 100_000
		c := Case{Row: make([]float64, 4), Positive: i%4 == 0, Fold: int(x % 5)}
		c.Row[0] = float64(x/100%100) / 100
		if c.Positive && x/10%10 != 0 || !c.Positive && x/10%20 == 1 {
			c.Row[1] = .5
		}
		c.Row[2] = -c.Row[0]
		all = append(all, c)
	}
	return all
}

func calibration(t *testing.T) (path string, stack *Stack) {
	t.Helper()
	stack, err := Train(cases())
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "calibration.json")
	text := (&Calibration{Features: FeatureNames([]string{"a", "b"}), Host: stack}).Seal()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path, stack
}

// The most that is said without an alert, beside a model that tries every threshold; logits come often more than once.
func TestQuiet(t *testing.T) {
	for seed := range uint64(300) {
		var all []Case
		var logits []float64
		for i := range 1 + seed%40 {
			x := detect.Mix(seed, i)
			all = append(all, Case{Row: []float64{9, 0, 0, float64(x >> 8 % 3 / 2)}, Positive: x>>16%3 == 0, Fold: int(x >> 24 % 5)})
			logits = append(logits, float64(x>>32%20))
		}
		want := 0.
		for threshold := range 20 {
			var positive, n float64
			for i, c := range all {
				if c.Row[3] == 0 && c.Fold != 2 && logits[i] >= float64(threshold) {
					n++
					if c.Positive {
						positive++
					}
				}
			}
			want = max(want, positive/(n+1))
		}
		near(t, "the most", quiet(all, logits, func(c Case) bool { return c.Fold != 2 }), want, 1e-12)
	}
}

// A surprise is certain with an alert, as in all cases; however large it is, without one it is only as likely as they show.
func TestSurpriseWithoutAlert(t *testing.T) {
	var all []Case
	for i := range 400 {
		c := Case{Row: []float64{float64(i%5) / 5, 0}, Fold: i % 5}
		if i%8 == 0 {
			c.Row, c.Positive = []float64{3, .5}, true
		}
		all = append(all, c)
	}
	none, err := Train(all)
	if err != nil {
		t.Fatal(err)
	}
	if p := none.Probability([]float64{3, .5}); p < .9 {
		t.Errorf("with an alert: got %v, want much", p)
	}
	near(t, "none of 350 was wrong", none.Probability([]float64{9, 0}), 1./800, 1e-12)
	for i := range all {
		if !all[i].Positive && i%50 < 4 {
			all[i].Row, all[i].Positive = []float64{3, 0}, i%50 < 3 // three of four
		}
	}
	some, err := Train(all)
	if err != nil {
		t.Fatal(err)
	}
	if p := some.Probability([]float64{9, 0}); p < .5 || p > .8 {
		t.Errorf("three of four such were wrong: got %v", p)
	}
}

func TestProbabilityIsThatOfTheCalibration(t *testing.T) {
	path, stack := calibration(t)
	if slices.ContainsFunc(stack.Weights, func(w float64) bool { return w < 0 }) || stack.Weights[1] == 0 {
		t.Errorf("weights %v, want none below 0 and one for the alert", stack.Weights)
	}
	if stack.Measured.ECE > .05 || stack.Prior != .25 {
		t.Errorf("got %+v, want calibrated", stack.Measured)
	}
	a := say(make2(t, path, .25), true)
	if p := 135. / 158; math.Abs(a.Probability-p) > .06 { // positive ones among those with an alert
		t.Errorf("at the cases' own base rate: got %v, want about %v", a.Probability, p)
	}
	rare := say(make2(t, path, .001), true)
	near(t, "at another base rate", rare.Probability, learn.Correct(a.Probability, .25, .001), 1e-9)
	if quiet := say(make2(t, "", .25), true); !math.IsNaN(quiet.Probability) {
		t.Errorf("without a calibration: got probability %v", quiet.Probability)
	}
	d := make2(t, path, .25)
	say(d, true)
	row := d.Ranking(1)[0]
	sum := 0.0
	for _, s := range row.Shares {
		sum += s.Share
	}
	near(t, "sum of shares", sum, 1, 1e-9)
	near(t, "probability in the ranking", row.Probability, a.Probability, 1e-12)
}

func TestCalibrationsThatDoNotFitAreRefused(t *testing.T) {
	path, _ := calibration(t)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	changed := filepath.Join(t.TempDir(), "changed.json")
	if err := os.WriteFile(changed, []byte(strings.Replace(string(text), `"prior": 0.25`, `"prior": 0.5`, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	broken := filepath.Join(t.TempDir(), "broken.json")
	if err := os.WriteFile(broken, text[:strings.Index(string(text), `"hash"`)], 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ file, member, want string }{
		{changed, "a", "hash: got"},
		{broken, "a", "unexpected end"},
		{path + "x", "a", "no such file"},
		{path, "c", "detectors that do not run: a."},
	} {
		cfg := DefaultConfig()
		cfg.Calibration = test.file
		if _, err := New(cfg, []string{test.member, "b"}, nil); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got error %v, want %q", filepath.Base(test.file), err, test.want)
		}
	}
}

func TestRowsAreJSON(t *testing.T) {
	d := make2(t, "", .001)
	say(d, true)
	row := d.Ranking(1)[0]
	var got struct {
		Host        string
		Probability *float64
		Score, P    float64
		First       string
		Detectors   []struct {
			Detector string
			Judged   int
			Severity *string
		}
	}
	if err := json.Unmarshal(row.AppendJSON(nil), &got); err != nil {
		t.Fatalf("%s: %v", row.AppendJSON(nil), err)
	}
	if got.Host != "10.0.0.7" || got.Probability != nil || got.First != "1970-01-01T00:00:01.000000000Z" ||
		len(got.Detectors) != 2 || got.Detectors[0].Judged != 1 || got.Detectors[1].Severity != nil {
		t.Errorf("got %s", row.AppendJSON(nil))
	}
}

// What is known of hosts has a bound, and those with alerts stay while a flood goes by.
func TestAFloodDoesNotDriveOutAlertedHosts(t *testing.T) {
	d := make2(t, "", .001)
	say(d, true)
	scores := make([]detect.Score, 1000)
	for i := range 1_000_000 {
		scores[i%1000] = detect.Score{Time: 2 * second, Subject: address(1000 + i), Role: detect.Client, P: math.NaN(), Raw: 1}
		if i%1000 == 999 {
			d.Scores(scores, nil)
		}
	}
	rows := d.Ranking(10_000)
	if len(rows) != 2001 || rows[0].Host != address(7) {
		t.Errorf("got %d rows, first %v; want 2001 and the alerted host first", len(rows), rows[0].Host)
	}
	if tables := d.Tables(); tables[0].Entries != 2000 || tables[0].Evicted < 990_000 {
		t.Errorf("got %+v", tables)
	}
}

// talker scores each flow's client by its bytes and raises an alert over a bound.
type talker struct{ name string }

func (t talker) Info() detect.Info { return detect.Info{Name: t.name} }

func (t talker) Flows(flows []detect.Flow, out detect.Out) {
	for i := range flows {
		f := &flows[i]
		s := detect.Score{Time: f.Time, Subject: f.ClientHost(), Role: detect.Client, Raw: float64(f.Bytes[0]), P: math.NaN()}
		if f.ID%5 == 0 {
			s.FlowID = f.ID
		}
		if s.Raw > 9000 {
			a := detect.Alert{Kind: "much", Severity: detect.Low, Subject: s.Subject, Role: s.Role, Score: s.Raw, P: math.NaN(), Probability: math.NaN()}
			a.About(f)
			out.Alert(a)
			s.Alerted = true
		}
		out.Score(s)
	}
}

type keep struct{ lines []string }

func (k *keep) Alerts(alerts []detect.Alert) error {
	for _, a := range alerts {
		k.lines = append(k.lines, fmt.Sprint(a.Time, a.Detector, a.Subject, a.P, a.Count))
	}
	return nil
}

// The ranking and the alerts do not depend on how the flows come in groups.
func TestGroupingDoesNotMatter(t *testing.T) {
	run := func(every int) (lines []string) {
		d := make2(t, "", .001)
		sink := &keep{}
		cfg := detect.DefaultConfig()
		cfg.Suppress = time.Second
		e := detect.NewEngine(cfg, []detect.Detector{talker{"a"}, talker{"b"}, d}, sink)
		for i := range 3000 {
			r := flowtable.Record{}
			r.ID, r.Client, r.Server, r.Version, r.Proto = uint64(i+1), address(i*7%50).Addr, address(99).Addr, 4, packet.ProtoTCP
			r.Written = int64(i) * second / 10
			r.Bytes[0] = detect.Mix(3, uint64(i)) >> 30 % 9050
			e.Flows([]flowtable.Record{r})
			if i%every == 0 {
				if err := errors.Join(e.Advance(r.Written), e.Flush()); err != nil { // else the engine gathers groups
					t.Fatal(err)
				}
			}
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
		for _, row := range d.Ranking(100) {
			lines = append(lines, string(row.AppendJSON(nil)))
		}
		for _, row := range d.RankedFlows(1000) {
			lines = append(lines, fmt.Sprint(row))
		}
		return append(lines, sink.lines...)
	}
	want := run(1)
	if len(want) < 500 {
		t.Fatalf("only %d lines: nothing was tested", len(want))
	}
	for _, every := range []int{7, 1000, 5000} {
		if diff := cmp.Diff(want, run(every)); diff != "" {
			t.Errorf("advanced every %d flows:\n%s", every, diff)
		}
	}
}

func TestScoresDoNotAllocate(t *testing.T) {
	d := make2(t, "", .001)
	scores := make([]detect.Score, 100)
	for i := range scores {
		scores[i] = detect.Score{Time: second, Subject: address(i), P: math.NaN(), Raw: float64(i)}
	}
	for range 200 { // until the ring is full
		d.Scores(scores, nil)
	}
	if n := testing.AllocsPerRun(100, func() { d.Scores(scores, nil) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkScores(b *testing.B) {
	cfg := DefaultConfig()
	d, err := New(cfg, []string{"a"}, nil)
	if err != nil {
		b.Fatal(err)
	}
	scores := make([]detect.Score, 1000)
	x := uint64(1)
	for b.Loop() {
		for i := range scores {
			x = detect.Mix(x, uint64(i))
			scores[i] = detect.Score{Time: second, Subject: address(int(x % 100_000)), P: math.NaN(), Raw: float64(x >> 40)}
		}
		d.Scores(scores, nil)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(scores)), "ns/score")
}
