package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/weir-sensor/weir/config"
	"github.com/weir-sensor/weir/flowfile"
	"github.com/weir-sensor/weir/output"
	"github.com/weir-sensor/weir/packet"
	"github.com/weir-sensor/weir/report"
	"github.com/weir-sensor/weir/report/build"
)

const reportHelp = `report says what happened on a network, on one page: from directories of records that weir replay, live or detect wrote,
from flow records that weir detect reads, or from captures, which go through the same pipeline with detectors and windows.

With -o it writes a directory: report.html (one file that needs nothing else), report.md with its plots, and every table
as CSV. Without, it prints the tables. With --exfiltration, --lateral, --by-country or --by-hour it shows these sections
alone, on the terminal and, with -o, in a file: .html, .md, or text. docs/REPORT.md describes the sections.`

// reporting is one run of the command.
type reporting struct {
	*app
	log    *slog.Logger
	config config.Config
	out    string
	quiet  bool
	ask    bool // for names
	labelling

	exfiltration float64
	lateral      []string
	only         []string // sections; nil: all
}

func newReport(a *app) *cobra.Command {
	r := &reporting{app: a}
	cmd := &cobra.Command{
		Use:   "report PATH...",
		Short: "Say what happened on a network, on one page",
		Long:  reportHelp,
		Example: `  weir report records -o report
  weir report --databases GeoLite2-City.mmdb,GeoLite2-ASN.mmdb capture.pcap -o report
  weir report --exfiltration 90 --by-hour conn.log
  weir report --lateral 192.168.0.0/16 --quiet -o lateral.html records`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("no records and no capture given; usage: %s", cmd.UseLine())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			loaded, err := a.load(cmd)
			if err != nil {
				return err
			}
			r.config, r.log = loaded.Config, a.logger(loaded.Config)
			if err := r.check(cmd, args); err != nil {
				return err
			}
			return r.run(cmd.Context(), args)
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&r.out, "out", "o", "", "Write the report into this `directory`; with some sections alone, a file")
	flags.BoolVarP(&r.quiet, "quiet", "q", false, "Print nothing")
	flags.Float64Var(&r.exfiltration, "exfiltration", 0, "Show bytes out and in, of clients from this `percentile` on (0 to below 100)")
	wants(flags, "exfiltration", "0 to below 100")
	flags.StringSliceVar(&r.lateral, "lateral", nil, "Show hosts inside these `networks` that talk to each other")
	flags.Bool("by-country", false, "Show countries")
	flags.Bool("by-hour", false, "Show hours of the day")
	flags.BoolVar(&r.ask, "resolve", false, "Ask for the names of the hosts that are shown, by reverse DNS")
	flags.StringSliceVar(&r.files, "labels", nil, "Join the labels of these tab-separated `files` to a capture's windows (docs/LABELS.md)")
	configFlag(flags, "databases", "report.databases")
	configFlag(flags, "zone", "report.zone")
	configFlag(flags, "shards", "sensor.shards")
	return cmd
}

// check refuses flags that make no sense, and finds out which sections are wanted.
func (r *reporting) check(cmd *cobra.Command, paths []string) error {
	flags := cmd.Flags()
	r.joined = flags.Changed("labels")
	if !(r.exfiltration >= 0 && r.exfiltration < 100) {
		return usagef("--exfiltration: got %v, want 0 to below 100", r.exfiltration)
	}
	for _, text := range r.lateral {
		if _, err := packet.ParseNetwork(text); err != nil {
			return usagef("--lateral: got %q, want networks such as 192.168.0.0/16", text)
		}
	}
	for _, section := range []struct{ flag, id string }{
		{"exfiltration", "exfiltration"}, {"lateral", "lateral"}, {"by-country", "countries"}, {"by-hour", "hours"},
	} {
		if f := flags.Lookup(section.flag); f.Changed && f.Value.String() != "false" {
			r.only = append(r.only, section.id)
		}
	}
	switch {
	case r.out == "" && flags.Changed("out"):
		return usagef("--out: got an empty name, want a directory")
	case r.quiet && r.out == "":
		return usagef("--quiet: there is nowhere to write to, want -o too")
	case r.only == nil && r.out != "":
		return reportDir("--out", r.out, paths...)
	case r.out != "" && isDir(r.out):
		return usagef("-o: %s is a directory, want a file for some sections alone", r.out)
	case r.out != "":
		probe, err := output.Create(r.out)
		if err != nil {
			return err
		}
		return probe.Abort()
	}
	return nil
}

func (r *reporting) run(ctx context.Context, paths []string) error {
	records, err := areRecords(paths)
	if err != nil {
		return err
	}
	opt := reportOptions(r.config, r.log, reportTitle, strings.Join(paths, ", "))
	opt.Percentile, opt.Sections = r.exfiltration, r.only
	if r.lateral != nil {
		opt.Inside = r.lateral
	}
	if r.ask {
		opt.Names = newResolver().names
	}
	var b *build.Builder
	switch {
	case records && r.joined:
		return usagef("--labels: records have theirs already, want captures")
	case records:
		b = build.New(opt)
		err = r.readRecords(ctx, b, paths)
	default:
		b, err = r.readCaptures(ctx, opt, paths)
	}
	if err != nil {
		return err
	}
	if ctx.Err() != nil {
		r.log.Warn("stopped by a signal; the report is about what was read up to there")
	}
	return r.write(b)
}

// write writes the report where it was asked for.
func (r *reporting) write(b *build.Builder) error {
	if r.only == nil && r.out != "" {
		if err := writeReport(r.out, b, r.config); err != nil || r.quiet {
			return err
		}
		return r.print(fmt.Appendf(nil, "report: %s, %s\n", filepath.Join(r.out, report.PageName), filepath.Join(r.out, report.MarkdownName)))
	}
	made, zone := b.Report(), r.config.Report.Location()
	if !r.quiet {
		if err := report.Terminal(r.app.stdout, made, zone); err != nil {
			return err
		}
	}
	if r.out == "" {
		return nil
	}
	form := report.Terminal
	switch strings.ToLower(filepath.Ext(r.out)) {
	case ".html", ".htm":
		form = report.HTML
	case ".md":
		form = report.Markdown
		for i := range made.Sections {
			made.Sections[i].Plots = nil // they would be files of their own
		}
	}
	file, err := output.Create(r.out)
	if err != nil {
		return err
	}
	if err := form(file, made, zone); err != nil {
		return errors.Join(err, file.Abort())
	}
	return file.Close()
}

// areRecords says whether the paths are flow records rather than captures. All have to be the same.
func areRecords(paths []string) (bool, error) {
	kinds := map[bool]string{}
	for _, path := range paths {
		is, err := isRecords(path)
		if err != nil {
			return false, err
		}
		kinds[is] = path
	}
	if len(kinds) == 2 {
		return false, usagef("got records (%s) and a capture (%s), want one or the other", kinds[true], kinds[false])
	}
	return kinds[true] != "", nil
}

func isRecords(path string) (bool, error) {
	if path == flowfile.Stdin {
		return true, nil
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return false, usageError{fmt.Errorf("open records: %w", err)}
	}
	var not *flowfile.NotFlowsError
	if isDir(path) {
		_, err := flowfile.Files([]string{path})
		if errors.As(err, &not) {
			_, err := os.Stat(filepath.Join(path, "manifest.json")) // weir detect writes no flows
			return err == nil, nil
		}
		return true, err
	}
	src, err := flowfile.Open([]string{path}, flowfile.Options{})
	if errors.As(err, &not) {
		return not.Empty(), nil
	}
	if err != nil {
		return false, err
	}
	return true, src.Close()
}

// readRecords adds the flows that paths name, and what goes with them in directories.
func (r *reporting) readRecords(ctx context.Context, b *build.Builder, paths []string) error {
	for _, path := range paths {
		if isDir(path) {
			if left := staleTables(path); left != "" {
				r.note(b, "not read of "+left)
			}
			if err := b.ReadDir(path); err != nil {
				return err
			}
		}
	}
	for _, path := range paths {
		files, err := flowfile.Files([]string{path})
		var not *flowfile.NotFlowsError
		if errors.As(err, &not) {
			var piped bool
			files, piped = inputsOf(path)
			b.Note(fmt.Sprintf("%s holds no flows; they are those of the %d inputs in its manifest.json that are still there.", path, len(files)))
			if piped {
				b.Note(path + ": " + pipedRecords + ".")
			}
		} else if err != nil {
			return err
		}
		for _, file := range files {
			if err := r.readFile(ctx, b, file, len(files) > 1); err != nil {
				return err
			}
		}
	}
	return nil
}

// inputsOf returns the inputs that a run's manifest names and that can be opened, and whether some came through standard input.
func inputsOf(dir string) (files []string, piped bool) {
	names, piped, _ := manifestInputs(dir)
	for _, name := range names {
		src, err := flowfile.Open([]string{name}, flowfile.Options{})
		if err == nil {
			src.Close()
			files = append(files, name)
		}
	}
	return files, piped
}

// readFile adds a file's flows. One of several that is none is left out, with a note.
func (r *reporting) readFile(ctx context.Context, b *build.Builder, file string, several bool) error {
	src, err := flowfile.Open([]string{file}, flowfile.Options{Stdin: r.stdin})
	var not *flowfile.NotFlowsError
	if errors.As(err, &not) && (several || not.Empty()) {
		if !not.Empty() {
			r.note(b, err.Error())
		}
		return nil
	} else if err != nil {
		return err
	}
	defer src.Close()
	stop := startProgress(r.stderr, src, "report")
	defer stop()
	for batch := (flowfile.Batch{}); ctx.Err() == nil; {
		if err = src.Read(&batch); err != nil {
			break
		}
		for i := range batch.Flows {
			b.Flow(&batch.Flows[i])
		}
	}
	if err != nil && err != io.EOF {
		return err
	}
	stats := src.Stats()
	for _, f := range stats.Files {
		if f.Cut != "" {
			r.note(b, fmt.Sprintf("%s ends early (%s); everything before it counts", f.Name, f.Cut))
		}
	}
	if stats.Unreadable > 0 {
		r.note(b, fmt.Sprintf("%d of %d rows cannot be read, the first: %s", stats.Unreadable, stats.Rows, stats.Bad[0]))
	}
	if stats.Rows > 0 && stats.Unreadable == stats.Rows {
		return fmt.Errorf("read flows: none of the %d rows of %s can be read, the first: %s", stats.Rows, file, stats.Bad[0])
	}
	return nil
}

// note says what is wrong with the input, in the report and in the log.
func (r *reporting) note(b *build.Builder, text string) {
	b.Note(text + ".")
	r.log.Warn(text)
}
