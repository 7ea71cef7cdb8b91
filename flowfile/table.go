package flowfile

import (
	"bytes"
	"slices"
)

// table reads rows of text with a separator into cells.
type table struct {
	separator byte
	quotes    bool  // fields may be quoted (RFC 4180)
	at        []int // of each field: its cell, -1: not wanted
	unset     []byte
	fields    int // a row has so many; the last ones may be empty and left out by Argus
	spare     []byte
}

// The faults of a row.
var (
	fewFields   = fault{want: "the row has fewer fields than the header"}
	manyFields  = fault{want: "the row has more fields than the header"}
	openQuote   = fault{want: "a quotation mark is not closed"}
	behindQuote = fault{want: "text stands behind a closing quotation mark"}
)

// newTable returns the table of a header, whose fields are names, with the cells of the columns.
func newTable(names, columns []string, separator byte) *table {
	t := &table{separator: separator, fields: len(names)}
	for _, name := range names {
		t.at = append(t.at, slices.Index(columns, name))
	}
	return t
}

// fill fills in the cells from a row. It returns the zero fault where that went well.
func (t *table) fill(line []byte, cells []cell) fault {
	clear(cells)
	t.spare = t.spare[:0]
	for n := 0; ; n++ {
		if n == t.fields {
			return manyFields
		}
		field, rest, last := line, []byte(nil), true
		if t.quotes && len(line) > 0 && line[0] == '"' {
			var f fault
			if field, rest, last, f = t.quoted(line); f.want != "" {
				return f
			}
		} else if i := bytes.IndexByte(line, t.separator); i >= 0 {
			field, rest, last = line[:i], line[i+1:], false
		}
		if at := t.at[n]; at >= 0 {
			cells[at] = cell{kind: text, text: field}
			if len(field) == 0 || t.unset != nil && bytes.Equal(field, t.unset) {
				cells[at].kind = null
			}
		}
		if line = rest; last {
			if n+1 < t.fields {
				return fewFields
			}
			return fault{}
		}
	}
}

// quoted reads the field that begins with a quotation mark.
func (t *table) quoted(line []byte) (field, rest []byte, last bool, f fault) {
	from := len(t.spare)
	for line = line[1:]; ; {
		i := bytes.IndexByte(line, '"')
		if i < 0 {
			return nil, nil, false, openQuote
		}
		t.spare = append(t.spare, line[:i]...)
		line = line[i+1:]
		if len(line) == 0 || line[0] != '"' {
			break
		}
		t.spare = append(t.spare, '"')
		line = line[1:]
	}
	field = t.spare[from:len(t.spare):len(t.spare)]
	switch {
	case len(line) == 0:
		return field, nil, true, fault{}
	case line[0] != t.separator:
		return nil, nil, false, behindQuote
	}
	return field, line[1:], false, fault{}
}
