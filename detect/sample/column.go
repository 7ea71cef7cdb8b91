package sample

import (
	"math"
	"strings"

	"github.com/weir-sensor/weir/aggregate"
	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/flowtable"
)

// column is a number of a flow.
type column struct {
	name  string
	value func(f *detect.Flow) float64
}

const up, down = flowtable.Up, flowtable.Down

// columns returns all columns.
func columns() []column {
	return []column{
		{name: "bytes", value: func(f *detect.Flow) float64 { return float64(f.Bytes[up] + f.Bytes[down]) }},
		{name: "bytes_up", value: func(f *detect.Flow) float64 { return float64(f.Bytes[up]) }},
		{name: "bytes_down", value: func(f *detect.Flow) float64 { return float64(f.Bytes[down]) }},
		{name: "packets", value: func(f *detect.Flow) float64 { return float64(f.Packets[up] + f.Packets[down]) }},
		{name: "packets_up", value: func(f *detect.Flow) float64 { return float64(f.Packets[up]) }},
		{name: "packets_down", value: func(f *detect.Flow) float64 { return float64(f.Packets[down]) }},
		{name: "payload_up", value: func(f *detect.Flow) float64 { return float64(f.Payload[up]) }},
		{name: "payload_down", value: func(f *detect.Flow) float64 { return float64(f.Payload[down]) }},
		{name: "duration", value: func(f *detect.Flow) float64 { return float64(f.End-f.Start) / 1e9 }},
		{name: "bytes_per_packet", value: func(f *detect.Flow) float64 {
			return float64(f.Bytes[up]+f.Bytes[down]) / max(1, float64(f.Packets[up]+f.Packets[down]))
		}},
		{name: upDownRatio, value: func(f *detect.Flow) float64 { return ratio(f.Bytes) }},
	}
}

const upDownRatio = "up_down_ratio" // a logarithm already

func ratio(bytes [2]uint64) float64 {
	return math.Log((float64(bytes[up]) + 1) / (float64(bytes[down]) + 1))
}

// Needs says what rows with these columns need of flows. Without it the number is 0 in each of them.
func Needs(rows string, names []string) (needs []detect.Need) {
	for _, name := range names {
		n := detect.Need{For: "what " + name + " tells apart"}
		switch {
		case rows != ByFlow:
		case strings.Contains(name, "packet"):
			n.Fields = detect.NoPackets
		case strings.HasPrefix(name, "payload"):
			n.Fields = detect.NoPayload
		}
		switch {
		case name == "duration", name == "total_time", strings.HasPrefix(name, "throughput"):
			n.Fields = detect.NoDuration
		case strings.HasPrefix(name, "entries_"):
			n.Fields = detect.NoState
		}
		if n.Fields != 0 {
			needs = append(needs, n)
		}
	}
	return needs
}

// What a row stands for.
const (
	ByFlow  = "flows"  // a flow record
	ByTuple = "tuples" // all flow records of a 5-tuple in a batch
	ByPair  = "pairs"  // all flow records of a client and a server in 10 s
)

// ColumnNames returns what Config.Columns may name where rows stand for that; none of another word. The caller owns the
// slice.
func ColumnNames(rows string) (names []string) {
	switch rows {
	case ByFlow:
		for _, c := range columns() {
			names = append(names, c.name)
		}
	case ByTuple:
		names = append(aggregate.TupleNumbers(), "bytes", upDownRatio)
	case ByPair:
		names = append(aggregate.StepNumbers(), "bytes", upDownRatio)
	}
	return names
}

// AllColumnNames says in a line for each kind of rows which columns they have.
func AllColumnNames() string {
	var lines []string
	for _, rows := range []string{ByFlow, ByTuple, ByPair} {
		lines = append(lines, "columns of "+rows+": "+strings.Join(ColumnNames(rows), ", "))
	}
	return strings.Join(lines, "\n")
}
