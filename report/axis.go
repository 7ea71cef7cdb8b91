package report

import (
	"math"
	"slices"
	"strconv"
	"time"
)

// tick is a place on an axis, from 0 to 1, and what is written there.
type tick struct {
	at   float64
	text string
}

// scale turns values of an axis into places from 0 to 1.
type scale struct {
	low, high float64 // of a log axis: the logarithms
	log       bool
	ticks     []tick
	suffix    string // of the axis' label
}

func (s scale) place(v float64) float64 {
	if s.log {
		if v <= 0 {
			return 0
		}
		v = math.Log10(v)
	}
	return min(1, max(0, (v-s.low)/(s.high-s.low)))
}

// base is where bars stand: at 0, or at the bottom where there is no 0.
func (s scale) base() float64 {
	if s.log {
		return 0
	}
	return s.place(0)
}

// axes returns the scales that hold all points.
func (s style) axes(p *Plot, series []Series) (x, y scale) {
	xLow, xHigh := math.Inf(1), math.Inf(-1)
	yLow, yHigh := xLow, xHigh
	half := 0.0
	if p.Form.bars() && !p.X.Log {
		half = barWidth(p, series) / 2
	}
	if p.Form == Stacked {
		series = append(slices.Clone(series), sums(series))
	}
	for i := range series {
		one := &series[i]
		for j, v := range one.Y {
			xLow, xHigh = min(xLow, one.X[j]-half), max(xHigh, one.X[j]+half)
			if p.Form == Steps {
				xHigh = max(xHigh, one.end(j))
			}
			if !p.Y.Log || v > 0 {
				yLow, yHigh = min(yLow, v), max(yHigh, v)
			}
		}
	}
	switch {
	case p.Categories != nil:
		x = categoryScale(p.Categories)
	case p.X.Time:
		x = s.timeScale(xLow, xHigh)
	default:
		x = numberScale(p.X, xLow, xHigh, p.Form == Points)
	}
	if p.Form != Points && !p.Y.Log && !p.Y.Time {
		yLow, yHigh = min(yLow, 0), max(yHigh, 0)
	}
	if p.Y.Time {
		return x, s.timeScale(yLow, yHigh)
	}
	return x, numberScale(p.Y, yLow, yHigh, true)
}

func numberScale(a Axis, low, high float64, whole bool) scale {
	if a.Log {
		return logScale(low, high)
	}
	return linearScale(low, high, whole)
}

// linearScale has about five ticks at 1, 2 or 5 times a power of ten. A whole one begins and ends at a tick.
func linearScale(low, high float64, whole bool) scale {
	if low > high {
		low, high = 0, 1
	}
	if !(high-low > math.Abs(high)*1e-9) { // one value, or no difference that could be written
		pad := max(1, math.Abs(high)/10)
		if low >= 0 && low < pad {
			high = low + pad
		} else {
			low, high = low-pad, high+pad
		}
	}
	step := niceStep((high - low) / 5)
	if math.IsInf(high-low, 0) || step == 0 || math.IsInf(step, 0) {
		return scale{low: low, high: high}
	}
	if whole {
		low, high = math.Floor(low/step+1e-9)*step, math.Ceil(high/step-1e-9)*step
	}
	s := scale{low: low, high: high}
	for i := math.Ceil(low/step - 1e-9); i*step <= high+step*1e-6; i++ {
		s.ticks = append(s.ticks, tick{s.place(i * step), tickText(i * step)})
	}
	return s
}

func niceStep(rough float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(rough)))
	for _, m := range []float64{1, 2, 5} {
		if m*power >= rough*0.9999 {
			return m * power
		}
	}
	return 10 * power
}

// logScale begins and ends at powers of ten, and has ticks at them, or at some of them where they are many.
func logScale(low, high float64) scale {
	if low > high {
		low, high = 1, 10
	}
	first, last := math.Floor(math.Log10(low)+1e-9), math.Ceil(math.Log10(high)-1e-9)
	if last == first {
		last++
	}
	s := scale{low: first, high: last, log: true}
	every := math.Ceil((last - first) / 7)
	for e := first; e <= last; e += every {
		s.ticks = append(s.ticks, tick{(e - first) / (last - first), tickText(math.Pow(10, e))})
		for _, m := range []float64{2, 5} {
			if last-first <= 2 && e < last {
				s.ticks = append(s.ticks, tick{(e + math.Log10(m) - first) / (last - first), tickText(m * math.Pow(10, e))})
			}
		}
	}
	return s
}

// tickText writes a number with few digits: 0.05, 20, 1.5k, 20M.
func tickText(v float64) string {
	unit, a := 0, math.Abs(v)
	if a != 0 && a < 0.9999e-3 || a >= 0.9999e18 {
		return strconv.FormatFloat(v, 'g', 3, 64)
	}
	for a >= 999.9 && unit < 5 {
		a, v, unit = a/1000, v/1000, unit+1
	}
	text := strconv.FormatFloat(v, 'g', 4, 64)
	if v == 0 || a < 1e-12 {
		text = "0"
	}
	if unit > 0 {
		text += " kMGTP"[unit : unit+1]
	}
	return text
}

func categoryScale(names []string) scale {
	n := float64(len(names))
	s := scale{low: -0.5, high: n - 0.5}
	for i, name := range names {
		s.ticks = append(s.ticks, tick{s.place(float64(i)), shorten(visible(name), longestName)})
	}
	return s
}

const day = 24 * time.Hour

var timeSteps = []time.Duration{time.Millisecond, 2 * time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond,
	20 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second, 30 * time.Second,
	time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour,
	day, 2 * day, 7 * day, 14 * day, 30 * day, 90 * day, 365 * day}

// timeScale has ticks at round times of the zone; midnight is written as its day. The label is given the day and zone
// that it begins with.
func (s style) timeScale(low, high float64) scale {
	const most = float64(1 << 62) // ns: beyond the year 2116
	low, high = max(-most, min(low, most)), max(-most, min(high, most))
	if !(high-low >= 1e6) {
		low, high = low-0.5e9, high+0.5e9
	}
	x := scale{low: low, high: high}
	start := time.Unix(0, int64(low)).In(s.location())
	_, offset := start.Zone()
	x.suffix = ", from " + start.Format("2006-01-02 MST")
	step := timeSteps[len(timeSteps)-1]
	for _, t := range timeSteps {
		if (high-low)/float64(t) <= 7 {
			step = t
			break
		}
	}
	shift := int64(offset) * 1e9
	first := (int64(low) + shift) / int64(step) * int64(step)
	for ns := first - shift; float64(ns) <= high && len(x.ticks) < 40; ns += int64(step) {
		if float64(ns) >= low {
			x.ticks = append(x.ticks, tick{x.place(float64(ns)), tickTime(time.Unix(0, ns).In(s.location()), step)})
		}
	}
	return x
}

func tickTime(t time.Time, step time.Duration) string {
	switch {
	case step < time.Second:
		return t.Format("15:04:05.000")
	case step < time.Minute:
		return t.Format("15:04:05")
	case step >= 90*day:
		return t.Format("Jan 2006")
	case t.Hour() == 0 && t.Minute() == 0 || step >= day:
		return t.Format("Jan 2")
	}
	return t.Format("15:04")
}
