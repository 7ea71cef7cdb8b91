package telemetry

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/weir-sensor/weir/features"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
	"github.com/weir-sensor/weir/sensor"
)

// Metric is one of weir's metrics.
type Metric struct {
	Name   string
	Help   string
	Labels []string

	gauge bool
	unit  float64 // what the values are multiplied by; 0: 1
	read  func(b *Books, emit emit)
}

// emit takes one value of a metric, with the values of its labels.
type emit func(n uint64, labels ...string)

// Type returns what Prometheus calls the metric.
func (m Metric) Type() string {
	if m.gauge {
		return "gauge"
	}
	return "counter"
}

func (m Metric) valueType() prometheus.ValueType {
	if m.gauge {
		return prometheus.GaugeValue
	}
	return prometheus.CounterValue
}

func (m Metric) value(n uint64) float64 {
	if m.unit != 0 {
		return float64(n) * m.unit
	}
	return float64(n)
}

// Table returns all metrics that are read from the books; docs/LIVE.md has them. The caller owns the slice.
func Table() []Metric {
	return slices.Concat(packetMetrics(), captureMetrics(), flowMetrics(), windowMetrics(), detectMetrics(), outputMetrics(), reloadMetrics())
}

// one reads a metric without labels.
func one(of func(l *sensor.Ledger) uint64) func(*Books, emit) {
	return func(b *Books, emit emit) { emit(of(&b.Ledger)) }
}

func packetMetrics() []Metric {
	return []Metric{
		{Name: "weir_packets_total", Labels: []string{"fate"},
			Help: "Packets read, by what became of them.",
			read: func(b *Books, emit emit) {
				l := &b.Ledger
				emit(l.Flow, "flow")
				emit(l.NonIP, "non_ip")
				emit(l.Truncated, "truncated")
				emit(l.MalformedTotal(), "malformed")
				emit(l.Filtered, "filtered")
				emit(l.Duplicate, "duplicate")
				emit(l.Refused, "refused")
			}},
		{Name: "weir_malformed_packets_total", Labels: []string{"reason"},
			Help: "Packets whose headers contradict themselves: those of fate malformed.",
			read: func(b *Books, emit emit) {
				for v := range packet.Verdicts {
					if v.Malformed() {
						emit(b.Ledger.Malformed[v.String()], v.String())
					}
				}
			}},
		{Name: "weir_remarked_packets_total", Labels: []string{"remark"},
			Help: "Packets with something to remark; one packet may have several.",
			read: func(b *Books, emit emit) {
				l := &b.Ledger
				emit(l.Clamped, "clamped")
				emit(l.BadIPChecksum, "bad_ip_checksum")
				emit(l.BadChecksum, "bad_checksum")
				emit(l.Fragments, "fragments")
				emit(l.OrphanedFragments, "orphaned_fragments")
				emit(l.ForgottenFragments, "forgotten_fragments")
				emit(l.Late, "late")
			}},
		{Name: "weir_wire_bytes_total",
			Help: "Original lengths of the frames read.",
			read: one(func(l *sensor.Ledger) uint64 { return l.WireBytes })},
	}
}

func captureMetrics() []Metric {
	rings := func(of func(s *Source) uint64) func(*Books, emit) {
		return func(b *Books, emit emit) {
			for i := range b.Sources {
				s := &b.Sources[i]
				emit(of(s), s.Interface, strconv.Itoa(s.Shard))
			}
		}
	}
	known := func(of func(s *Source) uint64) func(*Books, emit) {
		return func(b *Books, emit emit) {
			for i := range b.Sources {
				if s := &b.Sources[i]; s.Ring > 0 {
					emit(of(s), s.Interface, strconv.Itoa(s.Shard))
				}
			}
		}
	}
	interfaces := func(of func(c *sensor.InterfaceLedger) uint64) func(*Books, emit) {
		return func(b *Books, emit emit) {
			if c := b.Ledger.Capture; c != nil {
				for i := range c.Interfaces {
					emit(of(&c.Interfaces[i]), c.Interfaces[i].Interface)
				}
			}
		}
	}
	ring, iface := []string{"interface", "shard"}, []string{"interface"}
	return []Metric{
		{Name: "weir_capture_received_packets_total", Labels: ring,
			Help: "Packets that the kernel put into the shard's ring.",
			read: rings(func(s *Source) uint64 { return s.Packets })},
		{Name: "weir_capture_dropped_packets_total", Labels: ring,
			Help: "Packets lost because the shard's ring had no room.",
			read: rings(func(s *Source) uint64 { return s.Dropped })},
		{Name: "weir_capture_freezes_total", Labels: ring,
			Help: "How often the shard's ring was full.",
			read: rings(func(s *Source) uint64 { return s.Freezes })},
		{Name: "weir_capture_ring_bytes", gauge: true, Labels: ring,
			Help: "Size of the shard's ring; not with libpcap.",
			read: known(func(s *Source) uint64 { return s.Ring })},
		{Name: "weir_capture_ring_full_bytes", gauge: true, Labels: ring,
			Help: "What waits in the ring to be read now, in whole blocks; not with libpcap.",
			read: known(func(s *Source) uint64 { return s.RingFull })},
		{Name: "weir_capture_ring_peak_bytes", gauge: true, Labels: ring,
			Help: "The most that has waited in the ring since the start; not with libpcap.",
			read: known(func(s *Source) uint64 { return s.RingPeak })},
		{Name: "weir_shard_busy_seconds_total", unit: 1e-9, Labels: []string{"shard"},
			Help: "Time that the shard has spent on packets it had read: its load, near 1 per second where it is about to lose some.",
			read: func(b *Books, emit emit) {
				for i, busy := range b.Busy {
					emit(uint64(busy), strconv.Itoa(i))
				}
			}},
		{Name: "weir_capture_outages_total", Labels: iface,
			Help: "How often the interface went down.",
			read: interfaces(func(c *sensor.InterfaceLedger) uint64 { return c.Outages })},
		{Name: "weir_interface_dropped_packets_total", Labels: iface,
			Help: "rx_dropped of the interface: also packets that were captured and then had nobody else to take them, so not only losses.",
			read: interfaces(func(c *sensor.InterfaceLedger) uint64 { return c.InterfaceDropped })},
		{Name: "weir_interface_backlog_dropped_packets_total", Labels: iface,
			Help: "Of those, at most so many lost before the rings, for which the kernel's queue had no room (net.core.netdev_max_backlog).",
			read: interfaces(func(c *sensor.InterfaceLedger) uint64 { return c.BacklogDropped })},
		{Name: "weir_interface_missed_packets_total", Labels: iface,
			Help: "Packets for which the network card had no room (rx_missed_errors).",
			read: interfaces(func(c *sensor.InterfaceLedger) uint64 { return c.InterfaceMissed })},
		{Name: "weir_interface_overrun_packets_total", Labels: iface,
			Help: "Overruns of the network card's FIFO (rx_fifo_errors).",
			read: interfaces(func(c *sensor.InterfaceLedger) uint64 { return c.InterfaceFIFO })},
	}
}

func flowMetrics() []Metric {
	return []Metric{
		{Name: "weir_flows_opened_total",
			Help: "Flow records begun: the sum of those open and those written.",
			read: one(func(l *sensor.Ledger) uint64 { return l.Flows.Opened })},
		{Name: "weir_flows_open", gauge: true,
			Help: "Flows in the tables now.",
			read: one(func(l *sensor.Ledger) uint64 { return l.Flows.Open })},
		{Name: "weir_flows_written_total", Labels: []string{"end_reason"},
			Help: "Flow records given to the outputs, by why they ended.",
			read: func(b *Books, emit emit) {
				for r := range flowtable.EndReasons {
					emit(b.Ledger.Flows.Written[r.String()], r.String())
				}
			}},
		{Name: "weir_flows_pressed_total",
			Help: "Of the evicted flows: before the table was full, between flow.pressure and flow.max_flows.",
			read: one(func(l *sensor.Ledger) uint64 { return l.Flows.Pressure })},
		{Name: "weir_first_payloads_given_up_total",
			Help: "First payloads given up because flow.max_first_payloads others began.",
			read: one(func(l *sensor.Ledger) uint64 { return l.Flows.GivenUpPayloads })},
	}
}

func windowMetrics() []Metric {
	// Without window.enabled there are none.
	some := func(read func(w *sensor.WindowLedger, emit emit)) func(*Books, emit) {
		return func(b *Books, emit emit) {
			if w := b.Ledger.Windows; w != nil {
				read(w, emit)
			}
		}
	}
	return []Metric{
		{Name: "weir_windows_opened_total",
			Help: "Windows begun: the sum of those open, written and dropped.",
			read: some(func(w *sensor.WindowLedger, emit emit) { emit(w.Opened) })},
		{Name: "weir_windows_open", gauge: true,
			Help: "Windows that are not complete now.",
			read: some(func(w *sensor.WindowLedger, emit emit) { emit(w.Open) })},
		{Name: "weir_windows_written_total",
			Help: "Windows given to the outputs.",
			read: some(func(w *sensor.WindowLedger, emit emit) { emit(w.Written) })},
		{Name: "weir_windows_dropped_total", Labels: []string{"reason"},
			Help: "Windows that were not complete, by why.",
			read: some(func(w *sensor.WindowLedger, emit emit) {
				for _, reason := range features.DropReasonNames {
					emit(w.Dropped[reason], reason)
				}
			})},
		{Name: "weir_window_pairs_evicted_total",
			Help: "Pairs of hosts forgotten because window.max_pairs others came.",
			read: some(func(w *sensor.WindowLedger, emit emit) { emit(w.PairsEvicted) })},
		{Name: "weir_window_packets_total", Labels: []string{"fate"},
			Help: "Packets of fate flow, by what windows made of them.",
			read: some(func(w *sensor.WindowLedger, emit emit) {
				emit(w.Counted, "counted")
				emit(w.NotTCP, "not_tcp")
				emit(w.Fragments, "fragments")
				emit(w.CutHeaders, "cut_headers")
				emit(w.Outside, "outside")
			})},
	}
}

func outputMetrics() []Metric {
	// Outputs are named by the command line.
	return []Metric{
		{Name: "weir_output_offered_records_total", Labels: []string{"output"},
			Help: "Records given to the output: the sum of those waiting, unfinished, written and lost.",
			read: func(b *Books, emit emit) {
				for _, name := range b.outputs() {
					emit(b.Outputs[name].Offered, name)
				}
			}},
		{Name: "weir_output_waiting_records", gauge: true, Labels: []string{"output"},
			Help: "Records in the output's queue now; output.queue is its capacity.",
			read: func(b *Books, emit emit) {
				for _, name := range b.outputs() {
					emit(b.Outputs[name].Waiting, name)
				}
			}},
		{Name: "weir_output_unfinished_records", gauge: true, Labels: []string{"output"},
			Help: "Records in the file that is being written now.",
			read: func(b *Books, emit emit) {
				for _, name := range b.outputs() {
					emit(b.Outputs[name].Open, name)
				}
			}},
		{Name: "weir_output_written_records_total", Labels: []string{"output"},
			Help: "Records in complete files, or given to the stream.",
			read: func(b *Books, emit emit) {
				for _, name := range b.outputs() {
					emit(b.Outputs[name].Written, name)
				}
			}},
		{Name: "weir_output_lost_records_total", Labels: []string{"output", "reason"},
			Help: "Records lost: the queue was full, or what had been taken could not be written (failed).",
			read: func(b *Books, emit emit) {
				for _, name := range b.outputs() {
					emit(b.Outputs[name].Full, name, "full")
					emit(b.Outputs[name].Failed, name, "failed")
				}
			}},
		{Name: "weir_output_files_total", Labels: []string{"output"},
			Help: "Files completed.",
			read: func(b *Books, emit emit) {
				for _, name := range b.outputs() {
					emit(b.Outputs[name].Files, name)
				}
			}},
		{Name: "weir_output_stuck", gauge: true, Labels: []string{"output"},
			Help: "1 while the output takes no records (a full disk, a directory that is not there), else 0.",
			read: func(b *Books, emit emit) {
				for _, name := range b.outputs() {
					var stuck uint64
					if b.Outputs[name].Stuck {
						stuck = 1
					}
					emit(stuck, name)
				}
			}},
	}
}

func reloadMetrics() []Metric {
	seconds := func(t time.Time) uint64 {
		if t.IsZero() {
			return 0
		}
		return uint64(max(0, t.Unix()))
	}
	return []Metric{
		{Name: "weir_reloads_total", Labels: []string{"result"},
			Help: "How often the configuration was read again (SIGHUP); one that failed changed nothing.",
			read: func(b *Books, emit emit) {
				emit(b.Reloads.Succeeded, "succeeded")
				emit(b.Reloads.Failed, "failed")
			}},
		{Name: "weir_last_reload_timestamp_seconds", gauge: true, Labels: []string{"result"},
			Help: "When that was done last, seconds since the Unix epoch; 0: never.",
			read: func(b *Books, emit emit) {
				emit(seconds(b.Reloads.LastSucceeded), "succeeded")
				emit(seconds(b.Reloads.LastFailed), "failed")
			}},
	}
}

// outputs returns the names of the outputs in their order.
func (b *Books) outputs() []string { return slices.Sorted(maps.Keys(b.Outputs)) }
