package report

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"
)

const maxMarkdown = 50 // rows of a table in Markdown, which cannot be filtered

// Markdown writes the report in GitHub's Markdown, without its plots, with times in the zone (nil: UTC).
func Markdown(w io.Writer, r *Report, zone *time.Location) error {
	return style{zone: zone}.markdown(w, r)
}

func (s style) markdown(w io.Writer, r *Report) error {
	if err := r.check(); err != nil {
		return err
	}
	m := markdown{style: s, anchors: r.anchors(maxMarkdown)}
	fmt.Fprintf(&m.b, "# %s\n\n", escapeMarkdown(r.Title))
	m.text(r.Subtitle)
	for _, s := range r.Sections {
		fmt.Fprintf(&m.b, "- [%s](#%s)\n", escapeMarkdown(s.Title), s.ID)
	}
	for i := range r.Sections {
		m.section(&r.Sections[i])
	}
	if _, err := w.Write(m.b.Bytes()); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

type markdown struct {
	style
	anchors anchors
	b       bytes.Buffer
}

func (m *markdown) section(s *Section) {
	fmt.Fprintf(&m.b, "\n<a id=\"%s\"></a>\n\n## %s\n\n", s.ID, escapeMarkdown(s.Title))
	m.text(s.Intro)
	if s.Note != "" {
		m.b.WriteString("> ")
		m.text(s.Note)
	}
	for i := range s.Plots {
		if !m.beside {
			break
		}
		p := &s.Plots[i]
		picture := m.draw(p)
		if picture.empty() {
			fmt.Fprintf(&m.b, "%s: nothing to draw.\n\n", escapeMarkdown(p.Title))
			continue
		}
		fmt.Fprintf(&m.b, "![%s](%s.png)\n\n", escapeMarkdown(p.Title), p.ID)
		m.text(picture.note)
	}
	for i := range s.Tables {
		m.table(&s.Tables[i])
	}
}

func (m *markdown) text(text string) {
	if text == "" {
		return
	}
	for line := range strings.SplitSeq(visibleLines(text), "\n") {
		m.b.WriteString(escapeLine(line) + "\n")
	}
	m.b.WriteString("\n")
}

func (m *markdown) table(t *Table) {
	if id := m.anchors.own(t.ID, t); id != "" {
		fmt.Fprintf(&m.b, "<a id=\"%s\"></a>\n\n", id)
	}
	fmt.Fprintf(&m.b, "**%s**\n\n", escapeMarkdown(t.Title))
	if len(t.Rows) == 0 {
		m.b.WriteString("None.\n\n")
		return
	}
	rule := "|"
	for _, c := range t.Columns {
		m.b.WriteString("| " + escapeMarkdown(c.Name) + " ")
		if c.Kind.left() {
			rule += " --- |"
		} else {
			rule += " ---: |"
		}
	}
	m.b.WriteString("|\n" + rule + "\n")
	rows := t.Rows[:min(maxMarkdown, len(t.Rows))]
	for _, row := range rows {
		for i := range row {
			m.b.WriteString("| " + m.cell(t.Columns[i].Kind, &row[i]) + " ")
		}
		m.b.WriteString("|\n")
	}
	if text := t.capped(len(rows)); text != "" {
		m.b.WriteString("\nThese are " + text)
		if m.beside {
			m.b.WriteString("; all are in [" + t.ID + ".csv](" + t.ID + ".csv)")
		}
		m.b.WriteString(".\n")
	}
	m.b.WriteString("\n")
}

func (m *markdown) cell(kind Kind, c *Cell) string {
	text := escapeMarkdown(m.show(kind, *c))
	if link := m.anchors.link(c); link != "" {
		text = "[" + text + "](" + link + ")"
	}
	if id := m.anchors.own(c.ID, c); id != "" {
		text = `<a id="` + id + `"></a>` + text
	}
	return text
}

var (
	special = regexp.MustCompile("[\\\\`*_{}\\[\\]<>#|~!$&@]")
	// What GitHub makes links of without being asked. A backslash before the colon or the dot keeps it from that.
	autolink  = regexp.MustCompile(`(?i)(://|www\.|mailto:|xmpp:)`)
	blockMark = regexp.MustCompile(`^([-+=]|\d+[.)])`)
)

// escapeMarkdown writes text in one line so that it means nothing to Markdown, nor to HTML.
func escapeMarkdown(text string) string {
	text = special.ReplaceAllStringFunc(visible(text), func(s string) string {
		switch s {
		case "<":
			return "&lt;"
		case ">":
			return "&gt;"
		case "&":
			return "&amp;"
		}
		return `\` + s
	})
	return autolink.ReplaceAllStringFunc(text, func(s string) string {
		at := strings.IndexAny(s, ":.")
		return s[:at] + `\` + s[at:]
	})
}

// escapeLine writes a line of a paragraph, which a list, a heading or a rule could begin with.
func escapeLine(text string) string {
	return blockMark.ReplaceAllStringFunc(escapeMarkdown(text), func(s string) string {
		return s[:len(s)-1] + `\` + s[len(s)-1:]
	})
}
