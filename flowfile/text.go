package flowfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// textFile reads rows of text: JSON, CSV or Zeek's TSV.
type textFile struct {
	lines
	name   string
	kinds  []*layout // that it can be of
	extras []string
	form   interface {
		fill(line []byte, cells []cell) fault
	}
	layout  *layout
	columns []string // the layout's, and more that are wanted
	format  string
	zeek    *zeekHeader // nil: it is no TSV of Zeek's
	first   []byte      // a line that comes first; nil: none
	joined  []byte      // scratch
}

// begin recognises the format by the first line that says something.
func (t *textFile) begin() error {
	for {
		line, err := t.next()
		switch {
		case err == errLong:
			return t.not("a line of more than 1 MiB")
		case isEOF(err) && ndjsonName.MatchString(t.name) && t.beginEmpty():
			return nil
		case err != nil:
			return t.not(ending(err))
		}
		line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
		switch {
		case len(bytes.TrimSpace(line)) == 0:
			continue
		case line[0] == '#':
			t.zeek, t.format = &zeekHeader{separator: '\t'}, "zeek tsv"
			t.zeek.take(line)
			t.layout = zeekLayout()
			t.widen()
			return t.beginZeek()
		case line[0] == '{':
			t.first = bytes.Clone(line)
			return t.beginJSON(line)
		}
		return t.beginTable(line)
	}
}

// ndjsonName is the form of the names by which a file without a line is known: weir's NDJSON has no header.
var ndjsonName = regexp.MustCompile(`\.ndjson(\.gz|\.zst)?$`)

// beginEmpty begins weir's NDJSON without a row, where the file can be that.
func (t *textFile) beginEmpty() bool {
	i := slices.IndexFunc(t.kinds, func(l *layout) bool { return l.name == "weir" })
	if i < 0 {
		return false
	}
	t.layout, t.format = t.kinds[i], "weir ndjson"
	t.widen()
	t.form = newObject(t.columns)
	return true
}

// beginZeek reads the header up to the first row.
func (t *textFile) beginZeek() error {
	for {
		line, err := t.next()
		switch {
		case isEOF(err) && t.zeek.fields != "": // a log without rows
			return t.beginRows()
		case err == errLong:
			return t.not("a line of more than 1 MiB")
		case err != nil:
			return t.not(ending(err))
		case len(line) == 0:
			continue
		case line[0] == '#':
			t.zeek.take(line)
			continue
		case t.zeek.fields == "": // the lines before were remarks
			t.zeek = nil
			return t.beginTable(line)
		}
		t.first = bytes.Clone(line)
		return t.beginRows()
	}
}

// beginRows makes the table that the header describes by now.
func (t *textFile) beginRows() error {
	table, err := t.zeek.table(t.columns)
	if err != nil {
		return t.not(err.Error())
	}
	t.form = table
	return nil
}

// emptyFile is what a file is where nothing is in it.
const emptyFile = "an empty file"

// ending says why there is no line.
func ending(err error) string {
	if isEOF(err) {
		return emptyFile
	}
	return "what cannot be read (" + err.Error() + ")"
}

func (t *textFile) not(found string) error { return &NotFlowsError{File: t.name, Found: found} }

func (t *textFile) beginJSON(line []byte) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(line, &members); err != nil {
		return t.not("a line that begins as JSON and is none (" + err.Error() + ")")
	}
	var names []string
	for name := range members {
		names = append(names, name)
	}
	if err := t.choose(names, "JSON"); err != nil {
		return err
	}
	t.format = t.layout.name + " ndjson"
	t.widen()
	t.form = newObject(t.columns)
	return nil
}

func (t *textFile) beginTable(line []byte) error {
	separator := byte(',')
	if bytes.Count(line, []byte{'\t'}) > bytes.Count(line, []byte{','}) {
		separator = '\t'
	}
	if found := binaryKind(line); found != "" {
		return t.not(found)
	}
	names := strings.Split(string(line), string(separator))
	for i := range names {
		names[i] = strings.Trim(names[i], `" `)
	}
	if err := t.choose(names, "CSV"); err != nil {
		return err
	}
	t.format = t.layout.name + " csv"
	t.widen()
	table := newTable(names, t.columns, separator)
	table.quotes = true
	t.form = table
	return nil
}

// choose finds the layout that names belong to.
func (t *textFile) choose(names []string, form string) error {
	layout, lacking := layoutOf(t.kinds, names)
	if layout == nil {
		return t.not(form + " with other columns")
	}
	if len(lacking) > 0 {
		return t.not(fmt.Sprintf("%s of the format %s without %s", form, layout.name, strings.Join(lacking, ", ")))
	}
	t.layout = layout
	return nil
}

// widen sets the columns from the layout's and the wanted ones.
func (t *textFile) widen() { t.columns = widened(t.layout.columns, t.extras) }

// widened returns columns, and behind them those of extras that are not among them.
func widened(columns, extras []string) []string {
	all := slices.Clone(columns)
	for _, name := range extras {
		if !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return all
}

// read fills in the cells of the next row, or returns its fault and number. It returns io.EOF or why there is no more.
func (t *textFile) read(cells []cell) (f fault, err error) {
	for {
		line := t.first
		if t.first = nil; line == nil {
			if line, err = t.next(); err == errLong {
				return fault{want: "a line of more than 1 MiB"}, nil
			} else if err != nil {
				return fault{}, err
			}
		}
		if len(line) == 0 {
			continue
		}
		if t.zeek != nil {
			if line[0] == '#' {
				t.zeek.take(line)
				continue
			}
			if t.zeek.changed {
				if err := t.beginRows(); err != nil {
					return fault{}, err
				}
			}
		}
		f = t.form.fill(line, cells)
		if f == openQuote && t.whole && t.layout.name == "weir" {
			f = t.join(line, cells)
		}
		if f.want != "" && !t.whole && (f == fewFields || f == cutObject || f == openQuote) {
			return fault{}, errCut
		}
		return f, nil
	}
}

// join reads a row that goes on over several lines, because a label has a line feed.
func (t *textFile) join(line []byte, cells []cell) fault {
	t.joined = append(t.joined[:0], line...)
	for {
		more, err := t.next()
		if err != nil || len(t.joined)+len(more) > maxLine {
			return openQuote
		}
		t.joined = append(append(t.joined, '\n'), more...)
		if f := t.form.fill(t.joined, cells); f != openQuote {
			return f
		}
	}
}

// binaryKind says what a file that is not text may be; "" where it is text.
func binaryKind(head []byte) string {
	for _, magic := range []string{"\xa1\xb2\xc3\xd4", "\xd4\xc3\xb2\xa1", "\xa1\xb2\x3c\x4d", "\x4d\x3c\xb2\xa1", "\x0a\x0d\x0d\x0a"} {
		if strings.HasPrefix(string(head), magic) {
			return "a capture, which weir replay reads"
		}
	}
	if bytes.IndexByte(head, 0) >= 0 {
		return "binary data"
	}
	return ""
}

// zeekHeader is what the lines of a Zeek log that begin with # say, in whatever order.
type zeekHeader struct {
	separator byte
	fields    string
	path      string
	unset     string
	changed   bool
}

// take reads a line of the header.
func (h *zeekHeader) take(line []byte) {
	name, rest := string(line), ""
	if i := strings.IndexAny(name, " \t"+string(h.separator)); i > 0 {
		name, rest = name[:i], name[i+1:]
	}
	switch name {
	case "#separator":
		if separator := unescape(rest); len(separator) == 1 {
			h.separator = separator[0]
		}
	case "#unset_field":
		h.unset = rest
	case "#path":
		h.path = rest
	case "#fields":
		h.fields = rest
	default:
		return
	}
	h.changed = true
}

// unescape reads \x09 as the byte.
func unescape(s string) string {
	var b byte
	if len(s) == 4 && strings.HasPrefix(s, `\x`) {
		if _, err := fmt.Sscanf(s[2:], "%02x", &b); err == nil {
			return string([]byte{b})
		}
	}
	return s
}

// zeekNames are names that logs of other systems have for Zeek's.
var zeekNames = map[string]string{"src_ip": "id.orig_h", "src_port": "id.orig_p", "dst_ip": "id.resp_h", "dst_port": "id.resp_p"}

// table returns the table that the header describes.
func (h *zeekHeader) table(columns []string) (*table, error) {
	h.changed = false
	switch {
	case h.fields == "":
		return nil, errors.New("a log of Zeek's without #fields in front of its rows")
	case h.path != "" && h.path != "conn":
		return nil, errors.New("a log of Zeek's, " + h.path + ", not conn")
	}
	names := strings.Split(h.fields, string(h.separator))
	for i, name := range names {
		if of, ok := zeekNames[name]; ok && !slices.Contains(names, of) {
			names[i] = of
		}
	}
	if lacking := zeekLayout().lacking(names); len(lacking) > 0 {
		return nil, errors.New("a log of Zeek's without " + strings.Join(lacking, ", "))
	}
	t := newTable(names, columns, h.separator)
	if t.unset = []byte("-"); h.unset != "" {
		t.unset = []byte(h.unset)
	}
	return t, nil
}
