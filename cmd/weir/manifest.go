package main

import (
	"log/slog"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/weir-sensor/weir/capture/pcapfile"
	"github.com/weir-sensor/weir/config"
	"github.com/weir-sensor/weir/output"
	"github.com/weir-sensor/weir/sensor"
)

// manifest says what a run was made from: the same manifest means the same records. It leaves out what does not
// change them, such as the number of shards, unless a table was full.
type manifest struct {
	Version    string           `json:"version"`              // of the program
	Commit     string           `json:"commit,omitempty"`     // it was built from
	Complete   bool             `json:"complete"`             // false: an error stopped the run, a signal a replay, or a live run goes on or was killed
	Began      string           `json:"began,omitempty"`      // a live run, by the clock of the machine; as in its ledger files
	Inputs     []manifestInput  `json:"inputs"`               // in the order in which they were read
	Interfaces []string         `json:"interfaces,omitempty"` // of a live run, which has no inputs
	Labels     []manifestLabels `json:"labels,omitempty"`     // as --labels named them
	Shift      *manifestShift   `json:"shift,omitempty"`      // with --shift-to
	Outputs    []string         `json:"outputs"`              // files of this run beside this one; others there are older
	Config     manifestConfig   `json:"config"`
	Full       *manifestTable   `json:"table_full,omitempty"` // only where a table had to forget
	judgedBy
}

type manifestInput struct {
	Name        string `json:"name"`
	Size        int64  `json:"size"` // bytes on disk; -1 where not known
	XXH3        string `json:"xxh3"` // XXH3, 128 bits, of the bytes on disk; as xxhsum -H2 prints it
	Format      string `json:"format"`
	Compression string `json:"compression"`
	Frames      int64  `json:"frames"`
	Cut         string `json:"cut,omitempty"` // why and where it ended early
}

type manifestConfig struct {
	SHA256 string `json:"sha256"` // of yaml
	YAML   string `json:"yaml"`   // the keys that have no say in the records (sensor, output but for format, log) at their defaults
}

type manifestTable struct {
	Evicted   uint64 `json:"evicted"`             // flows
	Fragments uint64 `json:"forgotten_fragments"` // first fragments
	Payloads  uint64 `json:"given_up_payloads"`   // first ones of flows
	Pairs     uint64 `json:"pairs_evicted"`       // of windows
	Shards    int    `json:"shards"`              // each forgot for itself
}

func newManifest(c config.Config, stats pcapfile.Stats, ledger *sensor.Ledger, outputs []string, complete bool) *manifest {
	info, _ := debug.ReadBuildInfo()
	m := &manifest{Complete: complete, Inputs: []manifestInput{}, Outputs: outputs}
	m.Version, m.Commit = identity(version, commit, info)
	cuts := map[string]string{}
	for _, cut := range stats.Cuts {
		cuts[cut.File] = cut.String()
	}
	for _, f := range stats.Files {
		m.Inputs = append(m.Inputs, manifestInput{
			Name: f.Name, Size: f.Size, XXH3: f.XXH3, Format: f.Format, Compression: f.Compression, Frames: f.Frames, Cut: cuts[f.Name],
		})
	}
	shards := c.Sensor.Goroutines()
	m.Config = describeConfig(c)
	full := manifestTable{Evicted: ledger.Flows.Written["evicted"], Fragments: ledger.ForgottenFragments,
		Payloads: ledger.Flows.GivenUpPayloads, Shards: shards}
	if ledger.Windows != nil {
		full.Pairs = ledger.Windows.PairsEvicted
	}
	if full != (manifestTable{Shards: shards}) {
		m.Full = &full
	}
	return m
}

// manifest is that of a live run, whose input is the wire.
func (l *live) manifest(ledger *sensor.Ledger, complete bool) *manifest {
	m := newManifest(l.config, pcapfile.Stats{}, ledger, nil, complete)
	m.Began, m.Interfaces, m.judgedBy = stamp(l.began), l.ifaces, l.by
	return m
}

// keepManifest writes the manifest beside the files of a live run. It is there from the beginning, since a run may be killed.
func (l *live) keepManifest(to *liveSinks, ledger *sensor.Ledger, complete bool) error {
	if to.dir == nil {
		return nil
	}
	m := l.manifest(ledger, complete)
	m.Outputs = to.files()
	file, err := output.CreateSynced(filepath.Join(l.out, "manifest.json"))
	if err != nil {
		return err
	}
	return output.WriteJSON(file, m)
}

// renewManifest writes the manifest of a run that goes on with other settings, lists or models.
func (l *live) renewManifest(run *sensor.Live, to *liveSinks) {
	ledger := run.Ledger()
	if err := l.keepManifest(to, &ledger, false); err != nil {
		l.log.Warn("the manifest is not kept", "problem", err)
	}
}

// files returns patterns of the names of the files that a run writes.
func (to *liveSinks) files() []string {
	names := []string{"ledger-*.ndjson"}
	for queue, name := range map[string]string{flowFiles: "flows", windowFiles: "windows", alertFiles: "alerts", aggregateFiles: "aggregates", stepFiles: "steps"} {
		if to.queues[queue] != nil {
			names = append(names, name+"-*."+to.format.String())
		}
	}
	for _, name := range to.tables {
		names = append(names, name+"."+output.NDJSON.String())
	}
	slices.Sort(names)
	return append(names, "ledger.json")
}

// warnOlder warns of files of these records that an earlier run has left beside those of this one.
func warnOlder(log *slog.Logger, dir *output.Dir, records ...string) {
	if older := dir.Older(records...); len(older) > 0 {
		log.Warn("the directory also holds files of an earlier run, which weir leaves out, for manifest.json does not name them; others may take them for this run's", "files", strings.Join(older, ","))
	}
}
