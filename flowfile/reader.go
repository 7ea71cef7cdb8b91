package flowfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync/atomic"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/flowtable"
)

// Options say how to read.
type Options struct {
	Stdin   io.Reader // what - among the paths stands for
	Hash    bool      // the files, for Stats
	Columns []string  // more columns whose text is wanted, such as label_app
}

// Stats is what a Reader has seen so far: Rows is the sum of Flows, Unreadable and NotIP.
type Stats struct {
	Files      []File
	Rows       int64
	Flows      int64
	Unreadable int64
	NotIP      int64 // rows about protocols that are not carried by IP, such as ARP
	Bad        []BadRow

	lacks map[lack]int64 // flows, by what they lack
}

// lack is what a flow lacks.
type lack struct {
	fields detect.Missing
	groups uint8 // it has, as in row
}

// Lacking returns how many of the flows lack what a detector needs.
func (s *Stats) Lacking(need detect.Need) (flows int64) {
	if need.Windows {
		return s.Flows
	}
	group := slices.Index(flowtable.FeatureGroups(), need.Feature)
	for l, n := range s.lacks {
		if group >= 0 && l.groups>>group&1 == 0 || group < 0 && l.fields&need.Fields == need.Fields {
			flows += n
		}
	}
	return flows
}

// File is one file of the input.
type File struct {
	Name        string // as given, or as found in the directory; - is standard input
	Size        int64  // bytes on disk; -1 where not known
	Format      string // such as "zeek tsv"; "" until it was recognised
	Compression string // none, gzip or zstd
	XXH3        string // XXH3 of its bytes on disk, 128 bits in hexadecimal; empty where not known or not asked for
	Rows        int64
	Cut         string // why it ended early; "": it did not
}

// BadRow is a row that could not be read.
type BadRow struct {
	File string
	Line int64 // from 1; of Parquet, the row
	Why  string
}

// String says it in one line.
func (b BadRow) String() string { return fmt.Sprintf("%s:%d: %s", b.File, b.Line, b.Why) }

// maxBad is how many unreadable rows are named.
const maxBad = 20

// Batch is some flows. What they point at is borrowed until it is given to Read again, but for Features, which may be kept.
// Of each flow, Record, Time (its start) and Missing are set; Written is its start, Ordinal its place in the input.
type Batch struct {
	Flows   []detect.Flow
	Columns [][]string // texts of Options.Columns, for each flow; "" where there is none
	records []flowtable.Record
}

// batchFlows is how many flows a Batch has at the most.
const batchFlows = 256

// Reader reads flow records from files, one after the other. One goroutine uses it; another may ask for Progress.
type Reader struct {
	opt   Options
	names []string // not yet opened
	file  *file    // nil: none is open
	row   row
	stats Stats
	total int64
	read  atomic.Int64
}

// Open opens the files that paths name: files, directories and - (standard input), in their order. The first one is begun,
// so that what is no file of flow records is an error at once; a *NotFlowsError, as it is where Read comes to such a file.
func Open(paths []string, opt Options) (*Reader, error) {
	names, err := expand(paths)
	if err != nil {
		return nil, err
	}
	r := &Reader{opt: opt, names: names, stats: Stats{lacks: map[lack]int64{}}}
	for _, name := range names {
		size := fileSize(name)
		if size < 0 {
			r.total = -1
		}
		if r.total >= 0 {
			r.total += size
		}
	}
	r.total = max(r.total, 0)
	return r, r.begin()
}

// Progress returns how many bytes of the files were read, and of how many: 0 where that is not known.
func (r *Reader) Progress() (read, total int64) { return r.read.Load(), r.total }

// Stats returns what was seen so far. The caller owns it.
func (r *Reader) Stats() Stats {
	s := r.stats
	s.Files, s.Bad, s.lacks = slices.Clone(s.Files), slices.Clone(s.Bad), maps.Clone(s.lacks)
	return s
}

// Close closes the file that is open.
func (r *Reader) Close() error {
	if r.file != nil {
		r.file.in.Close()
		r.file = nil
	}
	return nil
}

// begin opens the next file.
func (r *Reader) begin() error {
	if len(r.names) == 0 {
		return io.EOF
	}
	name := r.names[0]
	r.names = r.names[1:]
	f, err := openFile(name, r.opt, &r.read, layouts())
	if err != nil {
		return err
	}
	r.file = f
	r.row.columns, r.row.cells = f.columns, make([]cell, len(f.columns))
	r.stats.Files = append(r.stats.Files, File{Name: name, Size: f.in.size, Format: f.format, Compression: f.in.compression})
	return nil
}

// Read fills the batch with at least one flow, or returns io.EOF at the end of the input, a *NotFlowsError, or why a file
// cannot be read.
func (r *Reader) Read(b *Batch) error {
	b.Flows, b.Columns = b.Flows[:0], b.Columns[:0]
	if b.records == nil {
		b.records = make([]flowtable.Record, batchFlows)
	}
	for len(b.Flows) < batchFlows {
		if r.file == nil {
			if err := r.begin(); err != nil {
				if len(b.Flows) > 0 && err == io.EOF {
					return nil
				}
				return err
			}
		}
		fault, err := r.file.read(r.row.cells)
		if err != nil {
			if err = r.end(err); err != nil {
				return err
			}
			continue
		}
		r.count(fault, b)
	}
	return nil
}

// end ends the file that is open, because of err.
func (r *Reader) end(err error) error {
	f := &r.stats.Files[len(r.stats.Files)-1]
	defer r.Close()
	var not *NotFlowsError
	switch failed := r.file.in.raw.failed; {
	case errors.As(err, &not):
		return err
	case failed != nil:
		return fmt.Errorf("read flows: %w", failed)
	case !isEOF(err):
		f.Cut = fmt.Sprintf("%s after %d rows", err, f.Rows)
	}
	f.XXH3 = r.file.in.sum()
	return nil
}

func isEOF(err error) bool { return err == io.EOF }

// count counts the row that was read, and puts its flow into the batch.
func (r *Reader) count(f fault, b *Batch) {
	r.stats.Rows++
	r.stats.Files[len(r.stats.Files)-1].Rows++
	if f.want == "" && !r.file.layout.read(&r.row) {
		if r.row.notIP {
			r.stats.NotIP++
			return
		}
		f = r.row.fault
	}
	if f.want != "" {
		r.stats.Unreadable++
		if len(r.stats.Bad) < maxBad {
			r.stats.Bad = append(r.stats.Bad, BadRow{r.stats.Files[len(r.stats.Files)-1].Name, r.file.number(), f.String()})
		}
		return
	}
	rec := &b.records[len(b.Flows)]
	*rec = r.row.record
	rec.Written, rec.Ordinal, rec.Order = rec.Start, uint64(r.stats.Rows), uint64(r.stats.Rows)
	b.Flows = append(b.Flows, detect.Flow{Record: rec, Time: rec.Start, Missing: r.row.missing})
	r.stats.Flows++
	r.stats.lacks[lack{r.row.missing, r.row.groups}]++
	if len(r.opt.Columns) > 0 {
		var texts []string
		for _, name := range r.opt.Columns {
			texts = append(texts, r.row.cells[slices.Index(r.row.columns, name)].string())
		}
		b.Columns = append(b.Columns, texts)
	}
}

// file is the file that is open: text or Parquet.
type file struct {
	in      *input
	text    *textFile // nil: Parquet
	parquet *parquetFile
	layout  *layout
	columns []string
	format  string
}

// openFile opens a file of records of one of the kinds.
func openFile(name string, opt Options, read *atomic.Int64, kinds []*layout) (*file, error) {
	in, err := openInput(name, opt, read)
	if err != nil {
		return nil, err
	}
	f := &file{in: in}
	if head, _ := in.plain.Peek(4); bytes.Equal(head, []byte("PAR1")) {
		err = f.openParquet(name, opt, kinds)
	} else if found := binaryKind(head); found != "" {
		err = &NotFlowsError{File: name, Found: found}
	} else {
		f.text = &textFile{lines: lines{from: in.plain}, name: name, kinds: kinds, extras: opt.Columns}
		err = f.text.begin()
		f.layout, f.columns, f.format = f.text.layout, f.text.columns, f.text.format
	}
	if err != nil {
		if failed := in.raw.failed; failed != nil {
			err = fmt.Errorf("read flows: %w", failed)
		}
		in.Close()
		return nil, err
	}
	return f, nil
}

func (f *file) openParquet(name string, opt Options, kinds []*layout) error {
	if f.in.compression != "none" || f.in.size < 0 {
		return &NotFlowsError{File: name, Found: "Parquet that is compressed as a whole or comes through a pipe, which is read from its end; unpack it into a file"}
	}
	if f.in.raw.hash != nil { // the rows are not read in the order of the file
		f.in.raw.hash.Reset()
		if _, err := f.in.file.Seek(0, io.SeekStart); err != nil {
			return err
		}
	}
	var err error
	if f.parquet, err = openParquet(name, f.in.file, f.in.size, opt.Columns, kinds); err == nil {
		f.layout, f.columns, f.format = f.parquet.layout, f.parquet.columns, f.parquet.layout.name+" parquet"
	}
	return err
}

// read fills in the cells of the next row.
func (f *file) read(cells []cell) (fault, error) {
	if f.text != nil {
		return f.text.read(cells)
	}
	return fault{}, f.parquet.read(cells)
}

// number returns the line, or row, that was read last.
func (f *file) number() int64 {
	if f.text != nil {
		return f.text.number
	}
	return f.parquet.number
}
