package output

import (
	"fmt"

	"github.com/weir-sensor/weir/detect"
)

// AlertSchema is the name of the alerts' schema.
const AlertSchema = "weir.alert.v1"

// AlertSink takes alerts in their final order; everything else is as in Sink.
type AlertSink interface {
	// Alerts accepts alerts, which are borrowed until it returns, what they refer to may be kept; see Sink.Flows.
	Alerts(alerts []detect.Alert) error
	Flush() error
	Close() error
	Abort() error
}

// Alerts is the AlertSink that writes alerts in any format.
type Alerts struct{ Records[detect.Alert] }

var _ AlertSink = Alerts{}

// NewAlerts returns a sink that writes to target, which it owns from now on; see NewRecords.
func NewAlerts(target Target, format Format, version string) Alerts {
	return Alerts{NewRecords(target, format, alertFields(), AlertSchema, version)}
}

// Alerts implements AlertSink.
func (a Alerts) Alerts(alerts []detect.Alert) error { return a.Write(alerts) }

// AlertColumns returns the columns of alerts in their order. The caller owns the slice.
func AlertColumns() []Column {
	var all []Column
	for _, f := range alertFields() {
		all = append(all, f.Column)
	}
	return all
}

// reason is a reason in JSON.
type reason struct {
	Feature   string   `json:"feature"`
	Value     *float64 `json:"value"`
	Threshold *float64 `json:"threshold"`
	Baseline  *float64 `json:"baseline"`
}

func reasons(list []detect.Reason) Value {
	all := []reason{}
	known := func(v float64) *float64 {
		if v-v != 0 {
			return nil
		}
		return &v
	}
	for _, r := range list {
		all = append(all, reason{validText(r.Feature), known(r.Value), known(r.Threshold), known(r.Baseline)})
	}
	return ObjectsValue(all)
}

func flowIDs(e *detect.Evidence) Value {
	list := []string{}
	for _, id := range e.IDs() {
		list = append(list, fmt.Sprintf("%016x", id))
	}
	return ListValue(list)
}

// alertFields are the columns of alerts, and where they come from.
func alertFields() []Field[detect.Alert] {
	type alert = detect.Alert
	host := func(name, doc string, of func(a *alert) detect.Host) Field[alert] {
		return Field[alert]{Column{Name: name, Nullable: true, Doc: doc}, func(a *alert) Value { return TextOrNull(of(a).String()) }}
	}
	return []Field[alert]{
		{Column{Name: "time", Type: Time, Doc: "Packet time at which it was known."}, func(a *alert) Value { return TimeValue(a.Time) }},
		{Column{Name: "detector", Doc: "Who says it."}, func(a *alert) Value { return TextValue(a.Detector) }},
		{Column{Name: "kind", Doc: "What it is, in the detector's words; 'weir detectors explain' describes each."}, func(a *alert) Value { return TextValue(a.Kind) }},
		{Column{Name: "severity", Enum: []string{"info", "low", "medium", "high"}, Doc: "How soon somebody should look."}, func(a *alert) Value { return TextValue(a.Severity.String()) }},
		{Column{Name: "status", Enum: []string{"ok", "insufficient", "degraded"}, Doc: "Whether the detector had all that it needs; degraded: a table was full and had to forget."}, func(a *alert) Value { return TextValue(a.Status.String()) }},
		{Column{Name: "score", Type: Real, Nullable: true, Doc: "The detector's own measure; larger is worse."}, func(a *alert) Value { return NumberOrNull(a.Score) }},
		{Column{Name: "p", Type: Number, Nullable: true, Doc: "Probability of such a score where nothing is wrong; null: unknown."}, func(a *alert) Value { return NumberOrNull(a.P) }},
		{Column{Name: "probability", Type: Number, Nullable: true, Doc: "Calibrated probability: the detector's own that it is so, else the ensemble's that something is wrong; null: nothing was calibrated."}, func(a *alert) Value { return NumberOrNull(a.Probability) }},
		{Column{Name: "n", Type: Integer, Doc: "Size of the sample behind the score."}, func(a *alert) Value { return UintValue(a.N) }},
		host("subject", "Address that it is about; null: the whole network.", func(a *alert) detect.Host { return a.Subject }),
		{Column{Name: "role", Enum: []string{"client", "server", "network"}, Nullable: true, Doc: "What the subject does in it."}, func(a *alert) Value { return TextOrNull(a.Role.String()) }},
		host("client", "Client of the flows; null: several.", func(a *alert) detect.Host { return a.Client }),
		host("server", "Server of the flows; null: several.", func(a *alert) detect.Host { return a.Server }),
		{Column{Name: "server_port", Type: Integer, Nullable: true, Max: 65535, Doc: "Port of the server; null: several, or none."}, func(a *alert) Value { return UintOrNull(a.HasPort, uint64(a.ServerPort)) }},
		{Column{Name: "proto", Nullable: true, Doc: "Transport protocol, as in flow records; null: several."}, func(a *alert) Value {
			if a.Proto == 0 {
				return Value{}
			}
			return TextValue(ProtoName(a.Proto))
		}},
		{Column{Name: "flow_id", Nullable: true, Pattern: "^[0-9a-f]{16}$", Doc: "The flow, where it is about one."}, func(a *alert) Value {
			if a.FlowID == 0 {
				return Value{}
			}
			return TextValue(fmt.Sprintf("%016x", a.FlowID))
		}},
		{Column{Name: "community_id", Nullable: true, Doc: "Community ID of that flow."}, func(a *alert) Value { return TextOrNull(a.CommunityID) }},
		{Column{Name: "window_start", Type: Time, Nullable: true, Doc: "Beginning of the time that was judged; null: one flow."}, func(a *alert) Value { return TimeOrNull(a.WindowEnd != 0, a.WindowStart) }},
		{Column{Name: "window_end", Type: Time, Nullable: true, Doc: "End of the time that was judged; null: one flow."}, func(a *alert) Value { return TimeOrNull(a.WindowEnd != 0, a.WindowEnd) }},
		{Column{Name: "message", Doc: "One sentence."}, func(a *alert) Value { return TextValue(a.Message) }},
		{Column{Name: "reasons", Type: Objects, Doc: "The numbers behind it: feature, value, threshold and baseline (what is usual), the last two null where there are none."}, func(a *alert) Value { return reasons(a.Reasons) }},
		{Column{Name: "evidence", Type: Names, Pattern: "^[0-9a-f]{16}$", Doc: "Ids of flows behind it, 10 at most."}, func(a *alert) Value { return flowIDs(&a.Evidence) }},
		{Column{Name: "evidence_total", Type: Integer, Doc: "How many flows there were."}, func(a *alert) Value { return UintValue(a.Evidence.Total) }},
		{Column{Name: "count", Type: Integer, Doc: "How often it was said so far, within detect.suppress of each other."}, func(a *alert) Value { return UintValue(a.Count) }},
		{Column{Name: "first", Type: Time, Doc: "When it was said first."}, func(a *alert) Value { return TimeValue(a.First) }},
		{Column{Name: "last", Type: Time, Doc: "When it was said last."}, func(a *alert) Value { return TimeValue(a.Last) }},
		{Column{Name: "id", Pattern: "^[0-9a-f]{16}$", Doc: "Identifies the alert: the same when it is written again, and from run to run."}, func(a *alert) Value { return TextValue(a.ID) }},
	}
}
