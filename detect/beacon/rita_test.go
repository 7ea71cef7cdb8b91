package beacon

import (
	"encoding/json"
	"math"
	"os"
	"testing"
)

// cumulate turns gaps into times.
func cumulate(gaps ...int64) []int64 {
	times := []int64{0}
	for _, g := range gaps {
		times = append(times, times[len(times)-1]+g)
	}
	return times
}

// The values of RITA's own tests and of its formulae worked out by hand.
func TestRITATimestamps(t *testing.T) {
	for _, c := range []struct {
		name  string
		times []int64
		want  float64
	}{
		{"one a minute", cumulate(60, 60, 60, 60, 60, 60), 1},
		{"RITA's own test", cumulate(98, 99, 99, 100, 100, 100, 101, 101, 102), 0.995},
		{"skewed", []int64{0, 50, 130, 185, 250, 300, 390, 445, 520, 575}, 0.555},
	} {
		r, ok := ritaScore(c.times, []float64{1, 1, 1}, 0, 86400)
		if !ok || r.Timestamps != c.want {
			t.Errorf("%s: got %v, %v, want %v", c.name, r.Timestamps, ok, c.want)
		}
	}
	if _, ok := ritaScore([]int64{5, 5, 5, 6, 7}, nil, 0, 100); ok {
		t.Error("three different times got a score")
	}
}

func TestRITAHistogram(t *testing.T) {
	var flat, half [ritaBins]int
	for i := range flat {
		flat[i] = 60
		half[i] = 60 * (i / 12)
	}
	if got := ritaFlat(flat); got != 1 {
		t.Errorf("flat: got %v, want 1", got)
	}
	if got := ritaFlat(half); got != 0 {
		t.Errorf("half a day: got %v, want 0", got)
	}
	if got := ritaBimodal(half); got != 1 { // all bars have one height
		t.Errorf("half a day, bimodal: got %v, want 1", got)
	}
}

// testdata/rita.py made the values.
func TestRITAIsNumpys(t *testing.T) {
	text, err := os.ReadFile("testdata/rita.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Times       []int64
		Bytes       []float64
		First, Last int64
		Want        RITA
	}
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	for i, c := range cases {
		// Fields of JSON and of RITA have the same names.
		got, ok := ritaScore(c.Times, c.Bytes, c.First, c.Last)
		for _, v := range [][2]float64{{got.Score, c.Want.Score}, {got.Timestamps, c.Want.Timestamps}, {got.Sizes, c.Want.Sizes},
			{got.Histogram, c.Want.Histogram}, {got.Duration, c.Want.Duration}} {
			if !ok || math.Abs(v[0]-v[1]) > 1e-9 {
				t.Errorf("case %d: got %+v, want %+v", i, got, c.Want)
				break
			}
		}
	}
}

// Borders and modifiers are those of RITA v5, as published.
func TestRITAThreat(t *testing.T) {
	for _, c := range []struct{ score, clients, hosts, known, watched, want float64 }{
		{0.49, 3, 100, 10, 10, 0}, {0.5, 3, 100, 10, 10, 0.2}, {0.6, 3, 100, 10, 10, 0.3}, {0.7, 3, 100, 10, 10, 0.4},
		{0.8, 3, 100, 10, 10, 0.5}, {0.95, 3, 100, 10, 10, 0.7}, {1, 3, 100, 10, 10, 0.8},
		{0.7, 2, 100, 10, 10, 0.55}, {0.7, 50, 100, 10, 10, 0.25}, {0.7, 49, 100, 10, 10, 0.4}, {0.7, 1, 1, 10, 10, 0.4},
		{0.7, 1, 49, 10, 10, 0.4}, {0.7, 1, 50, 10, 10, 0.55},
		{0.7, 3, 100, 7, 7.5, 0.55}, {0.7, 3, 100, 7, 7, 0.4}, {0.7, 3, 100, 30, 30, 0.25}, {0.7, 3, 100, 29, 60, 0.4},
		{1, 1, 100, 1, 40, 1}, {0.4, 99, 100, 40, 40, 0},
	} {
		if got := ritaThreat(c.score, c.clients, c.hosts, c.known, c.watched); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%+v: got %v", c, got)
		}
	}
}
