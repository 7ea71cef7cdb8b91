package output

import (
	"strconv"
	"strings"

	"github.com/weir-sensor/weir/flowtable"
)

// form is one of the text formats: what stands between the values, ready to be copied. A column that has few values
// is kept whole, once for each of them.
type form struct {
	number [flowColumnCount]fragment // what stands before a number or an array
	string [flowColumnCount]fragment // what stands before a string, its quotation mark included
	null   [flowColumnCount]fragment // the whole column without a value

	proto     [256]fragment
	tcpFlags  [2][256]fragment
	clientBy  []fragment
	state     []fragment
	connState []fragment
	endReason []fragment

	quality [1 << len(flowtable.QualityNames)]string // values by set of remarks

	quoted bool   // strings end with a quotation mark
	end    string // of a line
}

// fragment is a short text that is copied faster than a string: always all of it, whatever its length. So there has
// to be room for slack bytes behind the text, which the next one overwrites.
type fragment struct {
	text [slack]byte
	n    int
}

// slack is the most that a fragment holds, and copies.
const slack = 32

func newFragment(s string) fragment {
	f := fragment{n: len(s)}
	if copy(f.text[:], s) < len(s) {
		panic("bug: fragment too long: " + s)
	}
	return f
}

// add appends a fragment to dst.
func add(dst []byte, f *fragment) []byte {
	n := len(dst)
	*(*[slack]byte)(dst[n : n+slack]) = f.text
	return dst[:n+f.n]
}

// The two forms. They are never changed.
var (
	ndjson = newNDJSON()
	csv    = newCSV()
)

func newNDJSON() *form {
	f := &form{quoted: true, end: "}\n"}
	lead := func(column int) string {
		if column == 0 {
			return `{"` + flowColumns[column].Name + `":`
		}
		return `,"` + flowColumns[column].Name + `":`
	}
	f.fill(lead, `"`, "null")
	for q := range f.quality {
		f.quality[q] = "[]"
		if names := qualityNames(flowtable.Quality(q)); len(names) > 0 {
			f.quality[q] = `["` + strings.Join(names, `","`) + `"]`
		}
	}
	return f
}

func newCSV() *form {
	f := &form{end: "\n"}
	lead := func(column int) string {
		if column == 0 {
			return ""
		}
		return ","
	}
	f.fill(lead, "", "")
	for q := range f.quality {
		f.quality[q] = strings.Join(qualityNames(flowtable.Quality(q)), "|")
	}
	return f
}

// fill makes the fragments from what stands before each value, the quotation mark and the text of null.
func (f *form) fill(lead func(column int) string, quote, null string) {
	for c := range flowColumnCount {
		f.number[c] = newFragment(lead(c))
		f.string[c] = newFragment(lead(c) + quote)
		f.null[c] = newFragment(lead(c) + null)
	}
	whole := func(column int, value string) fragment {
		return newFragment(lead(column) + quote + value + quote)
	}
	for v := range 256 {
		f.proto[v] = whole(colProto, ProtoName(uint8(v)))
		for d := range f.tcpFlags {
			f.tcpFlags[d][v] = whole(colTCPFlagsUp+d, flagLetters(uint8(v)))
		}
	}
	f.clientBy = named(whole, colClientBy)
	f.state = named(whole, colState)
	f.connState = named(whole, colConnState)
	f.endReason = named(whole, colEndReason)
}

// named makes the fragments of a column whose values are its Enum.
func named(whole func(int, string) fragment, column int) []fragment {
	var fragments []fragment
	for _, name := range flowColumns[column].Enum {
		fragments = append(fragments, whole(column, name))
	}
	return fragments
}

func qualityNames(q flowtable.Quality) []string {
	var names []string
	for bit, name := range flowtable.QualityNames {
		if q>>bit&1 != 0 {
			names = append(names, name)
		}
	}
	return names
}

// shut ends a string.
func (f *form) shut(dst []byte) []byte {
	if f.quoted {
		return append(dst, '"')
	}
	return dst
}

// uint appends a column that is a number.
func (f *form) uint(dst []byte, column int, v uint64) []byte {
	dst = add(dst, &f.number[column])
	if v < 10 {
		return append(dst, '0'+byte(v))
	}
	return strconv.AppendUint(dst, v, 10)
}

// uintIf appends a column that is a number where that is known, else null.
func (f *form) uintIf(known bool, dst []byte, column int, v uint64) []byte {
	if !known {
		return add(dst, &f.null[column])
	}
	return f.uint(dst, column, v)
}

// uints appends the columns of both directions; column is that of the first.
func (f *form) uints(dst []byte, column int, v *[2]uint64) []byte {
	return f.uint(f.uint(dst, column, v[0]), column+1, v[1])
}
