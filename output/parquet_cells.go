package output

import (
	"encoding/binary"
	"encoding/hex"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go"
)

// cells collects the values of one column. A put function of that column calls one of the methods once for each record.
type cells struct {
	leaves  [2][]parquet.Value // the second one for the second of pairs
	present int                // definition level of a value
	arena   []byte             // bytes of strings
	scratch [][2]int64         // room for pairs
}

// begin starts another column.
func (c *cells) begin(nullable bool) {
	for i := range c.leaves {
		c.leaves[i] = c.leaves[i][:0]
	}
	c.arena = c.arena[:0]
	c.present = 0
	if nullable {
		c.present = 1
	}
}

func (c *cells) add(v parquet.Value) {
	v.SetDefinitionLevel(c.present)
	c.leaves[0] = append(c.leaves[0], v)
}

func (c *cells) null() {
	if c.present == 0 {
		panic("null in a column that has none")
	}
	c.leaves[0] = append(c.leaves[0], parquet.NullValue())
}

// room returns the arena with room for any of the texts that are appended to it.
func (c *cells) room() []byte { return slices.Grow(c.arena, 128) }

// text adds the string by which extended, made from room, is longer than the arena.
func (c *cells) text(extended []byte) {
	s := extended[len(c.arena):]
	c.arena = extended
	c.add(parquet.ByteArrayValue(s))
}

// string adds a string; what is not UTF-8 becomes U+FFFD.
func (c *cells) string(s string) {
	c.text(append(c.arena, validText(s)...))
}

// validText returns s with U+FFFD for every byte that is not UTF-8, as appendJSONString has it.
func validText(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return string([]rune(s))
}

func (c *cells) stringIf(known bool, s string) {
	if known {
		c.string(s)
	} else {
		c.null()
	}
}

// id adds a number as 16 hexadecimal digits.
func (c *cells) id(v uint64) {
	var id [8]byte
	binary.BigEndian.PutUint64(id[:], v)
	c.text(hex.AppendEncode(c.room(), id[:]))
}

// time adds nanoseconds since the epoch.
func (c *cells) time(ns int64) { c.add(parquet.Int64Value(ns)) }

// uint adds an integer; those above the largest signed one become that.
func (c *cells) uint(v uint64) { c.add(parquet.Int64Value(int64(min(v, math.MaxInt64)))) }

func (c *cells) uintIf(known bool, v uint64) {
	if known {
		c.uint(v)
	} else {
		c.null()
	}
}

// number adds a number; NaN and infinities are null.
func (c *cells) number(v float64) {
	if v-v == 0 {
		c.add(parquet.DoubleValue(v))
	} else {
		c.null()
	}
}

// seconds adds nanoseconds as seconds: the double next to the quotient, which is what a reader makes of the text.
func (c *cells) seconds(ns uint64) {
	if ns < 1<<53 {
		c.number(float64(ns) / nsPerSecond)
		return
	}
	v, err := strconv.ParseFloat(string(appendSeconds(nil, ns)), 64)
	if err != nil {
		panic(err)
	}
	c.number(v)
}

// names adds the list of those names whose bit is set.
func (c *cells) names(names []string, set uint) {
	n := 0
	for bit, name := range names {
		if set>>bit&1 == 0 {
			continue
		}
		begin := len(c.arena)
		c.arena = append(c.arena, name...)
		c.item(0, n, parquet.ByteArrayValue(c.arena[begin:]))
		n++
	}
	if n == 0 {
		c.empty(0)
	}
}

// pairs adds a list of pairs.
func (c *cells) pairs(list [][2]int64) {
	for leaf := range c.leaves {
		for i := range list {
			c.item(leaf, i, parquet.Int64Value(list[i][leaf]))
		}
		if len(list) == 0 {
			c.empty(leaf)
		}
	}
}

// item adds element i of a list.
func (c *cells) item(leaf, i int, v parquet.Value) {
	c.leaves[leaf] = append(c.leaves[leaf], v.Level(min(i, 1), c.present+1, 0))
}

// empty adds a list without elements.
func (c *cells) empty(leaf int) {
	c.leaves[leaf] = append(c.leaves[leaf], parquet.NullValue().Level(0, c.present, 0))
}
