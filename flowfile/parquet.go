package flowfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/parquet-go/parquet-go"
)

// parquetFile reads the rows of a Parquet file into cells.
type parquetFile struct {
	layout  *layout
	columns []string
	leaves  []leaf
	groups  []parquet.RowGroup // not yet begun
	rows    parquet.Rows       // nil: none is begun
	buf     []parquet.Row
	ready   []parquet.Row // of buf
	ended   error
	number  int64
	lists   []list
	spare   []byte
}

// leaf is a column of plain values.
type leaf struct {
	cell  int   // -1: not wanted
	list  int   // in lists; -1: it is none
	part  int   // of the pairs of a list
	unit  int64 // ns of a timestamp's unit; 0: it is no timestamp
	truth bool  // a boolean
}

// list is what a row has of a column of lists: of names, or of pairs of numbers.
type list struct {
	cell  int
	parts [2][]string
}

// rowsAtOnce is how many rows of a Parquet file are read at once.
const rowsAtOnce = 64

// openParquet opens a Parquet file of so many bytes.
func openParquet(name string, from io.ReaderAt, size int64, extras []string, kinds []*layout) (p *parquetFile, err error) {
	defer func() {
		if damage := recover(); damage != nil { // the library's, from what is in the file
			err = &NotFlowsError{File: name, Found: "a damaged Parquet file"}
		}
	}()
	if !hasFooter(from, size) {
		return nil, &NotFlowsError{File: name, Found: "a damaged Parquet file, or the beginning of one"}
	}
	f, err := parquet.OpenFile(from, size, parquet.SkipBloomFilters(true), parquet.SkipPageIndex(true))
	if err != nil {
		return nil, &NotFlowsError{File: name, Found: "a damaged Parquet file, or the beginning of one (" + err.Error() + ")"}
	}
	var names []string
	for _, field := range f.Schema().Fields() {
		names = append(names, field.Name())
	}
	t := textFile{name: name, kinds: kinds}
	if err := t.choose(names, "Parquet"); err != nil {
		return nil, err
	}
	p = &parquetFile{layout: t.layout, columns: widened(t.layout.columns, extras), groups: f.RowGroups(), buf: make([]parquet.Row, rowsAtOnce)}
	for _, path := range f.Schema().Columns() {
		p.addLeaf(f.Schema(), path)
	}
	return p, nil
}

// hasFooter says whether the file ends as Parquet does, with a footer that fits it: the library takes the footer's length for
// granted and makes room for it.
func hasFooter(from io.ReaderAt, size int64) bool {
	var end [8]byte
	if size < int64(len("PAR1")+len(end)) {
		return false
	}
	if _, err := from.ReadAt(end[:], size-int64(len(end))); err != nil && err != io.EOF {
		return false
	}
	return string(end[4:]) == "PAR1" && int64(binary.LittleEndian.Uint32(end[:])) <= size-int64(len("PAR1")+len(end))
}

func (p *parquetFile) addLeaf(schema *parquet.Schema, path []string) {
	l := leaf{cell: slices.Index(p.columns, path[0]), list: -1}
	column, ok := schema.Lookup(path...)
	if !ok {
		l.cell = -1
	}
	if ok && column.MaxRepetitionLevel > 0 {
		l.list = slices.IndexFunc(p.lists, func(of list) bool { return of.cell == l.cell })
		if l.list < 0 {
			p.lists, l.list = append(p.lists, list{cell: l.cell}), len(p.lists)
		} else {
			l.part = 1
		}
	}
	if ok {
		l.truth = column.Node.Type().Kind() == parquet.Boolean
		l.unit = stampUnit(column.Node.Type().String())
	}
	p.leaves = append(p.leaves, l)
}

// stampUnit returns the ns of the unit of a timestamp type, 0 of another type.
func stampUnit(name string) int64 {
	switch {
	case !strings.HasPrefix(name, "TIMESTAMP"):
		return 0
	case strings.Contains(name, "NANOS"):
		return 1
	case strings.Contains(name, "MICROS"):
		return 1000
	}
	return 1_000_000
}

// read fills in the cells of the next row. It returns io.EOF or why there is no more.
func (p *parquetFile) read(cells []cell) (err error) {
	defer func() {
		if damage := recover(); damage != nil { // the library's, from what is in the file
			p.ended, p.ready = errors.New("the Parquet file is damaged"), nil
			err = p.ended
		}
	}()
	for len(p.ready) == 0 {
		if p.ended != nil {
			return p.ended
		}
		p.more()
	}
	p.fill(p.ready[0], cells)
	p.ready = p.ready[1:]
	p.number++
	return nil
}

// more reads rows.
func (p *parquetFile) more() {
	if p.rows == nil {
		if len(p.groups) == 0 {
			p.ended = io.EOF
			return
		}
		p.rows, p.groups = p.groups[0].Rows(), p.groups[1:]
	}
	n, err := p.rows.ReadRows(p.buf)
	p.ready = p.buf[:n]
	if err == io.EOF {
		err = p.rows.Close()
		p.rows = nil
	} else if err == nil && n == 0 {
		err = io.ErrNoProgress
	}
	if err != nil {
		p.ended = fmt.Errorf("read row %d: %w", p.number+int64(n)+1, err)
	}
}

// fill fills in the cells from a row.
func (p *parquetFile) fill(row parquet.Row, cells []cell) {
	clear(cells)
	for i := range p.lists {
		p.lists[i].parts[0], p.lists[i].parts[1] = p.lists[i].parts[0][:0], p.lists[i].parts[1][:0]
	}
	for _, v := range row {
		if v.Column() < 0 || v.Column() >= len(p.leaves) {
			continue
		}
		switch l := &p.leaves[v.Column()]; {
		case l.cell < 0:
		case l.list < 0:
			cells[l.cell] = p.cell(v, l)
		default:
			of := &p.lists[l.list]
			if c := p.cell(v, l); c.kind > null {
				of.parts[l.part] = append(of.parts[l.part], c.string())
			}
		}
	}
	p.spare = p.spare[:0]
	for i := range p.lists {
		p.fillList(&p.lists[i], cells)
	}
}

// fillList makes the text that CSV has of a list.
func (p *parquetFile) fillList(l *list, cells []cell) {
	if l.cell < 0 {
		return
	}
	from := len(p.spare)
	for i, s := range l.parts[0] {
		if i > 0 {
			p.spare = append(p.spare, '|')
		}
		p.spare = append(p.spare, s...)
		if i < len(l.parts[1]) {
			p.spare = append(append(p.spare, ':'), l.parts[1][i]...)
		}
	}
	cells[l.cell] = cell{kind: text, text: p.spare[from:]}
}

// cell returns a value as a cell.
func (p *parquetFile) cell(v parquet.Value, l *leaf) cell {
	switch {
	case v.IsNull():
		return cell{kind: null}
	case l.truth:
		return cell{kind: text, text: strconv.AppendBool(nil, v.Boolean())}
	}
	switch v.Kind() {
	case parquet.Int32:
		return cell{kind: whole, whole: int64(v.Int32())}
	case parquet.Int64:
		if n := v.Int64(); l.unit == 0 {
			return cell{kind: whole, whole: n}
		} else if n > -maxSeconds*nsPerSecond/l.unit && n < maxSeconds*nsPerSecond/l.unit {
			return cell{kind: stamp, whole: n * l.unit}
		}
		return cell{kind: text, text: []byte("a time out of range")}
	case parquet.Float:
		return cell{kind: real, real: float64(v.Float())}
	case parquet.Double:
		return cell{kind: real, real: v.Double()}
	}
	return cell{kind: text, text: v.ByteArray()}
}
