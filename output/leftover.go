package output

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Leftover is an incomplete file of a live run that was killed, and what became of it.
type Leftover struct {
	Name    string // of the complete file that it became; of the incomplete one where it became none
	Records int    // in the complete file
	Cut     int64  // bytes behind the last whole record that were dropped
	Err     error  // why it was left as it is; nil: it was completed, or removed because it held no whole record
}

// leftoverName is the form of the names that livePath makes, as long as the file is incomplete.
var leftoverName = regexp.MustCompile(`^\.([a-z]+-\d{8}T\d{6}Z(?:_\d{4,})?\.(ndjson|csv|parquet))\.partial$`)

// Recover looks for what a live run that was killed has left in the directory, before this one begins files there. NDJSON
// and CSV files are completed with the whole lines that they hold; Parquet files, which cannot be read without their
// end, stay as they are. The leftovers come in the order of their names. The error says that the directory cannot be used.
func (d *Dir) Recover() ([]Leftover, error) {
	if err := d.try(); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(d.path)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", d.path, cause(err))
	}
	var all []Leftover
	for _, e := range entries {
		name := leftoverName.FindStringSubmatch(e.Name())
		if name == nil || !e.Type().IsRegular() {
			continue
		}
		left := Leftover{Name: e.Name()}
		if name[2] == Parquet.String() {
			left.Err = errors.New("a Parquet file cannot be read without its end")
		} else if left, err = completeLines(d.path, name[1]); err != nil {
			left.Name, left.Err = e.Name(), err
		}
		all = append(all, left)
	}
	slices.SortFunc(all, func(a, b Leftover) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// sweptName is the form of the names of incomplete files that belong to one run as a whole, and to no other: those that
// Create and try make.
var sweptName = regexp.MustCompile(`^\.((flows|windows|alerts|aggregates|steps|hosts|scored_flows|ports|ledger|manifest)\.(ndjson|csv|parquet|json)|ring-\d+\.(pcap|unsummed)|weir-\d+)\.partial$`)

// sweep removes what a run that was killed has left and nobody will complete.
func (d *Dir) sweep() error {
	entries, err := os.ReadDir(d.path)
	if err != nil {
		return fmt.Errorf("read %s: %w", d.path, cause(err))
	}
	for _, e := range entries {
		if !sweptName.MatchString(e.Name()) || !e.Type().IsRegular() {
			continue
		}
		if err := os.Remove(filepath.Join(d.path, e.Name())); err != nil {
			return fmt.Errorf("remove what a killed run has left in %s: %s: %w", d.path, e.Name(), cause(err))
		}
	}
	return nil
}

// try says whether files can be made in the directory.
func (d *Dir) try() error {
	f, err := os.CreateTemp(d.path, ".weir-*.partial")
	if err != nil {
		return fmt.Errorf("write into %s: %w", d.path, cause(err))
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// completeLines completes an incomplete file of lines, or removes it where it has no record.
func completeLines(dir, name string) (left Leftover, err error) {
	path := filepath.Join(dir, name)
	file, err := os.OpenFile(partial(path), os.O_RDWR, 0)
	if err != nil {
		return left, fmt.Errorf("open it: %w", cause(err))
	}
	f := &liveFile{path: path, file: file, fsync: (*os.File).Sync}
	defer file.Close() // of a file that is synced, or left as it was
	lines, end, err := wholeLines(file)
	if err != nil {
		return left, fmt.Errorf("read it: %w", cause(err))
	}
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return left, fmt.Errorf("read it: %w", cause(err))
	}
	left = Leftover{Name: name, Records: lines, Cut: size - end}
	if filepath.Ext(name) == "."+CSV.String() {
		left.Records = max(0, lines-1) // the heading is none
	}
	if left.Records == 0 {
		left.Name, left.Cut = filepath.Base(partial(path)), size
		return left, os.Remove(partial(path))
	}
	f.whole = end
	if err := f.cut(); err != nil {
		return left, err
	}
	err = f.complete()
	left.Name = filepath.Base(f.path)
	return left, err
}

// wholeLines returns how many lines a text has, and where the last of them ends. A machine that lost power may leave
// zeros in the place of text: there the text ends, for no line has any.
func wholeLines(r io.Reader) (lines int, end int64, err error) {
	block := make([]byte, 1<<20)
	for at := int64(0); ; {
		n, err := r.Read(block)
		text := block[:n]
		zero := bytes.IndexByte(text, 0)
		if zero >= 0 {
			text = text[:zero]
		}
		lines += bytes.Count(text, []byte{'\n'})
		if i := bytes.LastIndexByte(text, '\n'); i >= 0 {
			end = at + int64(i) + 1
		}
		at += int64(n)
		if err == io.EOF || zero >= 0 {
			return lines, end, nil
		}
		if err != nil {
			return 0, 0, err
		}
	}
}
