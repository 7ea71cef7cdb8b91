package corpustest

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/weir-sensor/weir/capture"
	"github.com/weir-sensor/weir/capture/pcapfile"
	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/research"
	"github.com/weir-sensor/weir/sensor"
)

// Phases returns the phases of a run, each of which was captured by itself. The attacks are in one of them.
func Phases() []string {
	return []string{"core1", "proxies", "apps", "tor", "p2pvpn", "attacks", "core2"}
}

// Replay replays a phase of a run of the corpus, such as dev3, as a sensor at the time would have seen it, and returns with
// which hosts and flows something is wrong. see, where it is not nil, is called with the records that were added to the
// truth last. The test skips where WEIR_SHARED names no corpus.
func Replay(t testing.TB, run, phase string, made []detect.Detector, see func(*research.Truth, []flowtable.Record)) *research.Truth {
	t.Helper()
	shared := os.Getenv("WEIR_SHARED")
	dir := filepath.Join(shared, "corpus", run, phase)
	captures, _ := filepath.Glob(dir + "_*.pcap.gz") // the pattern is right
	files, _ := filepath.Glob(dir + "_*.labels.tsv")
	if shared == "" || len(captures) == 0 || len(files) == 0 {
		t.Skipf("WEIR_SHARED has no corpus/%s", run)
	}
	labels, err := research.LoadLabels(t.Context(), files...)
	if err != nil {
		t.Fatal(err)
	}
	joiner, truth := research.NewJoiner(labels, nil, nil), research.NewTruth(labels, "attack")
	opt := sensor.Options{Config: sensor.Config{Shards: 2, Batch: 1000}, Flow: flowtable.DefaultConfig(),
		Detect: detect.NewEngine(detect.DefaultConfig(), made, nothing{})}
	for _, d := range made {
		if user, ok := d.(detect.FeatureUser); ok {
			opt.Flow.Features = slices.Concat(opt.Flow.Features, user.FlowFeatures())
		}
	}
	slices.Sort(opt.Flow.Features)
	opt.Flow.Features = slices.Compact(opt.Flow.Features)
	opt.LabelFlows = func(records []flowtable.Record) {
		joiner.Flows(records)
		truth.Flows(records)
		if see != nil {
			see(truth, records)
		}
	}
	var sources []capture.Source
	for _, path := range captures {
		src, err := pcapfile.Open([]string{path}, pcapfile.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer src.Close()
		sources = append(sources, src)
	}
	if _, err := sensor.Run(t.Context(), pcapfile.Merge(sources...), nothing{}, opt); err != nil {
		t.Fatal(err)
	}
	return truth
}

// nothing takes records and alerts and forgets them.
type nothing struct{}

func (nothing) Flows([]flowtable.Record) error { return nil }
func (nothing) Alerts([]detect.Alert) error    { return nil }
func (nothing) Flush() error                   { return nil }
func (nothing) Close() error                   { return nil }
func (nothing) Abort() error                   { return nil }
