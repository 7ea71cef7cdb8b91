package report

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/rivo/uniseg"
)

const maxTerminal = 60 // runes of a cell on a terminal

// Terminal writes the report's tables for a terminal, with times in the zone (nil: UTC). Nothing in it moves the cursor
// or turns the direction of writing, whatever the strings hold.
func Terminal(w io.Writer, r *Report, zone *time.Location) error {
	if err := r.check(); err != nil {
		return err
	}
	var b bytes.Buffer
	fmt.Fprintln(&b, visible(r.Title))
	paragraph(&b, r.Subtitle)
	for _, s := range r.Sections {
		title := visible(s.Title)
		fmt.Fprintf(&b, "\n%s\n%s\n", title, strings.Repeat("─", uniseg.StringWidth(title)))
		paragraph(&b, s.Intro)
		paragraph(&b, s.Note)
		for i := range s.Tables {
			style{zone: zone}.terminalTable(&b, &s.Tables[i])
		}
	}
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

func paragraph(b *bytes.Buffer, text string) {
	if text != "" {
		fmt.Fprintln(b, visibleLines(text))
	}
}

func (s style) terminalTable(b *bytes.Buffer, t *Table) {
	fmt.Fprintf(b, "\n%s\n", visible(t.Title))
	if len(t.Rows) == 0 {
		fmt.Fprintln(b, "  none")
		return
	}
	lines := make([][]string, 1, len(t.Rows)+1)
	widths := make([]int, len(t.Columns))
	for i, c := range t.Columns {
		lines[0] = append(lines[0], shorten(visible(c.Name), maxTerminal))
		widths[i] = uniseg.StringWidth(lines[0][i])
	}
	for _, row := range t.Rows {
		line := make([]string, len(row))
		for i, c := range row {
			line[i] = shorten(s.show(t.Columns[i].Kind, c), maxTerminal)
			widths[i] = max(widths[i], uniseg.StringWidth(line[i]))
		}
		lines = append(lines, line)
	}
	for _, line := range lines {
		b.WriteString(aligned(t.Columns, widths, line))
	}
	if text := t.capped(len(t.Rows)); text != "" {
		fmt.Fprintf(b, "  (%s)\n", text)
	}
}

// aligned writes a line of a table, numbers on the right, without spaces at its end.
func aligned(columns []Column, widths []int, line []string) string {
	var b strings.Builder
	for i, text := range line {
		gap := strings.Repeat(" ", widths[i]-uniseg.StringWidth(text))
		if columns[i].Kind.left() {
			text += gap
		} else {
			text = gap + text
		}
		b.WriteString("  " + text)
	}
	return strings.TrimRight(b.String(), " ") + "\n"
}

// left says that a column's values begin at its left, as words do.
func (k Kind) left() bool { return k == Text || k == Time }

// capped says how many rows of how many are shown, "" where all are.
func (t *Table) capped(shown int) string {
	total := max(t.Total, len(t.every()))
	if shown >= total {
		return ""
	}
	return "the first " + showFixed(float64(shown), 0) + " of " + showFixed(float64(total), 0) + " rows"
}
