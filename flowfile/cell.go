package flowfile

import (
	"bytes"
	"math"
	"net/netip"
	"strconv"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
)

// cell is one value of a row, as the file has it. Its text is borrowed until the next row.
type cell struct {
	kind  kind
	text  []byte  // of text
	whole int64   // of whole and stamp
	real  float64 // of real
}

type kind uint8

const (
	absent kind = iota // the row has no such column
	null
	text
	whole
	stamp // a whole number of ns since the epoch
	real
)

// string returns the cell's text, "" where it has no value.
func (c *cell) string() string {
	switch c.kind {
	case text:
		return string(c.text)
	case whole, stamp:
		return strconv.FormatInt(c.whole, 10)
	case real:
		return strconv.FormatFloat(c.real, 'g', -1, 64)
	}
	return ""
}

// row is what is being read: a row's cells, in the layout's order, and the record that they become.
type row struct {
	cells   []cell
	columns []string // their names, for fault
	record  flowtable.Record
	missing detect.Missing
	groups  uint8 // of flowtable.FeatureGroups, those whose columns are there, the first one bit 0
	notIP   bool  // it is about a protocol that is no IP
	fault   fault
	buf     []byte // scratch
}

// fault says what is wrong with a row. The zero value is nothing.
type fault struct {
	column, got, want string
}

func (f fault) String() string {
	if f.column == "" {
		return f.want
	}
	return f.column + ": got " + strconv.Quote(f.got) + ", want " + f.want
}

// maxGot is how much of a value a fault shows.
const maxGot = 60

// fail says what is wrong with a column, unless something else was wrong already.
func (r *row) fail(column int, want string) {
	if r.fault.want != "" {
		return
	}
	r.fault = fault{r.columns[column], "", want}
	got := r.cells[column].string()
	r.fault.got = got[:min(len(got), maxGot)]
}

// has says whether the cell has a value.
func (r *row) has(column int) bool { return r.cells[column].kind > null }

// lacks says whether the row has no such column.
func (r *row) lacks(column int) bool { return r.cells[column].kind == absent }

// bytes returns a text, nil where there is none.
func (r *row) bytes(column int) []byte {
	c := &r.cells[column]
	if c.kind == text {
		return c.text
	}
	if c.kind > null {
		r.buf = append(r.buf[:0], c.string()...)
		return r.buf
	}
	return nil
}

// uint returns a whole number up to most; 0 where there is none.
func (r *row) uint(column int, most uint64) uint64 {
	c := &r.cells[column]
	v, ok := uint64(0), true
	switch c.kind {
	case text:
		v, ok = parseUint(c.text)
	case whole:
		v, ok = uint64(c.whole), c.whole >= 0
	case real:
		v, ok = uint64(c.real), c.real >= 0 && c.real < 1<<63 && c.real == math.Trunc(c.real)
	}
	if !ok || v > most {
		r.fail(column, "a whole number from 0 to "+strconv.FormatUint(most, 10))
		return 0
	}
	return v
}

// count is uint of what has no bound.
func (r *row) count(column int) uint64 { return r.uint(column, math.MaxUint64) }

// number returns a number; NaN where there is none.
func (r *row) number(column int) float64 {
	c := &r.cells[column]
	switch c.kind {
	case text:
		v, err := strconv.ParseFloat(string(c.text), 64)
		if err != nil || v-v != 0 {
			r.fail(column, "a number")
		}
		return v
	case whole:
		return float64(c.whole)
	case real:
		return c.real
	}
	return math.NaN()
}

// seconds returns nanoseconds from a number of seconds, exact where it is a decimal with nine digits behind the point; 0
// where there is none. units is how many of it make a second: 1, or 100 for hundredths.
func (r *row) seconds(column int, units int64) int64 {
	c := &r.cells[column]
	ns, ok := int64(0), true
	switch c.kind {
	case text:
		ns, ok = parseSeconds(c.text, units)
	case whole:
		ns, ok = c.whole*(nsPerSecond/units), c.whole > -maxSeconds*units && c.whole < maxSeconds*units
	case stamp:
		ns = c.whole
	case real:
		v := math.Round(c.real * float64(nsPerSecond/units))
		ns, ok = int64(v), v > -math.MaxInt64/2 && v < math.MaxInt64/2
	}
	if !ok {
		r.fail(column, "seconds as a decimal number")
		return 0
	}
	return ns
}

// time returns ns since the epoch, from a date with time or seconds.
func (r *row) time(column int) int64 {
	c := &r.cells[column]
	ns, ok := int64(0), false
	switch c.kind {
	case text:
		ns, ok = parseTime(c.text)
	case stamp:
		ns, ok = c.whole, true
	case whole, real:
		ns, ok = r.seconds(column, 1), true
	}
	if !ok {
		r.fail(column, "a time such as 2026-11-21T11:30:00.5Z, 2026/11/21 11:30:00.5 or seconds since 1970")
	}
	return r.bounded(column, ns)
}

// bounded returns ns, which is a fault where it is out of the range of times.
func (r *row) bounded(column int, ns int64) int64 {
	if ns < flowtable.MinClock || ns > flowtable.MaxClock {
		r.fail(column, "a time from 1967 to 2257")
		return 0
	}
	return ns
}

// addr returns an address and its version.
func (r *row) addr(column int) (packet.Addr, uint8) {
	a, version, ok := parseAddr(r.bytes(column))
	if !ok {
		r.fail(column, "an IP address")
	}
	return a, version
}

// endpoints reads the two addresses, which have one version.
func (r *row) endpoints(client, server int) {
	rec := &r.record
	var version uint8
	rec.Client, rec.Version = r.addr(client)
	rec.Server, version = r.addr(server)
	if version != rec.Version {
		r.fail(server, "an address of the same IP version as the other side's")
	}
}

// parseAddr reads an address; IPv4 by hand.
func parseAddr(b []byte) (packet.Addr, uint8, bool) {
	var v, octet, digits, dots uint32
	for _, c := range b {
		switch {
		case c >= '0' && c <= '9':
			octet = octet*10 + uint32(c-'0')
			if digits++; digits > 3 || octet > 255 {
				return parseAddr6(b)
			}
		case c == '.' && digits > 0 && dots < 3:
			v, octet, digits, dots = v<<8|octet, 0, 0, dots+1
		default:
			return parseAddr6(b)
		}
	}
	if dots != 3 || digits == 0 {
		return packet.Addr{}, 0, false
	}
	return packet.Addr{Lo: 0xffff_0000_0000 | uint64(v<<8|octet)}, 4, true
}

func parseAddr6(b []byte) (packet.Addr, uint8, bool) {
	if len(b) > 45 || bytes.IndexByte(b, ':') < 0 || bytes.IndexByte(b, '%') >= 0 {
		return packet.Addr{}, 0, false
	}
	a, err := netip.ParseAddr(string(b))
	if err != nil {
		return packet.Addr{}, 0, false
	}
	bytes := a.As16()
	return packet.AddrFrom16(bytes[:]), 6, true
}

// parseUint reads a decimal number.
func parseUint(b []byte) (v uint64, ok bool) {
	if len(b) == 0 || len(b) > 20 {
		return 0, false
	}
	if len(b) == 20 {
		v, err := strconv.ParseUint(string(b), 10, 64)
		return v, err == nil
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		v = v*10 + uint64(c-'0')
	}
	return v, true
}
