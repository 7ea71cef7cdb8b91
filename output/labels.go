package output

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Labels are what is known of flows from elsewhere. They are never changed. Names and values are any text.
type Labels struct {
	Names []string   // of the columns, without label_ before them; no two are equal
	Rows  [][]string // by label, the first one being label 1; values by column, "" where it says nothing
}

// columns returns the columns of the labels, none where l is nil.
func (l *Labels) columns() []Column {
	if l == nil {
		return nil
	}
	var all []Column
	for _, name := range l.Names {
		all = append(all, Column{Name: "label_" + name, Nullable: true,
			Doc: "What the labels say of it; null where they say nothing.", Source: "labels given for the run"})
	}
	return all
}

// labelForm is what stands before each value of a label in one of the text formats. It is never changed.
type labelForm struct {
	lead []string // by column
	none string   // stands for no value
	null string   // all columns without a label
	rows [][]string
	text func(dst []byte, value string) []byte
}

func newLabelForm(l *Labels, format Format) *labelForm {
	f := &labelForm{text: appendJSONString, none: "null"}
	if format == CSV {
		f.text, f.none = appendCSVField, ""
	}
	for _, c := range l.columns() {
		lead := leadOf(c, format)
		f.lead = append(f.lead, lead)
		f.null += lead + f.none
	}
	if l != nil {
		f.rows = l.Rows
	}
	return f
}

// append appends the columns of the label; 0 is none. It allocates only where dst has no room.
func (f *labelForm) append(dst []byte, label uint32) []byte {
	if label == 0 || len(f.lead) == 0 {
		return append(dst, f.null...)
	}
	for i, value := range f.rows[label-1] {
		dst = append(dst, f.lead[i]...)
		if value == "" {
			dst = append(dst, f.none...)
			continue
		}
		dst = f.text(dst, value)
	}
	return dst
}

// leadOf is what stands before the column's value, when it is not the first.
func leadOf(c Column, format Format) string {
	if format == CSV {
		return ","
	}
	return "," + string(appendJSONString(nil, c.Name)) + ":"
}

// appendHeader appends the line of column names to dst and returns it.
func appendHeader(dst []byte, columns []Column) []byte {
	for i, c := range columns {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendCSVField(dst, c.Name)
	}
	return append(dst, '\n')
}

// appendCSVField appends a field of CSV: in quotation marks, doubled inside, where RFC 4180 asks for them, and where
// there are spaces at an end, which some readers drop.
func appendCSVField(dst []byte, s string) []byte {
	if !strings.ContainsAny(s, "\",\r\n") && strings.TrimSpace(s) == s {
		return append(dst, s...)
	}
	dst = append(dst, '"')
	for i := range len(s) {
		if s[i] == '"' {
			dst = append(dst, '"')
		}
		dst = append(dst, s[i])
	}
	return append(dst, '"')
}

// appendJSONString appends a JSON string (RFC 8259). Control characters and the Unicode line ends are escaped, so that
// no reader takes them for the end of a line and no terminal obeys them; what is not UTF-8 becomes U+FFFD.
func appendJSONString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case unicode.IsControl(r) || r == '\u2028' || r == '\u2029':
			const digits = "0123456789abcdef"
			dst = append(dst, '\\', 'u', digits[r>>12&15], digits[r>>8&15], digits[r>>4&15], digits[r&15])
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return append(dst, '"')
}
