package output

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/parquet-go/parquet-go"

	"github.com/weir-sensor/weir/features"
)

// parquetColumn is a column of records of one kind, and how a record's value gets there.
type parquetColumn[T any] struct {
	Column
	distinct bool // strings of which few are equal: no dictionary
	put      func(c *cells, r *T)
}

// leaves returns how many columns of plain values it takes.
func (c *parquetColumn[T]) leaves() int {
	if c.Type == Pairs {
		return 2
	}
	return 1
}

// node returns the column's type.
func (c *parquetColumn[T]) node() parquet.Node {
	var n parquet.Node
	switch c.Type {
	case String:
		n = parquet.String()
		if !c.distinct {
			n = parquet.Encoded(n, &parquet.RLEDictionary)
		}
	case Time:
		n = parquet.Encoded(parquet.Timestamp(parquet.Nanosecond), &parquet.DeltaBinaryPacked)
	case Integer:
		n = parquet.Encoded(parquet.Int(64), &parquet.DeltaBinaryPacked)
	case Seconds, Number, Real:
		n = parquet.Leaf(parquet.DoubleType)
	case Objects:
		n = parquet.String()
	case Bool:
		n = parquet.Leaf(parquet.BooleanType)
	case Names:
		n = parquet.List(parquet.Encoded(parquet.String(), &parquet.RLEDictionary))
	case Pairs: // named by their units
		first, second, _ := strings.Cut(c.Unit, ", ")
		integer := parquet.Encoded(parquet.Int(64), &parquet.DeltaBinaryPacked)
		n = parquet.List(ordered{fields: append(namedNode(first, integer), namedNode(second, integer)...)})
	}
	if c.Nullable {
		return parquet.Optional(n)
	}
	return n
}

// ordered is a group whose fields keep their order; those of a parquet.Group are sorted by name.
type ordered struct {
	parquet.Group // empty: says what is the same for every group
	fields        []parquet.Field
}

// Fields implements parquet.Node.
func (o ordered) Fields() []parquet.Field { return o.fields }

// namedNode returns one field of an ordered group.
func namedNode(name string, n parquet.Node) []parquet.Field { return parquet.Group{name: n}.Fields() }

// parquetSchema returns the schema of a file with the columns, in their order.
func parquetSchema[T any](name string, columns []parquetColumn[T]) *parquet.Schema {
	var root ordered
	for i := range columns {
		root.fields = append(root.fields, namedNode(columns[i].Name, columns[i].node())...)
	}
	return parquet.NewSchema(name, root)
}

// parquetMetadata is what a file says about itself.
type parquetMetadata struct {
	schema, version string
	contract        features.Contract
}

// keyValues returns the key/value metadata of a file with the columns.
func (m parquetMetadata) keyValues(columns []Column) map[string]string {
	type described struct {
		Name string `json:"name"`
		Unit string `json:"unit,omitempty"`
		Doc  string `json:"doc"`
	}
	var list []described
	for _, c := range columns {
		list = append(list, described{c.Name, c.Unit, c.Doc})
	}
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	if err := e.Encode(list); err != nil {
		panic("bug: " + err.Error()) // strings only
	}
	return map[string]string{
		"weir.schema":          m.schema,
		"weir.version":         m.version,
		"weir.columns":         strings.TrimSuffix(text.String(), "\n"),
		"weir.contract":        m.contract.JSON(),
		"weir.contract.sha256": m.contract.Hash(),
	}
}
