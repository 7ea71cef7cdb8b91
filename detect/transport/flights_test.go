package transport

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/flowtable"
)

// Kolmogorov's distribution and the test of lengths are scipy's.
func TestFlightsAgainstScipy(t *testing.T) {
	text, err := os.ReadFile("testdata/flights.json")
	if err != nil {
		t.Fatal(err)
	}
	var want struct {
		Cases []struct {
			Lengths []int32
			P       float64
		}
		Kolmogorov []struct {
			N    int
			D, P float64
		}
	}
	if err := json.Unmarshal(text, &want); err != nil || len(want.Cases) < 100 || len(want.Kolmogorov) < 30 {
		t.Fatal(err)
	}
	for _, c := range want.Kolmogorov {
		if got := kolmogorov(c.N, c.D); math.Abs(got-c.P) > 1e-9 {
			t.Errorf("%d values, distance %v: got %v, want %v", c.N, c.D, got, c.P)
		}
	}
	for _, c := range want.Cases {
		var l lengths
		for _, bytes := range c.Lengths {
			l.add(bytes)
		}
		if got := l.uniform(); math.Abs(got-c.P) > 1e-9 {
			t.Errorf("%v: got %v, want %v", c.Lengths, got, c.P)
		}
	}
}

// Fewer than eight say nothing, lengths that are not obfs4's are left out, and of many the first 32 count.
func TestFlightsAreBounded(t *testing.T) {
	var l lengths
	for i := range int32(7) {
		l.add(1000 * (i + 1))
		l.add(140)
		l.add(8193)
	}
	if p := l.uniform(); p == p {
		t.Errorf("seven lengths: got %v, want none", p)
	}
	for range 1000 {
		l.add(600)
	}
	if l.n != 32 {
		t.Errorf("got %d lengths, want 32", l.n)
	}
}

// The alert says whether the lengths are as obfs4's: spread evenly they are, all the same they are not, of five nobody knows.
func TestAlertTellsUniformFlights(t *testing.T) {
	for _, test := range []struct {
		name       string
		n          int
		last       func(i int) int32 // bytes of the second packet, after 1448
		told, like bool
	}{
		{"evenly", 9, func(i int) int32 { return int32(100 + 700*i) }, true, true},
		{"the same", 9, func(int) int32 { return 579 }, true, false},
		{"five", 5, func(i int) int32 { return int32(100 + 1200*i) }, false, false},
	} {
		var flows []flowtable.Record
		for i := range test.n {
			r := flow(40_000_000, 1448, test.last(i), -1254, -1448, 1123, -1448, 77, -459, 1448)
			flows = append(flows, at(r, 10+uint64(i), 1, time.Duration(i)*time.Second))
		}
		_, alerts := run(t, DefaultConfig(), flows, 10)
		if len(alerts) != 1 {
			t.Fatalf("%s: got %+v, want an alert", test.name, alerts)
		}
		i := slices.IndexFunc(alerts[0].Reasons, func(r detect.Reason) bool { return r.Feature == "uniform_flights_p" })
		if like := strings.Contains(alerts[0].Message, "as obfs4's padding"); i >= 0 != test.told || like != test.like {
			t.Errorf("%s: got %+v", test.name, alerts[0])
		}
	}
}
