package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	unknownValue = "–"
	maxShown     = 160 // runes of a text in a table; CSV files have all of them
)

// style writes values for people, the same in every form.
type style struct {
	zone   *time.Location // of times; nil: UTC
	beside bool           // ID.csv of every table and ID.png of every plot lie beside the file that is written
}

func (s style) location() *time.Location {
	if s.zone == nil {
		return time.UTC
	}
	return s.zone
}

// show writes a cell of a column: printable characters only, and not very many of them.
func (s style) show(kind Kind, c Cell) string {
	if kind == Text {
		return shorten(visible(c.Text), maxShown)
	}
	v := c.Number
	switch {
	case math.IsNaN(v):
		return unknownValue
	case math.IsInf(v, 1):
		return "∞"
	case math.IsInf(v, -1):
		return "−∞"
	}
	switch kind {
	case Integer:
		return showFixed(v, 0)
	case Bytes:
		return showBytes(v)
	case Time:
		return s.showTime(v, "2006-01-02 15:04:05Z07:00")
	case Duration:
		return showDuration(v)
	case Share:
		return showShare(v)
	case Port:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return showNumber(v)
}

// showTime writes ns since the Unix epoch. What no int64 holds is written as the number that it is.
func (s style) showTime(ns float64, layout string) string {
	if math.Abs(ns) >= math.MaxInt64 {
		return strconv.FormatFloat(ns, 'g', 4, 64)
	}
	t := time.Unix(0, int64(ns)).Round(time.Microsecond) // a float64 of today's ns is a few hundred ns off
	return t.In(s.location()).Format(layout)
}

// showFixed writes 1234567 as 1,234,567.
func showFixed(v float64, decimals int) string {
	text := strconv.FormatFloat(math.Abs(v), 'f', decimals, 64)
	end := len(text)
	if point := strings.IndexByte(text, '.'); point >= 0 {
		end = point
	}
	for i := end - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	if v < 0 && strings.Trim(text, "0.") != "" {
		return "-" + text
	}
	return text
}

// showNumber writes a number with about four digits.
func showNumber(v float64) string {
	switch a := math.Abs(v); {
	case v == 0:
		return "0"
	case a >= 1e12 || a < 0.0005:
		return strconv.FormatFloat(v, 'e', 2, 64)
	case a >= 1000:
		return showFixed(v, 0)
	case a >= 100:
		return showFixed(v, 1)
	case a >= 1:
		return showFixed(v, 2)
	}
	return showFixed(v, 4)
}

// showBytes writes bytes with a decimal unit.
func showBytes(v float64) string {
	if math.Abs(v) < 999.5 {
		return strconv.FormatFloat(math.Round(v), 'f', 0, 64) + " B"
	}
	unit := 0
	for math.Abs(v) >= 999.5 && unit < 6 {
		v /= 1000
		unit++
	}
	decimals := 2
	if math.Abs(v) >= 99.95 {
		decimals = 0
	} else if math.Abs(v) >= 9.995 {
		decimals = 1
	}
	return strconv.FormatFloat(v, 'f', decimals, 64) + " " + " kMGTPE"[unit:unit+1] + "B"
}

// showDuration writes ns with about three digits.
func showDuration(ns float64) string {
	switch a := math.Abs(ns); {
	case a >= math.MaxInt64:
		return strconv.FormatFloat(ns/1e9, 'g', 3, 64) + " s"
	case a >= 60e9:
		return time.Duration(ns).Round(time.Second).String()
	case a >= 1e9:
		return strconv.FormatFloat(ns/1e9, 'f', 2, 64) + " s"
	case a >= 1e6:
		return strconv.FormatFloat(ns/1e6, 'f', 1, 64) + " ms"
	case a >= 1e3:
		return strconv.FormatFloat(ns/1e3, 'f', 1, 64) + " µs"
	}
	return strconv.FormatFloat(ns, 'f', 0, 64) + " ns"
}

func showShare(v float64) string {
	if p := math.Abs(v * 100); p > 0 && p < 0.05 {
		return "<0.1%"
	}
	return showFixed(v*100, 1) + "%"
}

// visible writes everything that cannot be seen, or that moves what is beside it, as Go's escapes: control characters,
// newlines, marks that turn the direction of writing, bytes that are no UTF-8.
func visible(text string) string {
	var b strings.Builder
	for i, r := range text {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(text[i:], "\uFFFD"):
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case strconv.IsPrint(r):
			b.WriteRune(r)
		default:
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		}
	}
	return b.String()
}

// visibleLines is visible, but for the line breaks of a text with several lines.
func visibleLines(text string) string {
	lines := strings.Split(strings.ReplaceAll(strings.TrimSpace(text), "\r\n", "\n"), "\n")
	for i := range lines {
		lines[i] = visible(strings.TrimSpace(lines[i]))
	}
	return strings.Join(lines, "\n")
}

func shorten(text string, most int) string {
	n := 0
	for i := range text {
		if n == most {
			return text[:i] + "…"
		}
		n++
	}
	return text
}
