package report

import (
	"math"
	"strings"
	"unicode/utf8"
)

const (
	maxMarks    = 1500 // points of a plot that are drawn one by one
	longestName = 24   // runes of a category's name beside its bar
	longestAxis = 80   // runes of an axis' label
	tickRoom    = 72   // runes beside each other below a plot
)

// picture is a plot worked out: all positions are from 0 to 1, left to right and bottom to top, so that every form draws
// the same.
type picture struct {
	title, x, y    string
	xTicks, yTicks []tick
	shapes         []shape
	flipped        bool   // categories are on the y axis, because their names are long
	places         int    // of the category axis; 0 where there is none
	note           string // what is not drawn
}

// shape is one series.
type shape struct {
	name  string
	form  Form
	boxes []box
	line  []spot
	marks []spot
}

type spot struct {
	x, y float64
	tip  string
}

type box struct {
	x0, y0, x1, y1 float64
	tip            string
}

func (p *picture) empty() bool { return len(p.shapes) == 0 }

// draw works a plot out. Points that are not finite (or nearly not), or not above 0 on a log axis, are left out, and the note counts
// them.
func (s style) draw(p *Plot) *picture {
	pic := &picture{title: visible(p.Title), x: shorten(visible(p.X.Label), longestAxis), y: shorten(visible(p.Y.Label), longestAxis)}
	series, missing := drawable(p)
	if len(series) == 0 {
		return pic
	}
	x, y := s.axes(p, series)
	pic.x += x.suffix
	pic.xTicks, pic.yTicks = x.ticks, y.ticks
	if p.Form.bars() && p.Categories != nil {
		pic.places = len(p.Categories)
		pic.flipped = longNames(p.Categories)
	}
	drawn, stack := 0, map[float64]float64{}
	for i, one := range series {
		shape := shape{name: visible(one.Name), form: p.Form}
		tips := tipper{style: s, plot: p, series: &one, named: len(series) > 1}
		switch p.Form {
		case Bars:
			shape.boxes = room(p, series, i, len(series)).bars(&one, x, y, nil, tips)
		case Stacked:
			shape.boxes = room(p, series, 0, 1).bars(&one, x, y, stack, tips)
		case Steps:
			shape.line, shape.boxes = steps(&one, x, y, tips)
		default:
			shape.line, shape.marks = points(&one, x, y, tips)
		}
		drawn += len(shape.marks)
		pic.shapes = append(pic.shapes, shape)
	}
	pic.thin(drawn)
	if missing > 0 {
		pic.say("Left out, because it has no place on these axes: " + showFixed(float64(missing), 0) + " of the points.")
	}
	if pic.flipped {
		pic.flip()
	} else {
		spread(pic.xTicks)
	}
	return pic
}

func (p *picture) say(text string) {
	p.note = strings.TrimSpace(p.note + " " + text)
}

// thin keeps every n-th of too many marks. Lines keep their course, since what they lose are marks alone.
func (p *picture) thin(drawn int) {
	every := (drawn + maxMarks - 1) / maxMarks
	if every < 2 {
		return
	}
	for i := range p.shapes {
		shape := &p.shapes[i]
		kept := shape.marks[:0]
		for j, m := range shape.marks {
			if j%every == 0 {
				kept = append(kept, m)
			}
		}
		shape.marks = kept
	}
	if p.shapes[0].form == Points {
		p.say("One point of " + showFixed(float64(every), 0) + " is drawn.")
	}
}

// spread keeps the text of every n-th tick where all have no room beside each other.
func spread(ticks []tick) {
	every := (textRoom(ticks) + tickRoom - 1) / tickRoom
	for i := range ticks {
		if every > 1 && i%every != 0 {
			ticks[i].text = ""
		}
	}
}

// textRoom is how many runes the ticks' texts take beside each other.
func textRoom(ticks []tick) (runes int) {
	for _, t := range ticks {
		if t.text != "" {
			runes += 2 + utf8.RuneCountInString(t.text)
		}
	}
	return runes
}

// flip turns the picture of bars on its side, the first category at the top.
func (p *picture) flip() {
	p.x, p.y = p.y, p.x
	p.xTicks, p.yTicks = p.yTicks, p.xTicks
	for i := range p.yTicks {
		p.yTicks[i].at = 1 - p.yTicks[i].at
	}
	for i := range p.shapes {
		for j, b := range p.shapes[i].boxes {
			p.shapes[i].boxes[j] = box{b.y0, 1 - b.x1, b.y1, 1 - b.x0, b.tip}
		}
	}
}

// longNames says that names have no room beside each other, and are more than numbers of hours and the like.
func longNames(names []string) bool {
	sum, longest := 0, 0
	for _, name := range names {
		n := utf8.RuneCountInString(visible(name))
		sum, longest = sum+2+n, max(longest, n)
	}
	return sum > tickRoom && longest > 4
}

// drawable returns the series with the points that have a place, and how many have none.
func drawable(p *Plot) (series []Series, missing int) {
	for _, s := range p.Series {
		kept := Series{Name: s.Name}
		n := min(len(s.X), len(s.Y))
		for i := range n {
			if !p.X.holds(s.X[i]) || !p.Y.holds(s.Y[i]) && !(p.Form != Points && p.Form != Lines && s.Y[i] == 0) ||
				p.Categories != nil && (s.X[i] < 0 || int(s.X[i]) >= len(p.Categories)) {
				missing++
				continue
			}
			kept.X, kept.Y = append(kept.X, s.X[i]), append(kept.Y, s.Y[i])
			if i < len(s.Labels) {
				kept.Labels = append(kept.Labels, s.Labels[i])
			}
		}
		if p.Form == Steps && len(s.X) == n+1 && len(kept.X) == n && p.X.holds(s.X[n]) { // the last edge of a histogram
			kept.X = append(kept.X, s.X[n])
		}
		if len(kept.Y) > 0 {
			series = append(series, kept)
		}
	}
	return series, missing
}

func (a Axis) holds(v float64) bool {
	const most = 1e300 // beyond it, a difference may be infinite
	return math.Abs(v) <= most && (!a.Log || v > 0)
}

// tipper writes what is said about a point when somebody points at it.
type tipper struct {
	style
	plot   *Plot
	series *Series
	named  bool
}

func (t tipper) tip(i int) string {
	var parts []string
	if t.named {
		parts = append(parts, visible(t.series.Name))
	}
	if i < len(t.series.Labels) && t.series.Labels[i] != "" {
		parts = append(parts, visible(t.series.Labels[i]))
	}
	at := t.value(t.plot.X, t.series.X[i])
	if c := int(t.series.X[i]); t.plot.Categories != nil {
		at = visible(t.plot.Categories[c])
	}
	return shorten(strings.Join(append(parts, at+": "+t.value(t.plot.Y, t.series.Y[i])), "\n"), 3*maxShown)
}

func (t tipper) value(a Axis, v float64) string {
	switch {
	case a.Time:
		return t.showTime(v, "2006-01-02 15:04:05Z07:00")
	case v == math.Trunc(v) && math.Abs(v) < 1e12:
		return showFixed(v, 0)
	}
	return showNumber(v)
}
