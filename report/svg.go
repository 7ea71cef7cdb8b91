package report

import (
	"html"
	"html/template"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Sizes of a plot in the page, in units. Text is 12 high, on a phone 16.
const (
	svgWidth  = 560
	svgWide   = 1000 // of a plot that is alone in its row
	svgHeight = 280
	svgTop    = 30 // with a label above, 8 without
	svgRight  = 24
	svgBottom = 50
	svgRow    = 24 // of a bar with a long name
	svgRune   = 10 // an ample width of a rune of a label, on a phone
	colours   = 7  // of the page's palette
)

// svg writes a picture for the page: its colours are classes of the page's style, so that they follow dark mode and
// print; every text is escaped; there are no ids and no links.
func (p *picture) svg(width float64) template.HTML {
	c := canvas{left: p.leftRoom(), right: width - svgRight, height: svgHeight, top: 8}
	if p.y != "" {
		c.top = svgTop
	}
	if p.flipped {
		c.height = c.top + svgBottom + float64(max(4, p.places)*p.rowHeight())
	}
	c.put(`<svg viewBox="0 0 `, coordinate(width), " ", coordinate(c.height), `" role="img" aria-label="`,
		html.EscapeString(p.title), `">`)
	c.axes(p)
	for i := range p.shapes {
		c.shape(i, &p.shapes[i])
	}
	c.put("</svg>")
	return template.HTML(c.b.String())
}

// rowHeight is the height of a place of bars on their side.
func (p *picture) rowHeight() int {
	if p.shapes[0].form == Bars {
		return max(svgRow, 11*len(p.shapes))
	}
	return svgRow
}

// leftRoom is the room for the y axis' texts.
func (p *picture) leftRoom() float64 {
	longest := 0
	for _, t := range p.yTicks {
		longest = max(longest, utf8.RuneCountInString(t.text))
	}
	return 10 + svgRune*float64(longest)
}

// canvas collects what is drawn.
type canvas struct {
	b                        strings.Builder
	left, right, top, height float64
}

func (c *canvas) put(parts ...string) {
	for _, s := range parts {
		c.b.WriteString(s)
	}
}

func (c *canvas) x(at float64) float64 { return c.left + at*(c.right-c.left) }
func (c *canvas) y(at float64) float64 { return c.top + (1-at)*(c.height-c.top-svgBottom) }

func (c *canvas) point(x, y float64) string {
	return coordinate(c.x(x)) + " " + coordinate(c.y(y))
}

// coordinate writes a number with one decimal, and that only where it is not 0.
func coordinate(v float64) string {
	return strings.TrimSuffix(strconv.FormatFloat(v, 'f', 1, 64), ".0")
}

func (c *canvas) axes(p *picture) {
	c.put(`<path class="grid" d="`)
	lines, across := p.yTicks, true
	if p.flipped {
		lines, across = p.xTicks, false
	}
	for _, t := range lines {
		if across {
			c.put("M", c.point(0, t.at), "H", coordinate(c.x(1)))
		} else {
			c.put("M", c.point(t.at, 0), "V", coordinate(c.y(1)))
		}
	}
	c.put(`"/><path class="axis" d="M`, c.point(0, 1), "V", coordinate(c.y(0)), "H", coordinate(c.x(1)))
	if p.places == 0 {
		for _, t := range p.xTicks {
			c.put("M", c.point(t.at, 0), "v4")
		}
	}
	c.put(`"/>`)
	c.labels(p)
}

func (c *canvas) labels(p *picture) {
	c.put(`<g class="at-y">`)
	for _, t := range p.yTicks {
		c.text(c.left-6, c.y(t.at)+4, t.text, "")
	}
	c.put(`</g><g class="at-x">`)
	crowded := float64(textRoom(p.xTicks))*svgRune > c.right-c.left
	shown := 0
	for _, t := range p.xTicks {
		if t.text == "" {
			continue
		}
		class := ""
		if crowded && shown%2 == 1 {
			class = "alt"
		}
		shown++
		c.text(c.x(t.at), c.height-svgBottom+20, t.text, class)
	}
	c.text((c.left+c.right)/2, c.height-7, p.x, "label")
	c.put(`</g>`)
	if p.y != "" {
		c.text(2, 13, p.y, "label")
	}
}

func (c *canvas) text(x, y float64, text, class string) {
	if text == "" {
		return
	}
	c.put(`<text x="`, coordinate(x), `" y="`, coordinate(y), `"`)
	if class != "" {
		c.put(` class="`, class, `"`)
	}
	c.put(`>`, html.EscapeString(text), `</text>`)
}

// seriesClass is the class of the i-th series' colour.
func seriesClass(i int) string { return "s" + strconv.Itoa(i%colours+1) }

func (c *canvas) shape(i int, s *shape) {
	c.put(`<g class="`, seriesClass(i), `">`)
	class := "bar"
	if s.form == Steps {
		class = "step"
	}
	for _, b := range s.boxes {
		c.put(`<rect class="`, class, `" x="`, coordinate(c.x(b.x0)), `" y="`, coordinate(c.y(b.y1)),
			`" width="`, coordinate(max(0.5, c.x(b.x1)-c.x(b.x0))), `" height="`, coordinate(c.y(b.y0)-c.y(b.y1)), `">`)
		c.tip(b.tip)
		c.put("</rect>")
	}
	for j, at := range s.line {
		if j == 0 {
			c.put(`<path class="line`, dashes(i), area(s.form), `" d="M`)
		} else {
			c.put("L")
		}
		c.put(c.point(at.x, at.y))
	}
	if len(s.line) > 0 {
		c.put(`"/>`)
	}
	c.marks(i, s)
	c.put("</g>")
}

// area fills what is below a histogram's outline.
func area(f Form) string {
	if f == Steps {
		return " area"
	}
	return ""
}

// dashes tells series with the same colour apart.
func dashes(i int) string {
	if i >= colours {
		return " dashed"
	}
	return ""
}

// markers are the marks of series, relative to their place: a disc, a square, a triangle, a diamond, another triangle.
var markers = []string{"m-3 0a3 3 0 1 0 6 0a3 3 0 1 0-6 0z", "m-2.7-2.7h5.4v5.4h-5.4z", "m0-3.6l3.4 6h-6.8z",
	"m0-3.9l3.3 3.9l-3.3 3.9l-3.3-3.9z", "m0 3.6l3.4-6h-6.8z"}

func (c *canvas) marks(i int, s *shape) {
	class := "mark"
	if s.form == Lines && len(s.marks) > 40 {
		class = "spot" // seen only by whoever points at it
	}
	for _, at := range s.marks {
		c.put(`<path class="`, class, `" d="M`, c.point(at.x, at.y), markers[i%len(markers)], `">`)
		c.tip(at.tip)
		c.put("</path>")
	}
}

func (c *canvas) tip(text string) {
	c.put("<title>", html.EscapeString(text), "</title>")
}

// swatch is a series' mark beside its name.
func (p *picture) swatch(i int) template.HTML {
	shape := markers[i%len(markers)]
	if form := p.shapes[i].form; form.bars() || form == Steps {
		shape = markers[1]
	}
	return template.HTML(`<svg class="swatch ` + seriesClass(i) + `" viewBox="0 0 10 10" aria-hidden="true"><path class="mark" d="M5 5` +
		shape + `"/></svg>`)
}
