package output

import (
	"slices"
	"strconv"

	"github.com/weir-sensor/weir/flowtable"
)

// flowForm is how flow records with some columns look in one of the text formats. It is never changed.
type flowForm struct {
	*form
	header   []byte // first line of CSV; nothing for NDJSON
	features []featureForm
	room     int // for the longest line without labels
	labels   *labelForm
	pairs    *pairForm
}

// featureForm is a column of a flow feature in one of the text formats.
type featureForm struct {
	FlowFeature
	lead string // what stands before the value
	null string // the whole column without a value, or without pairs
}

// pairForm is what stands around all pairs, between the two numbers of one, and between two pairs.
type pairForm struct{ before, middle, between, after string }

// The most bytes of a value.
const (
	maxNumberText = 25                                                // 0.000001234567890123456
	maxPairText   = len("[-2147483648,4294967295],")                  // of splt; fewer bursts make up for their longer sums
	maxPairsText  = len("[]") + flowtable.SPLTPackets*maxPairText + 1 // of a column
)

func newFlowForm(columns Columns, format Format) *flowForm {
	f := &flowForm{form: ndjson, room: maxFlowText, labels: newLabelForm(columns.Labels, format)}
	null, empty := "null", "[]"
	f.pairs = &pairForm{"[[", ",", "],[", "]]"}
	if format == CSV {
		f.form, f.header = csv, appendHeader(nil, FlowColumns(columns))
		null, empty = "", ""
		f.pairs = &pairForm{"", ":", "|", ""}
	}
	for _, c := range FlowFeatures(columns.Features) {
		lead := leadOf(c.Column, format)
		column := featureForm{FlowFeature: c, lead: lead, null: lead + null}
		f.room += len(column.null) + maxNumberText
		if c.Type == Pairs {
			column.null = lead + empty
			f.room += maxPairsText
		}
		f.features = append(f.features, column)
	}
	return f
}

// append writes one line. It allocates only where dst has no room for the longest one.
func (f *flowForm) append(e *Encoder, dst []byte, r *flowtable.Record) []byte {
	dst = slices.Grow(dst, f.room)
	dst = e.appendColumns(dst, r, f.form)
	if len(f.features) > 0 {
		dst = f.appendFeatures(e, dst, r.Features)
	}
	return append(f.labels.append(dst, r.Label), f.end...)
}

// appendFeatures writes the columns of the features; where they are nil, all without a value.
func (f *flowForm) appendFeatures(e *Encoder, dst []byte, features *flowtable.Features) []byte {
	for i := range f.features {
		c := &f.features[i]
		switch {
		case features == nil:
			dst = append(dst, c.null...)
		case c.Type == Pairs:
			if pairs := c.Pairs(e.pairs[:0], features); len(pairs) > 0 {
				dst = f.pairs.append(append(dst, c.lead...), pairs)
			} else {
				dst = append(dst, c.null...)
			}
		default:
			if v := c.Value(features); v-v == 0 { // neither NaN nor infinite
				dst = appendNumber(append(dst, c.lead...), v)
			} else {
				dst = append(dst, c.null...)
			}
		}
	}
	return dst
}

// append writes the pairs, of which there is one at least.
func (f *pairForm) append(dst []byte, pairs [][2]int64) []byte {
	before := f.before
	for _, p := range pairs {
		dst = append(dst, before...)
		dst = strconv.AppendInt(dst, p[0], 10)
		dst = append(dst, f.middle...)
		dst = strconv.AppendInt(dst, p[1], 10)
		before = f.between
	}
	return append(dst, f.after...)
}

// appendNumber writes the shortest decimal that reads back as v, which is finite: at most maxNumberText bytes, with an
// exponent where v is below 1e-6 or not below 1e21, as ECMAScript and encoding/json have it.
func appendNumber(dst []byte, v float64) []byte {
	if v >= 0 && v < 1<<53 {
		if n := uint64(v); float64(n) == v {
			return strconv.AppendUint(dst, n, 10)
		}
	}
	if v >= 1e21 || v < 1e-6 {
		return strconv.AppendFloat(dst, v, 'e', -1, 64)
	}
	return strconv.AppendFloat(dst, v, 'f', -1, 64)
}
