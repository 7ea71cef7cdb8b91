package trend

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/flowtable"
)

// testdata/season.py made the values, and says what goes in.
func TestSeasonIsNumpys(t *testing.T) {
	text, err := os.ReadFile("testdata/season.json")
	if err != nil {
		t.Fatal(err)
	}
	var c struct {
		First, Steps   int64
		Zeros, Present [weekHours][2]float64 // mean, weeks
	}
	if err := json.Unmarshal(text, &c); err != nil {
		t.Fatal(err)
	}
	all := [2]season{{}, {present: true}}
	for step := c.First; step < c.First+c.Steps; step++ {
		if step%13 == 0 || step/hourSteps%50 == 7 {
			continue
		}
		x := float64(step*7919%1009 + 10*(step/60480%5))
		if step/hourSteps%24 == 2 {
			x += 5000
		}
		for i := range all {
			all[i].add(step, x)
		}
	}
	for i, want := range [2][weekHours][2]float64{c.Zeros, c.Present} {
		for hour, w := range want {
			got, ok := all[i].usual(int64(hour) * hourSteps)
			if math.Abs(got-w[0]) > 1e-3 || float64(all[i].weeks[hour]) != w[1] || ok != (w[1] >= leastWeeks) {
				t.Errorf("season %d, hour %d: got %v of %d weeks, want %v", i, hour, got, all[i].weeks[hour], w)
			}
		}
	}
}

// After years of nothing an hour has nothing, and it takes no time.
func TestSeasonForgets(t *testing.T) {
	var s season
	for step := range int64(4 * weekHours * hourSteps) {
		s.add(step, 100)
	}
	s.add(1<<40, 7)
	if mean, ok := s.usual(1<<40 + hourSteps); mean > 0.02 || !ok {
		t.Errorf("got %v, %v", mean, ok)
	}
	if mean, ok := new(season).usual(-1); mean != 0 || ok {
		t.Errorf("of nothing: %v, %v", mean, ok)
	}
}

// A backup every night at two is a rise until it was there in two weeks; at noon it is one for ever.
func TestNightlyBackup(t *testing.T) {
	const days, midnight = 24, begin + 6400*second // the day after begin
	var flows []flowtable.Record
	copying := func(day, hour int) {
		for i := range 90 {
			r := flow(inside, other, float64(midnight-begin)/1e9+float64(86400*day+3600*hour+20*i))
			r.Bytes = [2]uint64{200_000_000, 100_000}
			flows = append(flows, r)
		}
	}
	for day := range days {
		for i := range 288 { // something every 5 min
			flows = append(flows, flow(inside, other+1, float64(midnight-begin)/1e9+float64(86400*day+300*i)+7))
		}
		copying(day, 2)
	}
	copying(22, 12)
	alerts := run(t, DefaultConfig(), flows)
	nights, noons := map[int64]bool{}, 0
	for _, a := range alerts {
		if a.Kind != "rise" || a.Key != quantityNames[volume] || a.Severity != detect.Low {
			t.Errorf("got %+v", a)
		}
		if at := a.WindowStart - midnight; at%(86400*second) < 6*3600*second {
			nights[at/(86400*second)] = true
		} else {
			noons++
		}
	}
	for day := range int64(days) {
		if want := day < 14; nights[day] != want {
			t.Errorf("night %d: a rise %v, want %v", day, nights[day], want)
		}
	}
	if noons == 0 {
		t.Error("the backup at noon was not seen")
	}
}
