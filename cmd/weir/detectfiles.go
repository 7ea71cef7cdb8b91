package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/weir-sensor/weir/config"
	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/detect/detectors"
	"github.com/weir-sensor/weir/flowfile"
	"github.com/weir-sensor/weir/output"
	"github.com/weir-sensor/weir/output/summary"
	"github.com/weir-sensor/weir/report/build"
)

const detectHelp = `detect runs the detectors over flow records that were made before, by weir or by somebody else: weir's NDJSON, CSV and
Parquet, Argus binetflow, Zeek's conn.log (TSV or JSON), netflow CSV, tables of volumes; plain, gzip or zstd. The format is
recognised by the content. Paths are files, directories (their flows.*, flows-TIME.*, conn.log and *.binetflow) and -
(standard input). docs/FLOWFILES.md says what is read of each format, and what it lacks.

Without --out and --stdout it prints a summary of the alerts.`

// detectFiles is one run of the command.
type detectFiles struct {
	*app
	log    *slog.Logger
	config config.Config
	out    string
	stdout string
	strict bool
	report string // a directory

	build  *build.Builder // for report; nil without
	found  findings
	dir    *output.Dir     // for out; nil without
	alerts output.AlertTee // where they go
	worst  *summary.Alerts // nil where there is no summary
	by     judgedBy
}

func newDetect(a *app) *cobra.Command {
	d := &detectFiles{app: a}
	cmd := &cobra.Command{
		Use:   "detect PATH...",
		Short: "Run the detectors over flow records",
		Long:  detectHelp,
		Example: `  weir detect conn.log
  weir detect --detect=scan,beacon --out found records/
  zcat capture.binetflow.gz | weir detect --stdout alerts - | jq .message`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("no flow records given; usage: %s", cmd.UseLine())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			loaded, err := a.load(cmd)
			if err != nil {
				return err
			}
			d.config, d.log = loaded.Config, a.logger(loaded.Config)
			if err := someDetectors(&d.config); err != nil {
				return err
			}
			switch {
			case cmd.Flags().Changed("stdout") && d.stdout != "alerts":
				return usagef("--stdout: got %q, want alerts", d.stdout)
			case d.out == "" && cmd.Flags().Changed("out"):
				return usagef("--out: got an empty name, want a directory")
			case d.out == "" && d.stdout == "" && cmd.Flags().Changed("format"):
				return usagef("--format: the summary has no records, want --out DIRECTORY or --stdout alerts")
			}
			if err := d.elsewhere(args); err != nil {
				return err
			}
			if d.report == "" && cmd.Flags().Changed("report") {
				return usagef("--report: got an empty name, want a directory")
			} else if d.report != "" {
				if err := reportDir("--report", d.report, d.out); err != nil {
					return err
				}
				d.build = build.New(reportOptions(d.config, d.log, reportTitle, strings.Join(args, ", ")))
				d.build.Remember()
				d.alerts.Add(d.build)
			}
			return d.run(cmd.Context(), args)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&d.out, "out", "", "Write alerts, the rankings of hosts and flows, the table of ports, ledger.json and manifest.json into this `directory`")
	flags.StringVar(&d.stdout, "stdout", "", "Stream `records` (alerts) to standard output")
	flags.StringVar(&d.report, "report", "", "Write a report, as weir report does, into this `directory`")
	flags.BoolVar(&d.strict, "strict", false, "Exit with status 1 where a file is cut short or a row cannot be read")
	configFlag(flags, "format", "output.format")
	detectFlag(flags)
	return cmd
}

// elsewhere returns a usage error where --out is a directory of the records, or another run's, whose ledger and manifest would
// be replaced.
func (d *detectFiles) elsewhere(paths []string) error {
	for _, path := range paths {
		if d.out != "" && isDir(path) && sameDir(d.out, path) {
			return usagef("--out: got %s, where the records are, want another directory", d.out)
		}
	}
	return ownDir(d.out, "detect")
}

func (d *detectFiles) run(ctx context.Context, paths []string) (err error) {
	src, err := flowfile.Open(paths, flowfile.Options{Stdin: d.stdin, Hash: d.out != ""})
	if errors.Is(err, fs.ErrNotExist) {
		return usageError{err}
	} else if err != nil {
		return err
	}
	defer src.Close()
	made, err := detectors.New(d.config.Detect, d.config.Window)
	if err != nil {
		return usageError{err}
	}
	for _, path := range paths {
		if left := staleTables(path); left != "" {
			d.log.Warn("not read of " + left)
		}
	}
	if d.out != "" {
		if d.dir, err = output.OpenDir(d.out); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, d.dir.Close()) }()
	}
	if err := d.open(); err != nil {
		return err
	}
	engine := detect.NewEngine(d.config.Detect.Config, made, &d.alerts)
	warnLists(d.log, d.config, engine)
	if d.by, err = judges(d.config, engine); err != nil {
		return err
	}
	order := detect.NewOrder(d.config.Detect.Config, engine)
	stopProgress := startProgress(d.stderr, src, "detect")
	err = d.judgeAll(ctx, src, order)
	stopProgress()
	if err == nil {
		err = order.Close()
	}
	to := outputs{flows: output.NewTee(), alerts: &d.alerts}
	if err != nil {
		return errors.Join(err, to.abort())
	}
	if err := to.close(); err != nil {
		return err
	}
	d.found = gather(engine)
	stats := src.Stats()
	warnNeeds(d.log, made, &stats)
	return d.finish(ctx, stats, detectLedger{Order: order.Counters(), Detect: engine.Counters()})
}

// judgeAll has all flows judged, until a signal comes.
func (d *detectFiles) judgeAll(ctx context.Context, src *flowfile.Reader, order *detect.Order) error {
	for b := (flowfile.Batch{}); ctx.Err() == nil; {
		if err := src.Read(&b); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		for i := range b.Flows {
			if d.build != nil {
				d.build.Flow(&b.Flows[i])
			}
		}
		if err := order.Judge(b.Flows); err != nil {
			return err
		}
	}
	return nil
}

// open makes the sinks that were asked for.
func (d *detectFiles) open() error {
	format, err := output.ParseFormat(d.config.Output.Format)
	if err != nil {
		return usageError{err}
	}
	if d.out != "" {
		file, err := d.dir.Create("alerts." + format.String())
		if err != nil {
			return err
		}
		d.alerts.Add(output.NewAlerts(file, format, programVersion()))
	}
	if d.stdout != "" {
		d.alerts.Add(output.NewAlerts(output.NewStream(d.app.stdout, "standard output"), format, programVersion()))
	} else {
		d.worst = summary.NewAlerts()
		d.alerts.Add(d.worst)
	}
	return nil
}

// detectLedger is ledger.json: what became of each row. Rows is the sum of Unreadable, NotIP and Order.In.
type detectLedger struct {
	Rows       int64                `json:"rows"`
	Unreadable int64                `json:"unreadable"`
	NotIP      int64                `json:"not_ip"`
	Bad        []string             `json:"unreadable_rows"` // the first of them
	Order      detect.OrderCounters `json:"order"`
	Detect     detect.Counters      `json:"detect"`
}

// finish says what was found and wrong, and writes what goes with the alerts.
func (d *detectFiles) finish(ctx context.Context, stats flowfile.Stats, l detectLedger) error {
	l.Rows, l.Unreadable, l.NotIP, l.Bad = stats.Rows, stats.Unreadable, stats.NotIP, []string{}
	if l.Rows != l.Unreadable+l.NotIP+int64(l.Order.In) || l.Order.In != l.Order.Judged+l.Order.Late {
		panic("bug: rows do not add up")
	}
	cuts := 0
	for _, f := range stats.Files {
		if f.Cut != "" {
			d.log.Warn("flow records end early; everything before was judged", "file", f.Name, "why", f.Cut)
			cuts++
		} else if f.Rows == 0 && f.Format == "weir ndjson" { // not even a header
			d.log.Warn("flow records are an empty file", "file", f.Name)
		}
	}
	for _, b := range stats.Bad {
		d.log.Warn("row cannot be read", "file", b.File, "line", b.Line, "why", b.Why)
		l.Bad = append(l.Bad, b.String())
	}
	if l.Order.Late > 0 {
		d.log.Warn("flows came too late and were not judged; detect.reorder holds more of them", "late", l.Order.Late)
	}
	if ctx.Err() != nil {
		d.log.Warn("stopped by a signal; the alerts are complete up to there", "rows", stats.Rows)
	}
	var err error
	if d.dir != nil {
		err = d.writeFiles(stats, l, ctx.Err() == nil)
	}
	if d.build != nil { // also where the files cannot be written, as these are without it
		err = errors.Join(err, fillBooks(d.build, l, d.found.hosts), writeReport(d.report, d.build, d.config))
	}
	if err != nil {
		return err
	}
	if d.worst != nil { // after the files, which somebody may want who does not read to the end
		if err := printFound(d.app.stdout, d.found.hosts, d.worst); err != nil {
			return err
		}
		books := fmt.Sprintf("%d rows read: %d flows judged, %d late, %d unreadable, %d not IP\n", l.Rows, l.Order.Judged, l.Order.Late, l.Unreadable, l.NotIP)
		if err := d.print([]byte(books)); err != nil {
			return err
		}
	}
	if d.strict && (cuts > 0 || l.Unreadable > 0) {
		return fmt.Errorf("%d of %d files cut short, %d rows unreadable", cuts, len(stats.Files), l.Unreadable)
	}
	if l.Rows > 0 && l.Unreadable == l.Rows {
		return fmt.Errorf("read flows: none of the %d rows can be read", l.Rows)
	}
	return nil
}

// detectManifest says what a run was made from, as manifest does.
type detectManifest struct {
	Version  string         `json:"version"`
	Commit   string         `json:"commit,omitempty"`
	Complete bool           `json:"complete"`
	Inputs   []detectInput  `json:"inputs"`
	Outputs  []string       `json:"outputs"`
	Config   manifestConfig `json:"config"`
	judgedBy
}

type detectInput struct {
	Name        string `json:"name"`
	Size        int64  `json:"size"` // bytes on disk; -1 where not known
	XXH3        string `json:"xxh3"` // as in manifestInput
	Format      string `json:"format"`
	Compression string `json:"compression"`
	Rows        int64  `json:"rows"`
	Cut         string `json:"cut,omitempty"`
}

func (d *detectFiles) writeFiles(stats flowfile.Stats, l detectLedger, complete bool) error {
	format, err := output.ParseFormat(d.config.Output.Format)
	if err != nil {
		return usageError{err}
	}
	if err := d.found.write(format, d.dir.Create); err != nil {
		return err
	}
	info, _ := debug.ReadBuildInfo()
	m := detectManifest{Complete: complete, Inputs: []detectInput{}, Outputs: append(slices.Clone(d.dir.Names()), "ledger.json")}
	m.Version, m.Commit = identity(version, commit, info)
	for _, f := range stats.Files {
		m.Inputs = append(m.Inputs, detectInput{f.Name, f.Size, f.XXH3, f.Format, f.Compression, f.Rows, f.Cut})
	}
	m.Config, m.judgedBy = describeConfig(d.config), d.by
	for _, file := range []struct {
		name string
		v    any
	}{{"ledger.json", l}, {"manifest.json", m}} {
		target, err := d.dir.Create(file.name)
		if err != nil {
			return err
		}
		if err := output.WriteJSON(target, file.v); err != nil {
			return err
		}
	}
	if err := d.dir.Complete(); err != nil {
		return err
	}
	warnOlder(d.log, d.dir, "alerts", "hosts", "scored_flows", "ports")
	return nil
}

// describeConfig returns the part of a manifest that tells the configuration, without what has no say in the records.
func describeConfig(c config.Config) manifestConfig {
	format := c.Output.Format
	c.Sensor, c.Output, c.Log = config.Default().Sensor, config.Default().Output, config.Default().Log
	c.Output.Format = format
	text := string(config.YAML(c))
	sum := sha256.Sum256([]byte(text))
	return manifestConfig{YAML: text, SHA256: hex.EncodeToString(sum[:])}
}
