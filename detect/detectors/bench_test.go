package detectors_test

import (
	"os"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/weir-sensor/weir/capture/pcapfile"
	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/detect/detectors"
	"github.com/weir-sensor/weir/features"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/sensor"
)

// BenchmarkDetectors says what each detector, and all default ones together, cost per flow record of the capture that
// WEIR_CAPTURE names, or of the demo's.
func BenchmarkDetectors(b *testing.B) {
	path := os.Getenv("WEIR_CAPTURE")
	if path == "" {
		path = "../../testdata/demo.pcap.gz"
	}
	src, err := pcapfile.Open([]string{path}, pcapfile.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer src.Close()
	all := &keep{}
	opt := sensor.Options{Config: sensor.Config{Shards: 1, Batch: 1000}, Flow: flowtable.DefaultConfig()}
	if _, err := sensor.Run(b.Context(), src, all, opt); err != nil {
		b.Fatal(err)
	}
	end := slices.MaxFunc(all.records, func(a, b flowtable.Record) int { return int(a.End - b.End) }).End
	for _, names := range slices.Concat(detectors.Names(), []string{detectors.Default}) {
		b.Run(names, func(b *testing.B) {
			before := cpu(b)
			for b.Loop() {
				cfg := detectors.DefaultConfig()
				cfg.Detectors = []string{names}
				made, err := detectors.New(cfg, features.DefaultConfig())
				if err != nil {
					b.Fatal(err)
				}
				e := detect.NewEngine(cfg.Config, made, &lastAlerts{place: map[string]int{}})
				e.End(end)
				for group := range slices.Chunk(all.records, 1024) {
					e.Flows(group)
					if last := group[len(group)-1].Written; last <= flowtable.MaxClock {
						e.Advance(last)
					} else {
						e.Advance(flowtable.MaxClock + 1)
					}
				}
				if err := e.Close(); err != nil {
					b.Fatal(err)
				}
			}
			flows := float64(b.N) * float64(len(all.records))
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/flows, "ns/flow")
			b.ReportMetric(float64(cpu(b)-before)/flows, "cpu-ns/flow")
		})
	}
}

// cpu returns the CPU time that the process has spent outside of the kernel.
func cpu(b *testing.B) time.Duration {
	var spent unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &spent); err != nil {
		b.Fatal(err)
	}
	return time.Duration(spent.Utime.Nano())
}

// keep is a sink that keeps all records.
type keep struct {
	forget
	records []flowtable.Record
}

func (k *keep) Flows(records []flowtable.Record) error {
	k.records = append(k.records, records...)
	return nil
}
