package telemetry

import "github.com/weir-sensor/weir/detect"

// detectMetrics are those of detection. Without detectors there are none; the labels are the names of those that run, and
// of their tables.
func detectMetrics() []Metric {
	some := func(read func(c *detect.Counters, emit emit)) func(*Books, emit) {
		return func(b *Books, emit emit) {
			if c := b.Ledger.Detect; c != nil {
				read(c, emit)
			}
		}
	}
	each := func(read func(d *detect.DetectorCount, emit emit)) func(*Books, emit) {
		return some(func(c *detect.Counters, emit emit) {
			for i := range c.Detectors {
				read(&c.Detectors[i], emit)
			}
		})
	}
	tables := func(of func(t *detect.TableCount) uint64) func(*Books, emit) {
		return some(func(c *detect.Counters, emit emit) {
			emit(of(&c.Standing), "alerts", c.Standing.Name)
			for i := range c.Detectors {
				d := &c.Detectors[i]
				for j := range d.Tables {
					emit(of(&d.Tables[j]), d.Name, d.Tables[j].Name)
				}
			}
		})
	}
	table := []string{"detector", "table"}
	return []Metric{
		{Name: "weir_judged_flows_total",
			Help: "Flow records that detectors have judged.",
			read: some(func(c *detect.Counters, emit emit) { emit(c.Flows) })},
		{Name: "weir_judged_windows_total",
			Help: "Windows that detectors have judged.",
			read: some(func(c *detect.Counters, emit emit) { emit(c.Windows) })},
		{Name: "weir_alerts_total", Labels: []string{"detector", "severity"},
			Help: "Alerts given to the outputs.",
			read: each(func(d *detect.DetectorCount, emit emit) {
				emit(d.Severities.Info, d.Name, detect.Informational.String())
				emit(d.Severities.Low, d.Name, detect.Low.String())
				emit(d.Severities.Medium, d.Name, detect.Medium.String())
				emit(d.Severities.High, d.Name, detect.High.String())
			})},
		{Name: "weir_alerts_withheld_total", Labels: []string{"detector", "reason"},
			Help: "Alerts that only raised the count of one that stands (repeated), and those beyond 4096 of a second (capped).",
			read: each(func(d *detect.DetectorCount, emit emit) {
				emit(d.Repeated, d.Name, "repeated")
				emit(d.Capped, d.Name, "capped")
			})},
		{Name: "weir_detect_table_entries", gauge: true, Labels: table,
			Help: "What a detector's table remembers now; detector alerts is that of alerts that stand.",
			read: tables(func(t *detect.TableCount) uint64 { return uint64(t.Entries) })},
		{Name: "weir_detect_table_capacity_entries", gauge: true, Labels: table,
			Help: "What it may remember at most.",
			read: tables(func(t *detect.TableCount) uint64 { return uint64(t.Cap) })},
		{Name: "weir_detect_table_evicted_total", Labels: table,
			Help: "What it has forgotten because it was full.",
			read: tables(func(t *detect.TableCount) uint64 { return t.Evicted })},
		{Name: "weir_detect_table_rejected_total", Labels: table,
			Help: "What it has not taken in because it was full.",
			read: tables(func(t *detect.TableCount) uint64 { return t.Rejected })},
	}
}
