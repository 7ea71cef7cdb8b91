package report

import (
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
)

// CSV writes all rows of a table, with a head: times as RFC 3339 with microseconds in the zone (nil: UTC), durations in
// seconds, shares from 0 to 1, empty cells for what is unknown, inf and -inf. Text that a spreadsheet would take for a
// formula has an apostrophe before it; what cannot be printed is written as Go's escapes.
func CSV(w io.Writer, t *Table, zone *time.Location) error {
	c := csv.NewWriter(w)
	record := make([]string, len(t.Columns))
	for i, col := range t.Columns {
		record[i] = harmless(visible(col.Name + csvUnits[col.Kind]))
	}
	_ = c.Write(record) // errors stay in the writer
	for _, row := range t.every() {
		for i, cell := range row {
			record[i] = style{zone: zone}.exact(t.Columns[i].Kind, cell)
		}
		_ = c.Write(record)
	}
	c.Flush()
	if err := c.Error(); err != nil {
		return fmt.Errorf("write table %s: %w", t.ID, err)
	}
	return nil
}

var csvUnits = map[Kind]string{Bytes: " [B]", Duration: " [s]"}

// every returns all rows, also where the table was not capped and has no list of its own.
func (t *Table) every() [][]Cell {
	if len(t.All) > len(t.Rows) {
		return t.All
	}
	return t.Rows
}

// exact writes a cell for programs.
func (s style) exact(kind Kind, c Cell) string {
	if kind == Text {
		return harmless(visible(c.Text))
	}
	v := c.Number
	switch {
	case math.IsNaN(v):
		return ""
	case math.IsInf(v, 1):
		return "inf"
	case math.IsInf(v, -1):
		return "-inf"
	case kind == Time:
		return s.showTime(v, "2006-01-02T15:04:05.000000Z07:00")
	case kind == Duration:
		v /= 1e9
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}

func harmless(text string) string {
	if text != "" && strings.Contains("=+-@", text[:1]) {
		return "'" + text
	}
	return text
}
