package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/weir-sensor/weir/capture"
	"github.com/weir-sensor/weir/capture/libpcap"
	"github.com/weir-sensor/weir/capture/pcapfile"
	"github.com/weir-sensor/weir/config"
	"github.com/weir-sensor/weir/output"
	"github.com/weir-sensor/weir/output/summary"
	"github.com/weir-sensor/weir/packet"
	"github.com/weir-sensor/weir/report/build"
	"github.com/weir-sensor/weir/sensor"
)

const replayHelp = `replay reads captures (pcap or pcapng; plain, gzip or zstd) and writes one record for each
bidirectional flow. Paths are files, directories (all captures in them) and - (standard input); they
are read in the order of their first packets, and flows go on from one to the next.

Without --out and --stdout it prints a summary: the ledger, top talkers, top ports, longest flows.`

// replay is one run of the command.
type replay struct {
	*app
	log    *slog.Logger
	loaded *config.Loaded
	paths  []string
	out    string
	stdout string
	strict bool
	report string // a directory
	labelling

	dir   *output.Dir    // for out; nil without
	build *build.Builder // for report; nil without

	by judgedBy // files that the detectors go by
}

func newReplay(a *app) *cobra.Command {
	r := &replay{app: a}
	cmd := &cobra.Command{
		Use:   "replay PATH...",
		Short: "Read captures and write flow records",
		Long:  replayHelp,
		Example: `  weir replay capture.pcap
  weir replay --out records --filter 'host 192.0.2.1' captures/
  weir replay --out records --format parquet --windows --features all capture.pcap
  zcat capture.pcap.gz | weir replay --stdout flows - | jq .client`,
		Args: someCaptures,
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if r.loaded, err = a.load(cmd); err != nil {
				return err
			}
			if cmd.Flags().Changed("stdout") && !slices.Contains(streams, r.stdout) {
				return usagef("--stdout: got %q, want %s", r.stdout, orList(streams))
			}
			if r.out == "" && cmd.Flags().Changed("out") {
				return usagef("--out: got an empty name, want a directory")
			}
			if err := r.nowhere(cmd); err != nil {
				return err
			}
			if err := ownDir(r.out, "replay"); err != nil {
				return err
			}
			r.joined, r.shifted = cmd.Flags().Changed("labels"), cmd.Flags().Changed("shift-to")
			r.paths, r.log = args, a.logger(r.loaded.Config)
			return r.run(cmd.Context())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&r.out, "out", "", "Write flows, windows, alerts, aggregates, ledger.json and manifest.json into this `directory`")
	flags.StringVar(&r.stdout, "stdout", "", "Stream `records` (flows, windows or alerts) to standard output")
	flags.StringVar(&r.report, "report", "", "Write a report, as weir report does, into this `directory`")
	flags.BoolVar(&r.strict, "strict", false, "Exit with status 1 where a capture is cut short or damaged")
	flags.StringSliceVar(&r.files, "labels", nil, "Join the labels of these tab-separated `files` to flows and windows (docs/LABELS.md)")
	flags.StringVar(&r.shiftTo, "shift-to", "", "Move the trace in time: its first packet gets this `time` (RFC 3339, or seconds since the epoch)")
	configFlag(flags, "format", "output.format")
	configFlag(flags, "filter", "capture.filter")
	configFlag(flags, "features", "flow.features")
	configFlag(flags, "windows", "window.enabled")
	configFlag(flags, "aggregates", "aggregate.enabled")
	detectFlag(flags)
	configFlag(flags, "shards", "sensor.shards")
	return cmd
}

// nowhere returns a usage error for a flag about records that go nowhere.
func (r *replay) nowhere(cmd *cobra.Command) error {
	switch {
	case cmd.Flags().Changed("windows") && r.loaded.Config.Window.Enabled && r.out == "" && r.report == "" && r.stdout != "windows":
		return usagef("--windows: there is nowhere to write windows to, want --out DIRECTORY, --report DIRECTORY or --stdout windows")
	case cmd.Flags().Changed("aggregates") && r.loaded.Config.Aggregate.Enabled && r.out == "":
		return usagef("--aggregates: there is nowhere to write them to, want --out DIRECTORY")
	case r.out != "" || r.stdout != "":
		return r.reportable(cmd)
	}
	for _, flag := range []string{"format", "features"} {
		if cmd.Flags().Changed(flag) {
			return usagef("--%s: the summary has no records, want --out DIRECTORY or --stdout flows", flag)
		}
	}
	return r.reportable(cmd)
}

// reportable returns an error where a report was asked for and cannot be written.
func (r *replay) reportable(cmd *cobra.Command) error {
	switch {
	case r.report != "":
		return reportDir("--report", r.report, r.out)
	case cmd.Flags().Changed("report"):
		return usagef("--report: got an empty name, want a directory")
	}
	return nil
}

func (r *replay) run(ctx context.Context) (err error) {
	src, err := openCaptures(r.paths, pcapfile.Options{Stdin: r.stdin, Hash: r.out != ""})
	if err != nil {
		return err
	}
	defer src.Close()
	opt, err := pipeline(r.loaded.Config, src.Links())
	if err != nil {
		return err
	}
	if err := r.labelling.load(ctx); err != nil {
		return err
	}
	defer context.AfterFunc(ctx, src.Interrupt)()
	if r.out != "" {
		if r.dir, err = output.OpenDir(r.out); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, r.dir.Close()) }()
	}
	to, err := r.open(opt.Config.Goroutines())
	if err != nil {
		return err
	}
	opt.Windows, opt.WindowSink = r.loaded.Config.Window, to.windows
	if r.out == "" && r.stdout != "flows" {
		opt.Flow.Features = nil // the summary has none
	}
	if err := judge(r.loaded.Config, to.alerts, &opt); err != nil {
		return errors.Join(err, to.abort())
	}
	warnLists(r.log, r.loaded.Config, opt.Detect)
	if r.by, err = judges(r.loaded.Config, opt.Detect); err != nil {
		return errors.Join(err, to.abort())
	}
	opt.Prompt = r.stdout != ""
	stopProgress := startProgress(r.stderr, captureProgress{src}, "replay")
	ledger, err := sensor.Run(ctx, r.attach(src, &opt), to.flows, opt)
	stopProgress()
	var unread *sensor.ReadError
	if err != nil && (!errors.As(err, &unread) || errors.As(err, new(*pcapfile.NotCaptureError))) {
		return errors.Join(err, to.abort())
	}
	if closeErr := to.close(); closeErr != nil {
		return closeErr
	}
	if bookErr := ledger.Check(); bookErr != nil {
		panic("bug: " + bookErr.Error())
	}
	stats := src.Stats()
	r.warn(ctx, stats, &ledger)
	to.warn(r.log)
	r.tell(r.log, r.loaded.Config.Log.Level)
	finishErr := r.finish(ledger, stats, to, gather(opt.Detect), err == nil && ctx.Err() == nil)
	switch {
	case err != nil || finishErr != nil:
		return errors.Join(err, finishErr)
	case r.strict && len(stats.Cuts) > 0:
		return fmt.Errorf("%d of %d captures cut short or damaged", len(stats.Cuts), len(stats.Files))
	case ledger.Packets > 0 && ledger.Malformed[packet.UnknownLink.String()] == ledger.Packets:
		return fmt.Errorf("read packets: weir reads none of the captures' link types (%s)", links(ledger.UnknownLinks))
	}
	return nil
}

// links lists link types by number, lowest first.
func links(by map[uint16]uint64) string {
	var names []string
	for _, link := range slices.Sorted(maps.Keys(by)) {
		names = append(names, strconv.Itoa(int(link)))
	}
	return strings.Join(names, ", ")
}

// openCaptures opens the captures that paths name. A path that is not there is a usage error.
func openCaptures(paths []string, opt pcapfile.Options) (*pcapfile.Reader, error) {
	src, err := pcapfile.Open(paths, opt)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, usageError{err}
	}
	return src, err
}

// pipeline makes the sensor's options from the configuration. Its error is a usage error: a filter that does not
// compile for one of the link types (Ethernet where none is known beforehand).
func pipeline(c config.Config, links []uint16) (sensor.Options, error) {
	opt := sensor.Options{Config: c.Sensor, Flow: c.Flow, Dedup: c.Capture.Dedup}
	opt.Decode.Checksums = c.Capture.Checksums
	opt.Decode.Tunnels = tunnels(c.Capture)
	if filter := c.Capture.Filter; filter != "" {
		opt.Compile = func(link uint16) (sensor.Matcher, error) { return libpcap.CompileFilter(link, filter) }
		if len(links) == 0 {
			links = []uint16{packet.LinkEthernet}
		}
		for _, link := range links {
			if _, err := opt.Compile(link); err != nil {
				return opt, usagef("capture.filter: %s", oneLine(err))
			}
		}
	}
	return opt, nil
}

func tunnels(c capture.Config) (set packet.Tunnels) {
	for i, name := range packet.TunnelNames {
		for _, wanted := range c.Tunnels {
			if name == wanted {
				set |= 1 << i
			}
		}
	}
	return set
}

// warn says what was wrong with the captures: one line for each thing.
func (r *replay) warn(ctx context.Context, stats pcapfile.Stats, ledger *sensor.Ledger) {
	for _, cut := range stats.Cuts {
		r.log.Warn("capture ends early; everything before was processed", "file", cut.File, "offset", cut.Offset, "why", cut.Why)
	}
	for _, o := range stats.Overlaps {
		r.log.Warn("capture begins before the one in front of it ends; merge them first, for instance with mergecap",
			"file", o.File, "previous", o.Previous)
	}
	for _, s := range stats.Skipped {
		r.log.Info("skipped a file that is no capture", "file", s.File, "found", s.Found)
	}
	for _, link := range slices.Sorted(maps.Keys(ledger.UnknownLinks)) {
		r.log.Warn("weir does not read this link type; its packets are malformed in the ledger",
			"link_type", link, "packets", ledger.UnknownLinks[link])
	}
	if ctx.Err() != nil {
		r.log.Warn("stopped by a signal; the records are complete up to there", "packets", stats.Frames)
	}
}

// finish writes what goes with the records, and the report: where one of the two cannot be written, the other is. The summary
// comes after them, which somebody may want who does not read that to its end.
func (r *replay) finish(ledger sensor.Ledger, stats pcapfile.Stats, to *outputs, found findings, complete bool) error {
	err := r.finishRecords(ledger, stats, found, complete)
	if r.build != nil {
		err = errors.Join(err, fillBooks(r.build, r.withLedger(&ledger), found.hosts), writeReport(r.report, r.build, r.loaded.Config))
	}
	if err != nil {
		return err
	}
	return to.print(r.app.stdout, &ledger, found.hosts)
}

// finishRecords completes the directory of records, if there is one.
func (r *replay) finishRecords(ledger sensor.Ledger, stats pcapfile.Stats, found findings, complete bool) error {
	if r.out == "" {
		return nil
	}
	if err := r.writeJSON("ledger.json", r.withLedger(&ledger)); err != nil {
		return err
	}
	if err := r.writeFindings(&found); err != nil {
		return err
	}
	m := newManifest(r.loaded.Config, stats, &ledger, r.dir.Names(), complete)
	r.describe(m)
	m.judgedBy = r.by
	if err := r.writeJSON("manifest.json", m); err != nil {
		return err
	}
	if err := r.dir.Complete(); err != nil {
		return err
	}
	warnOlder(r.log, r.dir, "flows", "windows", "aggregates", "steps", "alerts", "hosts", "scored_flows", "ports")
	r.log.Info("done", "packets", ledger.Packets, "flows", ledger.Flows.Opened, "out", r.out)
	return nil
}

// writeFindings writes the tables of detectors.
func (r *replay) writeFindings(f *findings) error {
	format, err := output.ParseFormat(r.loaded.Config.Output.Format)
	if err != nil {
		return usageError{err}
	}
	return f.write(format, r.dir.Create)
}

func (r *replay) writeJSON(name string, v any) error {
	file, err := r.dir.Create(name)
	if err != nil {
		return err
	}
	return output.WriteJSON(file, v)
}

func summaryLedger(l *sensor.Ledger) summary.Ledger {
	return summary.Ledger{
		Packets: l.Packets, WireBytes: l.WireBytes, Written: l.Flows.Written,
		Fates: []summary.Count{
			{Name: "flow", N: l.Flow}, {Name: "non_ip", N: l.NonIP}, {Name: "truncated", N: l.Truncated},
			{Name: "malformed", N: l.MalformedTotal()}, {Name: "filtered", N: l.Filtered},
			{Name: "duplicate", N: l.Duplicate}, {Name: "refused", N: l.Refused},
		},
		Remarks: []summary.Count{
			{Name: "bad_checksum", N: l.BadChecksum}, {Name: "bad_ip_checksum", N: l.BadIPChecksum},
			{Name: "fragments", N: l.Fragments}, {Name: "orphaned_fragments", N: l.OrphanedFragments}, {Name: "late", N: l.Late},
		},
	}
}
