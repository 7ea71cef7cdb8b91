package output

import (
	"slices"

	"github.com/weir-sensor/weir/flowtable"
)

// flowForm is how flow records with some columns look in one of the text formats. It is never changed.
type flowForm struct {
	*form
	header   []byte // first line of CSV; nothing for NDJSON
	features []featureForm
	room     int // for the longest line without labels
	labels   *labelForm
}

// featureForm is a column of a flow feature in one of the text formats.
type featureForm struct {
	FlowFeature
	lead string // what stands before the value
	null string // the whole column without a value, or without pairs
}

// maxPairsText is the most bytes of a column of pairs: of splt, since bursts are fewer.
const maxPairsText = len("[]") + flowtable.SPLTPackets*len("[-2147483648,4294967295],")

func newFlowForm(columns Columns, format Format) *flowForm {
	f := &flowForm{form: ndjson, room: maxFlowText, labels: newLabelForm(columns.Labels, format)}
	null, empty := "null", "[]"
	if format == CSV {
		f.form, f.header = csv, appendHeader(nil, FlowColumns(columns))
		null, empty = "", ""
	}
	for _, c := range FlowFeatures(columns.Features) {
		lead := leadOf(c.Column, format)
		column := featureForm{FlowFeature: c, lead: lead, null: lead + null}
		f.room += len(column.null) + len("-") + maxNumberText
		if c.Type == Pairs {
			column.null = lead + empty
			f.room += maxPairsText
		}
		f.features = append(f.features, column)
	}
	return f
}

// append writes one line. It allocates only where dst has no room for the longest one, and may write to all of dst's
// capacity.
func (f *flowForm) append(e *encoder, dst []byte, r *flowtable.Record) []byte {
	dst = slices.Grow(dst, f.room)
	dst = e.appendColumns(dst, r, f.form)
	if len(f.features) > 0 {
		dst = f.appendFeatures(e, dst, r.Features)
	}
	return append(f.labels.append(dst, r.Label), f.end...)
}

// appendFeatures writes the columns of the features; where they are nil, all without a value.
func (f *flowForm) appendFeatures(e *encoder, dst []byte, features *flowtable.Features) []byte {
	for i := range f.features {
		c := &f.features[i]
		switch {
		case features == nil:
			dst = append(dst, c.null...)
		case c.Type == Pairs:
			if pairs := c.Pairs(e.pairs[:0], features); len(pairs) > 0 {
				dst = f.appendPairs(append(dst, c.lead...), pairs)
			} else {
				dst = append(dst, c.null...)
			}
		case c.Type == String:
			if text := c.Text(features); text != "" {
				dst = f.appendName(append(dst, c.lead...), text)
			} else {
				dst = append(dst, c.null...)
			}
		default:
			if v := c.Value(features); v-v == 0 { // neither NaN nor infinite
				dst = append(dst, c.lead...)
				if v < 0 {
					dst, v = append(dst, '-'), -v
				}
				dst = appendNumber(dst, v)
			} else {
				dst = append(dst, c.null...)
			}
		}
	}
	return dst
}

// appendName writes a name that needs no quotes in CSV.
func (f *flowForm) appendName(dst []byte, name string) []byte {
	if !f.quoted {
		return append(dst, name...)
	}
	return append(append(append(dst, '"'), name...), '"')
}

// appendPairs writes the pairs, of which there is one at least.
func (f *flowForm) appendPairs(dst []byte, pairs [][2]int64) []byte {
	if !f.quoted {
		for _, p := range pairs {
			dst = append(appendSigned(dst, p[0]), ':')
			dst = append(appendSigned(dst, p[1]), '|')
		}
		return dst[:len(dst)-1]
	}
	dst = append(dst, '[')
	for _, p := range pairs {
		dst = append(appendSigned(append(dst, '['), p[0]), ',')
		dst = append(appendSigned(dst, p[1]), ']', ',')
	}
	dst[len(dst)-1] = ']'
	return dst
}

// appendSigned writes v. There is room for all of its digits.
func appendSigned(dst []byte, v int64) []byte {
	if v < 0 {
		return appendDigits(append(dst, '-'), uint64(-v))
	}
	return appendDigits(dst, uint64(v))
}
