package report

import (
	"fmt"
	"image/color"
	"io"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

// palette is Okabe's and Ito's, which readers with any kind of colour blindness tell apart (jfly.uni-koeln.de/color,
// 2008), without its black, and without its yellow, which white swallows. The page's style has the same, lighter where it
// is dark.
var palette = []color.NRGBA{{0, 114, 178, 255}, {230, 159, 0, 255}, {0, 158, 115, 255}, {213, 94, 0, 255},
	{204, 121, 167, 255}, {86, 180, 233, 255}, {110, 110, 110, 255}}

// Size of a PNG: 960 pixels wide.
const (
	pngWidth  = 8 * vg.Inch
	pngHeight = 4.2 * vg.Inch
	pngRow    = 0.28 * vg.Inch
	pngDPI    = 120
	pngLegend = 1.6 * vg.Inch // room for names of series
)

// PNG draws a plot, with times in the zone (nil: UTC). It says false and writes nothing where there is nothing to draw.
func PNG(w io.Writer, p *Plot, zone *time.Location) (bool, error) {
	pic := style{zone: zone}.draw(p)
	if pic.empty() {
		return false, nil
	}
	drawing := plot.New()
	pic.furnish(drawing)
	height := pngHeight
	if pic.flipped {
		height = 1.2*vg.Inch + pngRow*font.Length(max(4, pic.places)*pic.rowHeight())/svgRow
	}
	img := vgimg.NewWith(vgimg.UseWH(pngWidth, height), vgimg.UseDPI(pngDPI))
	all := draw.Crop(draw.New(img), 8, -14, 8, -8)
	room := font.Length(0)
	if len(pic.shapes) > 1 {
		room = pngLegend
		legend := pic.legend()
		legend.Draw(draw.Crop(all, 0, 0, 0, -24))
	}
	drawing.Draw(draw.Crop(all, 0, -room, 0, 0))
	if _, err := (vgimg.PngCanvas{Canvas: img}).WriteTo(w); err != nil {
		return false, fmt.Errorf("write plot %s: %w", p.ID, err)
	}
	return true, nil
}

// furnish puts the picture's parts into a plot whose axes go from 0 to 1.
func (p *picture) furnish(to *plot.Plot) {
	to.Title.Text = shorten(p.title, 70)
	to.Title.Padding = 8
	to.Title.TextStyle.Font.Size, to.Title.TextStyle.Font.Variant = 12, "Sans"
	to.X.Label.Text, to.Y.Label.Text = p.x, shorten(p.y, 40)
	if p.flipped {
		to.Y.Label.Text = shorten(p.y, 20)
	}
	to.X.Tick.Marker, to.Y.Tick.Marker = plotTicks(p.xTicks), plotTicks(p.yTicks)
	to.X.Min, to.X.Max, to.Y.Min, to.Y.Max = 0, 1, 0, 1
	for _, axis := range []*plot.Axis{&to.X, &to.Y} {
		axis.Label.TextStyle.Font.Size, axis.Tick.Label.Font.Size = 10, 9
		axis.Label.TextStyle.Font.Variant, axis.Tick.Label.Font.Variant = "Sans", "Sans"
		axis.Tick.Length = 3
		axis.Padding = 2
	}
	to.Add(gridLines{p})
	for i := range p.shapes {
		to.Add(painted{&p.shapes[i], i})
	}
}

// legend stands at the right of the plot.
func (p *picture) legend() plot.Legend {
	l := plot.NewLegend()
	l.Top, l.Padding, l.ThumbnailWidth = true, 4, 10
	l.TextStyle.Font.Size, l.TextStyle.Font.Variant = 9, "Sans"
	for i := range p.shapes {
		l.Add(shorten(p.shapes[i].name, longestName), painted{&p.shapes[i], i})
	}
	return l
}

func plotTicks(ticks []tick) plot.ConstantTicks {
	all := make([]plot.Tick, 0, len(ticks))
	for _, t := range ticks {
		if t.text != "" {
			all = append(all, plot.Tick{Value: t.at, Label: t.text})
		}
	}
	return all
}

// gridLines are behind everything, across the axis of values.
type gridLines struct{ *picture }

// Plot implements plot.Plotter.
func (g gridLines) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	thin := draw.LineStyle{Color: color.Gray{225}, Width: 0.5}
	if g.flipped {
		for _, t := range g.xTicks {
			c.StrokeLine2(thin, x(t.at), y(0), x(t.at), y(1))
		}
		return
	}
	for _, t := range g.yTicks {
		c.StrokeLine2(thin, x(0), y(t.at), x(1), y(t.at))
	}
}

// painted is a series in its colour.
type painted struct {
	*shape
	number int
}

func (s painted) colour() color.NRGBA { return palette[s.number%len(palette)] }

// Plot implements plot.Plotter.
func (s painted) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	fill := s.colour()
	if s.form == Steps {
		fill.A = 40
	}
	for _, b := range s.boxes {
		c.FillPolygon(fill, []vg.Point{{X: x(b.x0), Y: y(b.y0)}, {X: x(b.x1), Y: y(b.y0)}, {X: x(b.x1), Y: y(b.y1)}, {X: x(b.x0), Y: y(b.y1)}})
	}
	line := make([]vg.Point, 0, len(s.line))
	for _, at := range s.line {
		line = append(line, vg.Point{X: x(at.x), Y: y(at.y)})
	}
	if len(line) > 0 {
		c.StrokeLines(draw.LineStyle{Color: s.colour(), Width: 1.3}, line)
	}
	if s.form == Points {
		for _, at := range s.marks {
			c.DrawGlyph(s.glyph(), vg.Point{X: x(at.x), Y: y(at.y)})
		}
	}
}

// Thumbnail implements plot.Thumbnailer.
func (s painted) Thumbnail(c *draw.Canvas) {
	if s.form == Points {
		c.DrawGlyph(s.glyph(), c.Center())
		return
	}
	c.FillPolygon(s.colour(), []vg.Point{{X: c.Min.X, Y: c.Min.Y + 2}, {X: c.Max.X, Y: c.Min.Y + 2}, {X: c.Max.X, Y: c.Max.Y - 2}, {X: c.Min.X, Y: c.Max.Y - 2}})
}

func (s painted) glyph() draw.GlyphStyle {
	shapes := []draw.GlyphDrawer{draw.CircleGlyph{}, draw.BoxGlyph{}, draw.PyramidGlyph{}, draw.CrossGlyph{}, draw.PlusGlyph{}}
	faint := s.colour()
	faint.A = 170
	return draw.GlyphStyle{Color: faint, Radius: 2.2, Shape: shapes[s.number%len(shapes)]}
}
