package report

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"math"
	"strconv"
	"time"
	"unicode/utf8"
)

const (
	maxPage     = 3<<20 - 1<<16 // bytes of the page; tables are cut to keep within it
	maxPageRows = 1000          // rows of a table in the page
)

//go:embed page.tmpl
var pageTemplate string

//go:embed page.css
var pageStyle string

//go:embed page.js
var pageScript string

// HTML writes the report as one page that needs nothing else, with times in the zone (nil: UTC). It is smaller than
// 3 MiB as far as fewer rows per table can make it so.
func HTML(w io.Writer, r *Report, zone *time.Location) error {
	return style{zone: zone}.html(w, r)
}

func (s style) html(w io.Writer, r *Report) error {
	if err := r.check(); err != nil {
		return err
	}
	form, err := template.New("page").Parse(pageTemplate)
	if err != nil {
		panic("bug: the page's template: " + err.Error())
	}
	var b bytes.Buffer
	for rows := maxPageRows; rows >= 10; rows /= 2 {
		b.Reset()
		if err := form.Execute(&b, newPage(r, s, rows)); err != nil {
			return fmt.Errorf("write report: %w", err)
		}
		if b.Len() <= maxPage {
			break
		}
	}
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// page is what the template shows.
type page struct {
	Title, Subtitle, Zone string
	Policy                string
	Style                 template.CSS
	Script                template.JS
	Sections              []pageSection
}

type pageSection struct {
	ID, Title, Intro, Note string
	Figures                []figure
	Tables                 []pageTable
}

type figure struct {
	ID, Title, Note string
	Alone           bool          // in its row
	SVG, Wide       template.HTML // Wide, where the window has room for it, of one that is alone
	Legend          []legend
}

type legend struct {
	Swatch template.HTML
	Name   string
}

type pageTable struct {
	ID, File, Title string
	Head            []headCell
	Rows            [][]pageCell
	Capped          string
}

type headCell struct {
	Name, Help, Class string
	Numeric           bool
}

type pageCell struct {
	Text, Full, ID, Link, Class string
	Value                       string        // by which numbers are sorted; "" where it is unknown, and for text
	Bar                         template.HTML // of a share
}

func newPage(r *Report, s style, rows int) page {
	p := page{Title: visible(r.Title), Subtitle: visibleLines(r.Subtitle), Zone: s.location().String(),
		Policy: policy(), Style: template.CSS(pageStyle), Script: template.JS(pageScript)}
	a := r.anchors(rows)
	for i := range r.Sections {
		one := &r.Sections[i]
		section := pageSection{ID: one.ID, Title: visible(one.Title), Intro: visibleLines(one.Intro), Note: visibleLines(one.Note)}
		for j := range one.Plots {
			section.Figures = append(section.Figures, s.figure(&one.Plots[j], a, len(one.Plots)%2 == 1 && j == 0))
		}
		for j := range one.Tables {
			section.Tables = append(section.Tables, s.pageTable(&one.Tables[j], a, rows))
		}
		p.Sections = append(p.Sections, section)
	}
	return p
}

// policy forbids whatever the page does not need: it loads nothing, and only its own style and script count.
func policy() string {
	return "default-src 'none'; style-src '" + digest(pageStyle) + "'; script-src '" + digest(pageScript) +
		"'; img-src data:; base-uri 'none'; form-action 'none'"
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

func (s style) figure(p *Plot, a anchors, alone bool) figure {
	pic := s.draw(p)
	f := figure{ID: a.own(p.ID, p), Title: pic.title, Note: pic.note, Alone: alone}
	if pic.empty() {
		return f
	}
	f.SVG = pic.svg(svgWidth)
	if alone {
		f.Wide = pic.svg(svgWide)
	}
	if len(pic.shapes) > 1 {
		for i := range pic.shapes {
			f.Legend = append(f.Legend, legend{pic.swatch(i), shorten(pic.shapes[i].name, maxShown)})
		}
	}
	return f
}

func (s style) pageTable(t *Table, a anchors, rows int) pageTable {
	table := pageTable{ID: a.own(t.ID, t), Title: visible(t.Title)}
	if s.beside {
		table.File = t.ID + ".csv"
	}
	for _, c := range t.Columns {
		table.Head = append(table.Head, headCell{shorten(visible(c.Name), maxShown), visible(c.Help), c.Kind.class(), c.Kind != Text})
	}
	shown := t.Rows[:min(rows, len(t.Rows))]
	for _, row := range shown {
		cells := make([]pageCell, len(row))
		for i := range row {
			cells[i] = s.pageCell(t.Columns[i].Kind, &row[i], a)
		}
		table.Rows = append(table.Rows, cells)
	}
	table.Capped = t.capped(len(shown))
	return table
}

// class is a column's class in the page's style.
func (k Kind) class() string {
	switch {
	case k == Time:
		return "t"
	case k == Text:
		return ""
	}
	return "n"
}

func (s style) pageCell(kind Kind, c *Cell, a anchors) pageCell {
	cell := pageCell{Text: s.show(kind, *c), ID: a.own(c.ID, c), Link: a.link(c), Class: kind.class()}
	if kind == Text {
		if utf8.RuneCountInString(cell.Text) > 36 {
			cell.Class = "w"
		}
		if full := visible(c.Text); full != cell.Text {
			cell.Full = shorten(full, 10*maxShown)
		}
		return cell
	}
	if !math.IsNaN(c.Number) {
		cell.Value = strconv.FormatFloat(c.Number, 'g', -1, 64)
	}
	if kind == Share && c.Number >= 0 && c.Number <= 1 {
		cell.Bar = template.HTML(`<svg class="share" aria-hidden="true"><rect width="` +
			strconv.FormatFloat(math.Round(c.Number*100), 'f', 0, 64) + `%" height="100%"/></svg>`)
	}
	return cell
}
