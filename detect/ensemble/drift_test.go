package ensemble

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/internal/detecttest"
)

// The values were worked out with scipy.
func TestKolmogorovSmirnov(t *testing.T) {
	text, err := os.ReadFile("testdata/drift.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Values   []float64
		Distance float64
	}
	if err := json.Unmarshal(text, &cases); err != nil || len(cases) < 7 {
		t.Fatal(len(cases), err)
	}
	for _, c := range cases {
		near(t, "distance", KolmogorovSmirnov(c.Values), c.Distance, 1e-12)
	}
}

// Smooth p-values of what a ring has already are uniform, though most of it is the same.
func TestSmoothPValuesOfTies(t *testing.T) {
	r := ring{limit: 1000}
	for i := range 1000 {
		r.add(float64(max(0, i-800)))
	}
	var w drift
	w.every = 1
	for i := range 3000 {
		_, u := math.Modf(goldenRatio * float64(i))
		w.keep(r.smooth(float64(max(0, i*7%1000-800)), u))
	}
	if d := distanceOf(w.ps); d > 0.01 {
		t.Errorf("distance %v of %d", d, len(w.ps))
	}
}

func distanceOf(ps []float64) float64 {
	var below [100]float64
	for _, p := range ps {
		below[min(99, int(100*p))]++
	}
	sum, largest := 0.0, 0.0
	for i, n := range below {
		sum += n / float64(len(ps))
		largest = max(largest, math.Abs(sum-float64(i+1)/100))
	}
	return largest
}

// kept keeps alerts, as an engine does.
type kept struct {
	detecttest.Nowhere
	alerts []detect.Alert
}

func (k *kept) Alert(a detect.Alert) { k.alerts = append(k.alerts, a) }

// What is usual in all hours is no drift; what changes is said in the hour of the change, once a day from the second day on, and of that detector.
func TestDrift(t *testing.T) {
	hour := 3600 * second
	for name, c := range map[string]struct {
		score   func(hour int, x float64) float64 // of a; x is uniform on [0, 1)
		alerted bool
		perHour int
		want    []int64 // hours, from 0
	}{
		"as ever":                 {func(_ int, x float64) float64 { return x * x }, false, 400, nil},
		"mostly nothing":          {func(_ int, x float64) float64 { return math.Floor(1.1 * x) }, false, 400, nil},
		"many":                    {func(_ int, x float64) float64 { return x }, false, 4500, nil},
		"higher from the 29th on": {func(h int, x float64) float64 { return x + boolean(h >= 29)/2 }, false, 400, []int64{29}},
		"lower in the 29th":       {func(h int, x float64) float64 { return x - boolean(h == 29) }, false, 400, []int64{29}},
		"wider":                   {func(h int, x float64) float64 { return (x - 0.5) * (1 + 9*boolean(h == 29)) }, false, 400, []int64{29}},
		"higher in a few":         {func(h int, x float64) float64 { return x + boolean(h == 29 && x > 0.9) }, false, 400, nil},
		"higher, and said":        {func(h int, x float64) float64 { return x + boolean(h == 29) }, true, 400, nil},
		"higher, too few":         {func(h int, x float64) float64 { return x + boolean(h == 29) }, false, 190, nil},
		"another each hour":       {func(h int, x float64) float64 { return x + float64(h) }, false, 400, []int64{24, 48}},
		"higher in the first day": {func(h int, x float64) float64 { return x + boolean(h == 5) }, false, 400, nil},
	} {
		d := make2(t, "", .001)
		r, out := rand.New(rand.NewPCG(1, 2)), &kept{}
		for h := range 50 {
			for i := range c.perHour {
				at := (100*24+int64(h))*hour + int64(i)*hour/int64(c.perHour)
				a := detect.Score{Detector: 0, Time: at, Subject: address(i % 50), Role: detect.Client, P: math.NaN(), Raw: c.score(h, r.Float64()), Alerted: c.alerted && h == 29}
				b := detect.Score{Detector: 1, Time: at, Subject: address(i % 50), Role: detect.Client, P: math.NaN(), Raw: r.NormFloat64()}
				d.Scores([]detect.Score{a}, out)
				d.Scores([]detect.Score{b}, out)
			}
		}
		var got []int64
		for _, a := range out.alerts {
			got = append(got, a.WindowStart/hour-2400)
			if a.Key != "a" || a.Severity != detect.Informational || a.WindowEnd-a.WindowStart != hour {
				t.Errorf("%s: %+v", name, a)
			}
		}
		if len(got) != len(c.want) {
			t.Errorf("%s: said of hours %d, want %d", name, got, c.want)
			continue
		}
		for i := range got {
			if got[i] != c.want[i] {
				t.Errorf("%s: said of hours %d, want %d", name, got, c.want)
			}
		}
	}
}

func boolean(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
