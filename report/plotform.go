package report

import "math"

// barWidth is the room of a category, or of the two numbers that are nearest to each other.
func barWidth(p *Plot, series []Series) float64 {
	width := math.Inf(1)
	if p.Categories != nil {
		return 1
	}
	for _, s := range series {
		for i := 1; i < len(s.X); i++ {
			if gap := math.Abs(s.X[i] - s.X[i-1]); gap > 0 {
				width = min(width, gap)
			}
		}
	}
	if math.IsInf(width, 1) {
		return 1
	}
	return width
}

func (f Form) bars() bool { return f == Bars || f == Stacked }

// sums is the series of all series' sums.
func sums(series []Series) Series {
	var all Series
	at := map[float64]int{}
	for _, s := range series {
		for i, x := range s.X {
			place, seen := at[x]
			if !seen {
				place = len(all.X)
				at[x] = place
				all.X, all.Y = append(all.X, x), append(all.Y, 0)
			}
			all.Y[place] += s.Y[i]
		}
	}
	return all
}

// barRoom is where the bars of a series are, from their places.
type barRoom struct{ left, width float64 }

// room returns that of one of several series whose bars stand beside each other, number of of. Few bars are not made
// wider than a tenth of the plot.
func room(p *Plot, series []Series, number, of int) barRoom {
	part := barWidth(p, series) * 0.76 / float64(of)
	if n := len(p.Categories); n > 0 {
		part = min(part, float64(n)*0.1)
	}
	return barRoom{part * (float64(number) - float64(of)/2), part}
}

// bars returns a series' bars, on top of what is in the stack, which grows; a nil one stays empty.
func (r barRoom) bars(s *Series, x, y scale, stack map[float64]float64, tips tipper) []box {
	boxes := make([]box, 0, len(s.X))
	for i, at := range s.X {
		y0, y1 := y.base(), y.place(stack[at]+s.Y[i])
		if stack[at] != 0 {
			y0 = y.place(stack[at])
		}
		if y.log && s.Y[i] > 0 {
			y1 = max(y1, 0.01) // the lowest decade's value is no 0
		}
		if stack != nil {
			stack[at] += s.Y[i]
		}
		left := at + r.left
		boxes = append(boxes, box{x.place(left), min(y0, y1), x.place(left + r.width), max(y0, y1), tips.tip(i)})
	}
	return boxes
}

// steps returns a histogram's outline, and its boxes for whoever points at them. Each Y lasts from its X to the next.
func steps(s *Series, x, y scale, tips tipper) (line []spot, boxes []box) {
	base := y.base()
	for i := range s.Y {
		x0, x1, top := x.place(s.X[i]), x.place(s.end(i)), y.place(s.Y[i])
		if i == 0 {
			line = append(line, spot{x: x0, y: base})
		}
		line = append(line, spot{x: x0, y: top}, spot{x: x1, y: top})
		boxes = append(boxes, box{x0, min(base, top), x1, max(base, top), tips.tip(i)})
	}
	return append(line, spot{x: line[len(line)-1].x, y: base}), boxes
}

// end is where the i-th step ends: at the next, and the last is as long as the one before it.
func (s *Series) end(i int) float64 {
	switch {
	case i+1 < len(s.X):
		return s.X[i+1]
	case i > 0:
		return s.X[i] + s.X[i] - s.X[i-1]
	}
	return s.X[i] + 1
}

func points(s *Series, x, y scale, tips tipper) (line, marks []spot) {
	for i := range s.X {
		at := spot{x.place(s.X[i]), y.place(s.Y[i]), tips.tip(i)}
		marks = append(marks, at)
		if tips.plot.Form == Lines {
			line = append(line, spot{x: at.x, y: at.y})
		}
	}
	return course(line), marks
}

// course keeps the first, lowest, highest and last point of each of 600 parts of a line.
func course(line []spot) []spot {
	const parts = 600
	if len(line) <= 4*parts {
		return line
	}
	kept := make([]spot, 0, 4*parts)
	for part := range parts {
		some := line[len(line)*part/parts : len(line)*(part+1)/parts]
		low, high := 0, 0
		for i := range some {
			if some[i].y < some[low].y {
				low = i
			}
			if some[i].y > some[high].y {
				high = i
			}
		}
		last := -1
		for _, i := range []int{0, min(low, high), max(low, high), len(some) - 1} {
			if i > last {
				kept, last = append(kept, some[i]), i
			}
		}
	}
	return kept
}
