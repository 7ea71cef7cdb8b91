package output

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/parquet-go/parquet-go"

	"github.com/weir-sensor/weir/features"
)

// Field is a column of records of one kind, and where a record's value comes from: for kinds of which there are few, such
// as alerts. Flow records and windows have writers of their own.
type Field[T any] struct {
	Column
	Value func(r *T) Value
}

// Value is a value of a column, of the column's type. The zero value is null.
type Value struct {
	known   bool
	text    string // of String and Objects
	integer int64  // of Time, Integer and Seconds (ns), Bool (1: true)
	number  float64
	list    []string
}

// TextValue is a String.
func TextValue(s string) Value { return Value{known: true, text: s} }

// TextOrNull is a String, null where it is empty.
func TextOrNull(s string) Value { return Value{known: s != "", text: s} }

// UintValue is an Integer.
func UintValue(n uint64) Value { return Value{known: true, integer: int64(min(n, 1<<63-1))} }

// UintOrNull is an Integer, null where it is not known.
func UintOrNull(known bool, n uint64) Value {
	v := UintValue(n)
	v.known = known
	return v
}

// TimeValue is a Time, in ns since the Unix epoch.
func TimeValue(ns int64) Value { return Value{known: true, integer: ns} }

// TimeOrNull is a Time, null where it is not known.
func TimeOrNull(known bool, ns int64) Value { return Value{known: known, integer: ns} }

// SecondsValue is Seconds, from nanoseconds, which are not negative.
func SecondsValue(ns int64) Value { return Value{known: true, integer: ns} }

// NumberOrNull is a Number or Real; NaN and infinities are null.
func NumberOrNull(v float64) Value { return Value{known: v-v == 0, number: v} }

// BoolValue is a Bool.
func BoolValue(b bool) Value {
	v := Value{known: true}
	if b {
		v.integer = 1
	}
	return v
}

// ListValue is Names. It keeps the list.
func ListValue(list []string) Value { return Value{known: true, list: list} }

// ObjectsValue is Objects: v must be a slice of structs that encoding/json takes.
func ObjectsValue(v any) Value {
	text, err := json.Marshal(v)
	if err != nil {
		panic("bug: " + err.Error())
	}
	return Value{known: true, text: string(text)}
}

// Records writes records of one kind into a target, in any format.
type Records[T any] struct{ recordSink[T] }

// NewRecords returns a writer to target, which it owns from now on. Schema names what the records are, such as
// weir.alert.v1, and version is weir's own; both are for the metadata of Parquet files. It works on the caller's goroutine.
func NewRecords[T any](target Target, format Format, fields []Field[T], schema, version string) Records[T] {
	if format == Parquet {
		return Records[T]{newParquetWriter(target, fieldParquet(fields), parquetMetadata{
			schema: schema, version: version, contract: features.Contract{Of: schema, Version: features.ContractVersion, Features: []features.ContractFeature{}},
		})}
	}
	f := newFieldForm(fields, format)
	return Records[T]{newWriter(target, f.header, f.append, 1)}
}

// Write accepts records, which are borrowed until it returns; see Sink.Flows.
func (r Records[T]) Write(records []T) error { return r.write(records) }

// fieldForm is what stands before each value in one of the text formats. It is never changed.
type fieldForm[T any] struct {
	header []byte
	csv    bool
	lead   []string
	fields []Field[T]
}

func newFieldForm[T any](fields []Field[T], format Format) *fieldForm[T] {
	f := &fieldForm[T]{csv: format == CSV, fields: fields}
	var columns []Column
	for _, field := range fields {
		columns = append(columns, field.Column)
		f.lead = append(f.lead, leadOf(field.Column, format))
	}
	f.lead[0] = f.lead[0][1:] // no comma
	if f.csv {
		f.header = appendHeader(nil, columns)
	} else {
		f.lead[0] = "{" + f.lead[0]
	}
	return f
}

// append writes one line.
func (f *fieldForm[T]) append(e *encoder, dst []byte, r *T) []byte {
	for i := range f.fields {
		dst = append(dst, f.lead[i]...)
		switch v := f.fields[i].Value(r); {
		case v.known:
			dst = f.value(e, dst, f.fields[i].Type, &v)
		case !f.csv:
			dst = append(dst, "null"...)
		}
	}
	if f.csv {
		return append(dst, '\n')
	}
	return append(dst, "}\n"...)
}

func (f *fieldForm[T]) value(e *encoder, dst []byte, t Type, v *Value) []byte {
	text := appendJSONString
	if f.csv {
		text = appendCSVField
	}
	switch t {
	case Time:
		return text(dst, string(e.clock.append(nil, v.integer)))
	case Seconds:
		return appendSeconds(dst, uint64(v.integer))
	case Integer:
		return strconv.AppendInt(dst, v.integer, 10)
	case Bool:
		return strconv.AppendBool(dst, v.integer != 0)
	case Number, Real:
		return strconv.AppendFloat(dst, v.number, 'g', -1, 64)
	case Names:
		if f.csv {
			return text(dst, strings.Join(v.list, "|"))
		}
		dst = append(dst, '[')
		for i, s := range v.list {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = text(dst, s)
		}
		return append(dst, ']')
	case Objects:
		if f.csv {
			return text(dst, v.text)
		}
		return append(dst, v.text...)
	}
	return text(dst, v.text)
}

// fieldParquet returns the fields as columns of a Parquet file.
func fieldParquet[T any](fields []Field[T]) []parquetColumn[T] {
	var all []parquetColumn[T]
	for _, field := range fields {
		all = append(all, parquetColumn[T]{Column: field.Column, put: func(c *cells, r *T) {
			v := field.Value(r)
			c.value(field.Type, &v)
		}})
	}
	return all
}

// value adds a value of the type.
func (c *cells) value(t Type, v *Value) {
	switch {
	case !v.known:
		c.null()
	case t == Time || t == Integer:
		c.time(v.integer)
	case t == Seconds:
		c.seconds(uint64(v.integer))
	case t == Number || t == Real:
		c.number(v.number)
	case t == Bool:
		c.add(parquet.BooleanValue(v.integer != 0))
	case t == Names:
		for i, s := range v.list {
			begin := len(c.arena)
			c.arena = append(c.arena, validText(s)...)
			c.item(0, i, parquet.ByteArrayValue(c.arena[begin:]))
		}
		if len(v.list) == 0 {
			c.empty(0)
		}
	default:
		c.string(v.text)
	}
}
