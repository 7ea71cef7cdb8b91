package report

import (
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// ticked returns a scale's ticks as text.
func ticked(s scale) (list []string) {
	for _, t := range s.ticks {
		list = append(list, t.text)
	}
	return list
}

func TestTicks(t *testing.T) {
	at := func(text string) float64 {
		when, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return float64(when.UnixNano())
	}
	east := style{zone: time.FixedZone("EAST", 5*3600+1800)}
	for name, test := range map[string]struct {
		s    scale
		want string
	}{
		"linear":              {linearScale(0, 4.2, true), "0 1 2 3 4 5"},
		"below 1":             {linearScale(0, 0.00043, true), "0 0.0001 0.0002 0.0003 0.0004 0.0005"},
		"thousands":           {linearScale(-1500, 12e3, true), "-5k 0 5k 10k 15k"},
		"one value":           {linearScale(7, 7, true), "6 6.5 7 7.5 8"},
		"nothing":             {linearScale(math.Inf(1), math.Inf(-1), true), "0 0.2 0.4 0.6 0.8 1"},
		"decades":             {logScale(3, 2e4), "1 10 100 1k 10k 100k"},
		"one decade":          {logScale(2, 8), "1 2 5 10"},
		"many decades":        {logScale(1, 1e14), "1 100 10k 1M 100M 10G 1T 100T"},
		"an exact power":      {logScale(10, 1000), "10 20 50 100 200 500 1k"},
		"minutes":             {style{}.timeScale(at("2017-07-07T09:01:00Z"), at("2017-07-07T09:31:00Z")), "09:05 09:10 09:15 09:20 09:25 09:30"},
		"over midnight":       {style{}.timeScale(at("2017-07-06T22:30:00Z"), at("2017-07-07T02:10:00Z")), "23:00 Jul 7 01:00 02:00"},
		"of a zone's day":     {east.timeScale(at("2017-07-06T12:00:00Z"), at("2017-07-07T12:00:00Z")), "18:00 Jul 7 06:00 12:00"},
		"one moment":          {style{}.timeScale(at("2017-07-06T12:00:00Z"), at("2017-07-06T12:00:00Z")), "11:59:59.600 11:59:59.800 12:00:00.000 12:00:00.200 12:00:00.400"},
		"beyond what int64is": {style{}.timeScale(-1e300, 1e300), ""},
	} {
		if got := strings.Join(ticked(test.s), " "); got != test.want && test.want != "" {
			t.Errorf("%s: got %s, want %s", name, got, test.want)
		}
	}
}

func TestPlaces(t *testing.T) {
	s := logScale(1, 1e4)
	for v, want := range map[float64]float64{1: 0, 10: 0.25, 100: 0.5, 1e4: 1, 0: 0, -5: 0, 1e9: 1} {
		if got := s.place(v); math.Abs(got-want) > 1e-12 {
			t.Errorf("log: %g is at %g, want %g", v, got, want)
		}
	}
}

func TestStackedBarsAddUp(t *testing.T) {
	p := Plot{ID: "p", Form: Stacked, Categories: []string{"a", "b"}, Series: []Series{
		{Name: "x", X: []float64{0, 1}, Y: []float64{1, 2}}, {Name: "y", X: []float64{0, 1}, Y: []float64{3, 3}}}}
	pic := style{}.draw(&p)
	var got [][2]float64
	for _, s := range pic.shapes {
		for _, b := range s.boxes {
			got = append(got, [2]float64{math.Round(b.y0 * 100), math.Round(b.y1 * 100)})
		}
	}
	want := [][2]float64{{0, 20}, {0, 40}, {20, 80}, {40, 100}} // of an axis from 0 to 5
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if pic.shapes[0].boxes[0].x0 != pic.shapes[1].boxes[0].x0 {
		t.Error("they are not above each other")
	}
}

func TestGroupedBarsDoNotMeet(t *testing.T) {
	p := Plot{ID: "p", Categories: []string{"a", "b"}, Series: []Series{{X: []float64{0, 1}, Y: []float64{1, 2}}, {X: []float64{0, 1}, Y: []float64{3, 3}}}}
	pic := style{}.draw(&p)
	first, second := pic.shapes[0].boxes, pic.shapes[1].boxes
	if math.Abs(first[0].x1-second[0].x0) > 1e-12 || second[0].x1 >= first[1].x0 || first[0].x0 < 0 || second[1].x1 > 1 {
		t.Errorf("%v, %v", first, second)
	}
}

func TestLongNamesLieOnTheirSide(t *testing.T) {
	p := Plot{ID: "p", Series: []Series{{X: []float64{0}, Y: []float64{1}}}}
	for range 10 {
		p.Categories = append(p.Categories, "192.168.100.200")
	}
	if pic := (style{}).draw(&p); !pic.flipped || pic.shapes[0].boxes[0].y0 < 0.9 {
		t.Errorf("the first of ten addresses is not at the top: %+v", pic.shapes[0].boxes)
	}
}

func TestManyPointsAreThinned(t *testing.T) {
	var s Series
	for i := range 10000 {
		s.X, s.Y = append(s.X, float64(i)), append(s.Y, float64(i%100))
	}
	points := style{}.draw(&Plot{Form: Points, Series: []Series{s}})
	if n := len(points.shapes[0].marks); n > maxMarks || points.note != "One point of 7 is drawn." {
		t.Errorf("%d points: %q", n, points.note)
	}
	s.Y[7777] = 1e6
	line := style{}.draw(&Plot{Form: Lines, Series: []Series{s}}).shapes[0].line
	top := 0.0
	for _, at := range line {
		top = max(top, at.y)
	}
	if len(line) > 2400 || top != 1 {
		t.Errorf("the line of %d points has lost its peak: %g", len(line), top)
	}
}

// Whatever the numbers are, everything is drawn inside the plot.
func TestEveryPlaceIsInside(t *testing.T) {
	odd := []float64{0, math.Copysign(0, -1), 1, -1, 0.1, 3, 1e308, -1e308, 5e-324, math.MaxFloat64, math.MaxInt64, 1.5e18, math.NaN(), math.Inf(1), math.Inf(-1)}
	for form := Bars; form <= Stacked; form++ {
		for axes := range 16 {
			for i := range odd {
				for j := range odd {
					p := Plot{ID: "p", Form: form, X: Axis{Log: axes&1 != 0, Time: axes&2 != 0}, Y: Axis{Log: axes&4 != 0, Time: axes&8 != 0},
						Series: []Series{{X: []float64{odd[i], odd[j]}, Y: []float64{odd[j], odd[i]}}, {X: []float64{odd[i]}, Y: []float64{odd[(i+j)%len(odd)]}}}}
					inside(t, &p)
				}
			}
		}
	}
}

func inside(t *testing.T, p *Plot) {
	t.Helper()
	pic := style{}.draw(p)
	check := func(places ...float64) {
		for _, v := range places {
			if !(v >= 0 && v <= 1) {
				t.Fatalf("%g is outside the plot of %+v", v, p)
			}
		}
	}
	for _, s := range pic.shapes {
		for _, b := range s.boxes {
			check(b.x0, b.x1, b.y0, b.y1)
		}
		for _, at := range append(s.line, s.marks...) {
			check(at.x, at.y)
		}
	}
	for _, tick := range append(pic.xTicks, pic.yTicks...) {
		check(tick.at)
	}
}

func TestOddPictures(t *testing.T) {
	for _, p := range []Plot{
		{ID: "huge", Form: Lines, Series: []Series{{X: []float64{-1e300, 1e300}, Y: []float64{5e-324, 1}}}},
		{ID: "same", Form: Points, Series: []Series{{X: []float64{1, 1}, Y: []float64{1, 1}}}},
		{ID: "zero", Form: Bars, Categories: []string{""}, Series: []Series{{X: []float64{0}, Y: []float64{0}}}},
	} {
		if drawn, err := PNG(io.Discard, &p, nil); !drawn || err != nil {
			t.Errorf("%s: drawn %t, %v", p.ID, drawn, err)
		}
		if svg := string(style{}.draw(&p).svg(svgWidth)); strings.Contains(svg, "NaN") || strings.Contains(svg, "Inf") {
			t.Errorf("%s: %s", p.ID, svg)
		}
	}
}
