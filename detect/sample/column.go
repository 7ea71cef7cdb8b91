package sample

import (
	"math"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/flowtable"
)

// column is a number of a flow.
type column struct {
	name  string
	value func(f *detect.Flow) float64
	ratio bool // it is a logarithm already
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
		{name: "up_down_ratio", ratio: true, value: func(f *detect.Flow) float64 {
			return math.Log((float64(f.Bytes[up]) + 1) / (float64(f.Bytes[down]) + 1))
		}},
	}
}

// columnOf returns the column of that name, nil where there is none.
func columnOf(name string) *column {
	for _, c := range columns() {
		if c.name == name {
			return &c
		}
	}
	return nil
}

// ColumnNames returns what Config.Columns may name. The caller owns the slice.
func ColumnNames() (names []string) {
	for _, c := range columns() {
		names = append(names, c.name)
	}
	return names
}
