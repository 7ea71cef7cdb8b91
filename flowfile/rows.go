package flowfile

import (
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"regexp"
	"strconv"
	"sync/atomic"
	"time"
)

// Row is a row of weir's records: the values of the columns that were asked for, in that order. It is borrowed.
type Row struct{ cells []cell }

// Text returns a value as CSV has it, "" where there is none.
func (r *Row) Text(column int) string {
	c := &r.cells[column]
	if c.kind == stamp {
		return time.Unix(0, c.whole).UTC().Format("2006-01-02T15:04:05.000000000Z")
	}
	return c.string()
}

// Number returns a number, NaN where there is none.
func (r *Row) Number(column int) float64 {
	switch c := &r.cells[column]; c.kind {
	case text:
		if v, err := strconv.ParseFloat(string(c.text), 64); err == nil {
			return v
		}
	case whole:
		return float64(c.whole)
	case real:
		return c.real
	}
	return math.NaN()
}

// Time returns a time in ns since the Unix epoch; false where there is none.
func (r *Row) Time(column int) (int64, bool) {
	c := &r.cells[column]
	if c.kind == stamp {
		return c.whole, true
	}
	t, err := time.Parse(time.RFC3339Nano, c.string())
	if err != nil || t.Year() < 1970 || t.Year() > 2200 {
		return 0, false
	}
	return t.UnixNano(), true
}

// ReadRows calls visit with each row of a directory's KIND.* and KIND-TIME.* files that weir wrote but for LeftOut, such as windows, in any
// of its formats, in the order of the files' names. The first of the columns is one that every file has. Rows that cannot
// be read are counted, and files that end early are named, as are those that are no such records at all.
func ReadRows(dir, kind string, columns []string, visit func(r *Row)) (files int, unreadable int64, problems []string, err error) {
	names, _, err := listDir(dir)
	if err != nil {
		return 0, 0, nil, fmt.Errorf("read %s: %w", kind, err)
	}
	form := regexp.MustCompile(`^` + regexp.QuoteMeta(kind) + `(-[0-9TZ_]+)?\.(ndjson|csv|parquet)(\.gz|\.zst)?$`)
	for _, name := range names {
		if !form.MatchString(name) {
			continue
		}
		files++
		bad, err := readRows(filepath.Join(dir, name), columns, visit)
		unreadable += bad
		if err != nil {
			problems = append(problems, err.Error())
		}
	}
	return files, unreadable, problems, nil
}

// readRows reads one file. Its error says why it ended early.
func readRows(name string, columns []string, visit func(r *Row)) (unreadable int64, err error) {
	var read atomic.Int64
	f, err := openFile(name, Options{}, &read, []*layout{{name: "weir", columns: columns, needed: []int{0}}})
	var not *NotFlowsError
	if errors.As(err, &not) {
		if not.Found == emptyFile {
			return 0, nil
		}
		return 0, fmt.Errorf("%s: %s", name, not.Found)
	} else if err != nil {
		return 0, err
	}
	defer f.in.Close()
	row := Row{make([]cell, len(f.columns))}
	for {
		fault, err := f.read(row.cells)
		switch {
		case err == io.EOF:
			return unreadable, nil
		case err != nil:
			return unreadable, fmt.Errorf("%s ends early: %w", name, err)
		case fault.want != "":
			unreadable++
		default:
			visit(&row)
		}
	}
}
