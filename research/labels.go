package research

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/zeebo/xxh3"

	"github.com/weir-sensor/weir/output"
)

// MaxRows is how many rows all labels files may have together. A row takes some 350 bytes, with windows 600.
const MaxRows = 10_000_000

// MaxLabels is how many different labels there may be.
const MaxLabels = 1 << 16

// maxLine is the longest line of a labels file, bytes.
const maxLine = 64 << 10

// maxValue is the longest value of a label, bytes.
const maxValue = 255

// truth are the columns that are labels, in the order in which records have them.
func truth() []string { return []string{"class", "family", "transport", "workload"} }

// needed are the columns that a labels file must have.
func needed() []string {
	return []string{"ts_first", "ts_last", "src", "sport", "dst", "dport", "proto"}
}

// Labels are the rows of labels files: flows, with what is known of them. They are never changed.
type Labels struct {
	Files []File

	columns []string   // of truth, those that a file has
	values  [][]string // by label, the first one being label 1; by column; distinct
	rows    []row      // sorted
	at      spans      // of rows
}

// File is one labels file.
type File struct {
	Name string
	Size int64  // bytes
	XXH3 string // XXH3 of its bytes, 128 bits in hexadecimal
	Rows int
}

// FlowLabels returns what flow records' labels stand for. It is shared.
func (l *Labels) FlowLabels() *output.Labels { return &output.Labels{Names: l.columns, Rows: l.values} }

// WindowLabels returns what windows' labels stand for: each label of flows, with each choice of columns left out.
func (l *Labels) WindowLabels() *output.Labels {
	choices := 1 << len(l.columns)
	w := &output.Labels{Names: l.columns, Rows: make([][]string, 0, choices*len(l.values))}
	for _, values := range l.values {
		for mask := range choices {
			kept := make([]string, len(values))
			for i, value := range values {
				if mask&(1<<i) == 0 {
					kept[i] = value
				}
			}
			w.Rows = append(w.Rows, kept)
		}
	}
	return w
}

// windowLabel returns the label of WindowLabels that is a label of flows without some columns, given as bits.
func (l *Labels) windowLabel(label uint32, without int) uint32 {
	return 1 + (label-1)<<len(l.columns) + uint32(without)
}

// differ returns in which columns two labels do, as bits.
func (l *Labels) differ(a, b uint32) (columns int) {
	for i, value := range l.values[a-1] {
		if value != l.values[b-1][i] {
			columns |= 1 << i
		}
	}
	return columns
}

// Rows returns the number of rows in all files.
func (l *Labels) Rows() int { return len(l.rows) }

// LoadLabels reads labels files: text, one line for each flow, values separated by tabs; the first line names the
// columns. A path given twice is read once. The error names the file and line of the first thing that is wrong, and what
// would be right; then there are no labels. When ctx is done, it stops reading and returns the cause.
func LoadLabels(ctx context.Context, paths ...string) (*Labels, error) {
	l := &loader{labels: &Labels{}, limit: MaxRows, has: map[string]bool{}, known: map[string]uint32{}}
	seen := map[string]bool{}
	for _, path := range paths {
		if seen[filepath.Clean(path)] {
			continue
		}
		seen[filepath.Clean(path)] = true
		if err := l.load(ctx, path); err != nil {
			return nil, fmt.Errorf("read labels: %w", err)
		}
	}
	l.finish()
	return l.labels, nil
}

// loader reads labels files one after the other.
type loader struct {
	labels *Labels
	limit  int             // rows
	has    map[string]bool // of truth: the columns of any file
	known  map[string]uint32
	text   []byte // of one label's values; scratch
}

func (l *loader) load(ctx context.Context, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fileError(path, err)
	}
	defer f.Close()
	return l.read(path, untilDone{ctx, f})
}

// untilDone reads until a context is done.
type untilDone struct {
	ctx  context.Context
	from io.Reader
}

func (r untilDone) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.from.Read(p)
}

// fileError is what the system says of a file, with its name said once.
func fileError(path string, err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	return fmt.Errorf("%s: %w", path, err)
}

// read reads one file's lines.
func (l *loader) read(name string, from io.Reader) error {
	hash := xxh3.New()
	lines := bufio.NewReaderSize(io.TeeReader(from, hash), maxLine)
	file := File{Name: name}
	var h *header
	for number := 1; ; number++ {
		line, err := lines.ReadSlice('\n')
		file.Size += int64(len(line))
		switch {
		case err == bufio.ErrBufferFull:
			return fmt.Errorf("%s:%d: got a line of more than %d bytes, want one flow's values, separated by tabs", name, number, maxLine)
		case err != nil && err != io.EOF:
			return fileError(name, err)
		}
		text := bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
		var wrong error
		switch {
		case number == 1:
			h, wrong = l.header(bytes.TrimPrefix(text, []byte("\ufeff"))) // byte order mark
		case len(text) == 0: // an empty line is none
		case len(l.labels.rows) == l.limit:
			wrong = fmt.Errorf("got more than %d rows in all, want at most so many", l.limit)
		default:
			wrong = l.row(h, text, number)
			file.Rows++
		}
		if wrong != nil {
			return fmt.Errorf("%s:%d: %w", name, number, wrong)
		}
		if err == io.EOF {
			break
		}
	}
	sum := hash.Sum128().Bytes()
	file.XXH3 = hex.EncodeToString(sum[:])
	l.labels.Files = append(l.labels.Files, file)
	return nil
}

// header says where a file's columns are.
type header struct {
	needed [7]int // by needed
	truth  []int  // by truth; -1 where the file has none
	fields [][]byte
}

// header reads the first line.
func (l *loader) header(text []byte) (*header, error) {
	if len(text) == 0 {
		return nil, errors.New("got no columns, want a first line that names them, separated by tabs: " +
			strings.Join(needed(), ", ") + " and some of " + strings.Join(truth(), ", "))
	}
	if bytes.IndexByte(text, 0) >= 0 || !utf8.Valid(text) {
		return nil, errors.New("got data that is no text, want a first line that names the columns (compressed files are not read)")
	}
	names := strings.Split(string(text), "\t")
	h := &header{fields: make([][]byte, len(names))}
	at := map[string]int{}
	for i, name := range names {
		if _, twice := at[name]; twice {
			return nil, fmt.Errorf("got column %s twice, want each name once", quote([]byte(name)))
		}
		at[name] = i
	}
	for i, name := range needed() {
		place, ok := at[name]
		if !ok {
			return nil, fmt.Errorf("got no column %s, want a first line that names the columns, separated by tabs, with %s among them",
				name, strings.Join(needed(), ", "))
		}
		h.needed[i] = place
	}
	some := false
	for _, name := range truth() {
		place, ok := at[name]
		if !ok {
			place = -1
		}
		h.truth = append(h.truth, place)
		l.has[name] = l.has[name] || ok
		some = some || ok
	}
	if !some {
		return nil, fmt.Errorf("got no column that is a label, want some of %s", strings.Join(truth(), ", "))
	}
	return h, nil
}

// row reads a line below the first.
func (l *loader) row(h *header, text []byte, line int) error {
	n := 0
	for field := range bytes.SplitSeq(text, []byte{'\t'}) {
		if n < len(h.fields) {
			h.fields[n] = field
		}
		n++
	}
	if n != len(h.fields) {
		return fmt.Errorf("got %d columns, want %d as in the first line", n, len(h.fields))
	}
	r, err := parseRow(h)
	if err != nil {
		return err
	}
	if r.label, err = l.label(h); err != nil {
		return err
	}
	r.file, r.line = uint32(len(l.labels.Files)), uint32(line)
	l.labels.rows = append(l.labels.rows, r)
	return nil
}

// none says whether a value stands for none.
func none(value []byte) bool { return len(value) == 0 || string(value) == "-" }

// label returns the label of a row's values, a new one where no row before had all of them.
func (l *loader) label(h *header) (uint32, error) {
	l.text = l.text[:0]
	for i, place := range h.truth {
		if place >= 0 && !none(h.fields[place]) {
			if value := h.fields[place]; !plain(value) {
				return 0, fmt.Errorf("%s: got %s, want text of at most %d bytes without control characters", truth()[i], quote(value), maxValue)
			}
			l.text = append(l.text, h.fields[place]...)
		}
		l.text = append(l.text, '\t')
	}
	if label, ok := l.known[string(l.text)]; ok {
		return label, nil
	}
	if len(l.labels.values) == MaxLabels {
		return 0, fmt.Errorf("got more than %d different labels (%s together), want at most so many", MaxLabels, strings.Join(truth(), ", "))
	}
	text := string(l.text)
	l.labels.values = append(l.labels.values, strings.Split(strings.TrimSuffix(text, "\t"), "\t"))
	l.known[text] = uint32(len(l.labels.values))
	return l.known[text], nil
}

// plain says whether a value can stand in every output.
func plain(value []byte) bool {
	return len(value) <= maxValue && utf8.Valid(value) &&
		bytes.IndexFunc(value, unicode.IsControl) < 0
}

// finish sorts the rows and leaves out the columns that no file has.
func (l *loader) finish() {
	l.labels.at = sortRows(l.labels.rows)
	for i, name := range truth() {
		if l.has[name] {
			l.labels.columns = append(l.labels.columns, truth()[i])
		}
	}
	for n, values := range l.labels.values {
		var kept []string
		for i, name := range truth() {
			if l.has[name] {
				kept = append(kept, values[i])
			}
		}
		l.labels.values[n] = kept
	}
}
