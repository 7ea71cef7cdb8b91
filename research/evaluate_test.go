package research

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/weir-sensor/weir/detect/transport"
	"github.com/weir-sensor/weir/features"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/learn"
	"github.com/weir-sensor/weir/packet"
)

func startContract() features.Contract {
	return transport.Contract(transport.StartSet, features.DefaultConfig())
}

// fitted returns a model of another dataset than told's, of which one server is in both.
func fitted(t *testing.T) *transport.Model {
	t.Helper()
	train := told()
	for i := range train.Cases {
		train.Cases[i].Flow.Server.Lo += 5
	}
	train.Cases = append(train.Cases[:77], train.Cases[78:]...)
	m, held, err := DefaultFitting().Fit(train, startContract())
	if err != nil {
		t.Fatal(err)
	}
	text := NewFigures(train, held, DefaultFitting()).Text()
	if want := "fitted to 40 positive flows of 5 servers and 39 negative of 5\nheld out by server: AUC 1.0000"; !strings.Contains(text, want) {
		t.Errorf("got %q, want %q", text, want)
	}
	return m
}

func TestEvaluate(t *testing.T) {
	j := DefaultJudging()
	j.Draws, j.Server.Base = 50, .3 // five servers say little
	e, err := Evaluate(fitted(t), told(), j)
	if err != nil {
		t.Fatal(err)
	}
	if e.Data.Positive != 40 || e.Data.PositiveServers != 5 || e.Data.Negative != 40 || e.Data.Days != 1 {
		t.Errorf("data: %+v", e.Data)
	}
	if c := e.Threshold.Counts; c != (learn.Confusion{TP: 40, FP: 1, TN: 39}) || e.Threshold.Alarms != 1 {
		t.Errorf("threshold: %+v", e.Threshold)
	}
	// TPR 1, FPR 1/40: 0.001/(0.001+0.999/40)
	if got, want := e.Threshold.Precision[0].Precision, .001/(.001+.999/40); math.Abs(got-want) > 1e-12 {
		t.Errorf("precision at 1:1000: got %v, want %v", got, want)
	}
	if m := e.Methods[0]; m.AUC.Value <= .97 || m.TPR[0].Resolvable || len(e.Methods) < 4 || e.Methods[len(e.Methods)-1].Name != "random" {
		t.Errorf("methods: %+v", e.Methods)
	}
	if len(e.Benign) != 1 || e.Benign[0].Name != "https" || e.Benign[0].Called != 1 || e.Benign[0].N != 40 || e.Benign[0].Servers != 5 {
		t.Errorf("benign: %+v", e.Benign)
	}
	if len(e.Transports) != 1 || e.Transports[0].Called != 40 || e.Workloads[0].Name != "web" {
		t.Errorf("transports: %+v, workloads %+v", e.Transports, e.Workloads)
	}
	for _, r := range e.Servers {
		if r.Servers != 5 || r.Others != 5 || r.After >= 5 && (r.Called != 5 || r.False != 0) {
			t.Errorf("servers: %+v", r)
		}
	}
	if e.Decision.Flows != 40 || e.Decision.Packets != [3]float64{5, 5, 5} || e.Decision.WithinTen != 1 {
		t.Errorf("decision: %+v", e.Decision)
	}
	for _, text := range [][]byte{Text(e.Tables()), Markdown(e.Tables())} {
		for _, want := range []string{"published first-packet rules", "1 of 40", "obfs4", "unresolvable", "decision tree"} {
			if !bytes.Contains(text, []byte(want)) {
				t.Errorf("%q is not in\n%s", want, text)
			}
		}
	}
	if _, err := json.Marshal(e); err != nil {
		t.Error(err)
	}
}

func TestDatasetsThatCannotBeUsed(t *testing.T) {
	model := fitted(t)
	only := func(positive bool) *Dataset {
		d := told()
		d.Cases = d.Cases[:0]
		for _, c := range told().Cases {
			if c.Positive == positive {
				d.Cases = append(d.Cases, c)
			}
		}
		return d
	}
	few := told()
	few.Cases = few.Cases[:16]
	for _, test := range []struct {
		data *Dataset
		fit  bool
		want string
	}{
		{&Dataset{Of: OfFlows, Neither: 3}, false, "the labels match nothing: no labelled flow or window is positive or negative (3 are neither"},
		{only(true), false, "got 40 positive and 0 negative, want some of each"},
		{only(false), true, "got 0 positive and 40 negative, want some of each"},
		{few, true, "got 10 positive of 5 groups and 6 negative of 5, want at least 10 of 2 groups each"},
	} {
		_, err := Evaluate(model, test.data, DefaultJudging())
		if test.fit {
			_, _, err = DefaultFitting().Fit(test.data, startContract())
		}
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("got %v, want %q", err, test.want)
		}
	}
}

func TestParseChoice(t *testing.T) {
	c, err := ParseChoice("transport=obfs4-iat0,obfs3")
	if err != nil || !c.chooses(Label{Transport: "obfs3"}) || c.chooses(Label{Transport: "obfs4-iat1"}) || c.chooses(Label{Family: "obfs3"}) {
		t.Errorf("%+v, %v", c, err)
	}
	for _, bad := range []string{"", "transport", "transport=", "program=x", "=x", "class=pt,"} {
		if _, err := ParseChoice(bad); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}

// A model that calls nothing, in captures that last no time, has a report all the same.
func TestNothingIsCalled(t *testing.T) {
	m, d := fitted(t), told()
	m.Thresholds.Score, d.Spans = 1e9, nil
	e, err := Evaluate(m, d, DefaultJudging())
	if err != nil {
		t.Fatal(err)
	}
	if e.Threshold.Counts.TP != 0 || e.Decision.Flows != 0 || e.Threshold.Alarms != 0 || len(e.Benign) != 0 {
		t.Errorf("%+v, %+v", e.Threshold, e.Decision)
	}
	if _, err := json.Marshal(e); err != nil {
		t.Error(err)
	}
	figures, err := e.Figures(m, d)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range figures {
		if _, err := f.Bytes("svg"); err != nil {
			t.Error(err)
		}
	}
}

// Days counts what captures have in common once.
func TestDays(t *testing.T) {
	d := Dataset{Spans: [][2]int64{{50, 60}, {10, 30}, {20, 40}, {25, 26}}}
	if got := d.days() * 86400e9; math.Abs(got-40) > 1e-9 {
		t.Errorf("got %v ns, want 40", got)
	}
}

// The cases of a client and hour are one contribution, as in the detector.
func TestServersByClientAndHour(t *testing.T) {
	m := &transport.Model{Evidence: transport.Evidence{Proxy: transport.Beta{A: 5, B: 1}, Benign: transport.Beta{A: 1, B: 5}}}
	j := DefaultJudging()
	j.Server.Base = .05 // probabilities after one to three and five hits, by math.lgamma of Python: .21, .44, .65, .87
	j.Server.Probability = .6
	for _, test := range []struct {
		name string
		of   func(i int) (client uint64, at int64)
		want [6]int // servers called after 1, 2, 3, 5, 10, 20 cases
	}{
		{"one client, one hour", func(i int) (uint64, int64) { return 1, int64(i) * int64(time.Minute) }, [6]int{}},
		{"one client, an hour each", func(i int) (uint64, int64) { return 1, int64(i) * int64(time.Hour) }, [6]int{0, 0, 1, 1, 1, 1}},
		{"clients", func(i int) (uint64, int64) { return uint64(i), int64(i) }, [6]int{0, 0, 1, 1, 1, 1}},
	} {
		d := &Dataset{Of: OfFlows}
		for i := range 20 {
			client, at := test.of(i)
			d.Cases = append(d.Cases, Case{Flow: &flowtable.Record{Client: packet.Addr{Lo: client}, Server: packet.Addr{Lo: 9}, Version: 4}, Positive: true, Time: at})
		}
		reports := newScored(d, j).perServer(m, func(int) bool { return true })
		for k, r := range reports {
			if r.Called != test.want[k] {
				t.Errorf("%s, after %d: %d called, want %d", test.name, r.After, r.Called, test.want[k])
			}
		}
	}
}
