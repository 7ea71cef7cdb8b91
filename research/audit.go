package research

import (
	"cmp"
	"math"
	"slices"

	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/learn"
)

// Suspect is the AUC from which on a column by itself tells the classes apart too well.
const Suspect = .95

// ColumnAUC is how well a column by itself tells the classes apart.
type ColumnAUC struct {
	Column  string  `json:"column"`
	Feature bool    `json:"feature"` // of the model; else a raw column that no model may look at
	AUC     float64 `json:"auc"`     // .5 to 1, in whichever direction; cases without a value are left out
	Known   int     `json:"known"`   // cases with a value
	Suspect bool    `json:"suspect"`
}

// rawColumns are what a flow has that must not tell the classes apart: where, when and by whom the capture was made.
var rawColumns = []struct {
	name string
	of   func(r *flowtable.Record) float64
}{
	{"client", func(r *flowtable.Record) float64 { return float64(r.Client.Hi)*0x1p64 + float64(r.Client.Lo) }},
	{"server", func(r *flowtable.Record) float64 { return float64(r.Server.Hi)*0x1p64 + float64(r.Server.Lo) }},
	{"client_port", func(r *flowtable.Record) float64 { return float64(r.ClientPort) }},
	{"server_port", func(r *flowtable.Record) float64 { return float64(r.ServerPort) }},
	{"start", func(r *flowtable.Record) float64 { return float64(r.Start) / 1e9 }},
	{"start_in_second", func(r *flowtable.Record) float64 { return float64(r.Start%1e9) / 1e9 }},
	{"end", func(r *flowtable.Record) float64 { return float64(r.End) / 1e9 }},
	{"ordinal", func(r *flowtable.Record) float64 { return float64(r.Ordinal) }},
	{"ttl_up", func(r *flowtable.Record) float64 { return known(r.Packets[0] > 0, float64(r.TTLMin[0])) }},
	{"ttl_down", func(r *flowtable.Record) float64 { return known(r.Packets[1] > 0, float64(r.TTLMin[1])) }},
	{"rtt", func(r *flowtable.Record) float64 { return known(r.RTT >= 0, float64(r.RTT)) }},
	{"duration", func(r *flowtable.Record) float64 { return float64(r.End - r.Start) }},
	{"packets_up", func(r *flowtable.Record) float64 { return float64(r.Packets[0]) }},
	{"packets_down", func(r *flowtable.Record) float64 { return float64(r.Packets[1]) }},
	{"payload_up", func(r *flowtable.Record) float64 { return float64(r.Payload[0]) }},
	{"payload_down", func(r *flowtable.Record) float64 { return float64(r.Payload[1]) }},
	{"retransmits", func(r *flowtable.Record) float64 { return float64(r.Retransmits[0]) + float64(r.Retransmits[1]) }},
	{"out_of_order", func(r *flowtable.Record) float64 { return float64(r.OutOfOrder[0]) + float64(r.OutOfOrder[1]) }},
	{"quality", func(r *flowtable.Record) float64 { return float64(r.Quality) }},
	{"conn_state", func(r *flowtable.Record) float64 { return float64(r.ConnState) }},
	{"end_reason", func(r *flowtable.Record) float64 { return float64(r.EndReason) }},
}

func known(ok bool, x float64) float64 {
	if ok {
		return x
	}
	return math.NaN()
}

// RawColumns returns the raw columns of flows as rows, beside the features of rows; none for windows.
func RawColumns(d *Dataset) *learn.Rows {
	rows := &learn.Rows{}
	if d.Of == OfWindows {
		return rows
	}
	for _, c := range rawColumns {
		rows.Columns = append(rows.Columns, c.name)
	}
	for i := range d.Cases {
		for _, c := range rawColumns {
			rows.X = append(rows.X, c.of(d.Cases[i].Flow))
		}
		rows.Positive = append(rows.Positive, d.Cases[i].Positive)
	}
	return rows
}

// Audit returns how well each raw column and each feature by itself tells the classes apart, the best first.
func Audit(d *Dataset, rows *learn.Rows) []ColumnAUC {
	all := append(AuditColumns(RawColumns(d), false), AuditColumns(rows, true)...)
	slices.SortStableFunc(all, func(a, b ColumnAUC) int { return cmp.Compare(b.AUC, a.AUC) })
	return all
}

// AuditColumns is Audit of rows, in the order of their columns.
func AuditColumns(rows *learn.Rows, features bool) (all []ColumnAUC) {
	for j, name := range rows.Columns {
		var scores []float64
		var positive []bool
		for i := range rows.Len() {
			if x := rows.Row(i)[j]; x == x {
				scores, positive = append(scores, x), append(positive, rows.Positive[i])
			}
		}
		auc := learn.NewROC(scores, positive).AUC()
		if math.IsNaN(auc) {
			auc = .5
		}
		auc = max(auc, 1-auc)
		all = append(all, ColumnAUC{name, features, auc, len(scores), auc > Suspect})
	}
	return all
}
