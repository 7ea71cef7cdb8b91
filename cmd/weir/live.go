package main

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/weir-sensor/weir/capture"
	"github.com/weir-sensor/weir/config"
	"github.com/weir-sensor/weir/internal/logging"
	"github.com/weir-sensor/weir/internal/privilege"
	"github.com/weir-sensor/weir/output"
	"github.com/weir-sensor/weir/sensor"
)

const liveHelp = `live captures on a network interface and writes one record for each bidirectional flow, as it
ends, until a signal stops it; another one, a second later or more, ends it at once, and open flows
are lost. Root or CAP_NET_RAW is needed. What several interfaces (-i eth0,eth1) carry is put in the
order of its timestamps, as if it were one: a flow may have a direction on each.

With --out, records go into files that rotate (output.rotate.*, docs/OUTPUTS.md). The ledger, with
every packet that was lost and where, is logged each minute, on SIGUSR1 and at the end. SIGHUP reads
the configuration file, lists and models again (docs/LIVE.md).`

// live is one run of the command.
type live struct {
	*app
	cmd    *cobra.Command
	log    *slog.Logger
	level  *slog.LevelVar // of log
	config config.Config  // in force
	ifaces []string
	meters []*meter // of the shards
	engine string
	out    string
	stdout string
	keep   string // --write-pcap
	report string // a directory
	began  time.Time
	lost   capture.Stats // as it was when it was last warned of

	spokeOfDropped bool // the interface's counter that need not mean a loss

	reloads []reloadable
	by      judgedBy     // as it was at the start
	to      *liveSinks   // nil before they are open
	reports *liveReports // nil without --report

	askedReport chan os.Signal // SIGUSR2
}

func newLive(a *app) *cobra.Command {
	l := &live{app: a}
	cmd := &cobra.Command{
		Use:   "live -i INTERFACE...",
		Short: "Capture on network interfaces and write flow records",
		Long:  liveHelp,
		Example: `  weir live -i eth0 --out /var/lib/weir
  weir live -i eth0 --windows --features all --filter 'not port 22' --out records
  weir live -i eth0 -i eth1 --out records
  weir live -i any --engine pcap --stdout flows | jq -r .community_id`,
		Args: atMost(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			loaded, err := a.load(cmd)
			if err != nil {
				return err
			}
			l.cmd, l.config, l.began = cmd, loaded.Config, time.Now()
			l.log, l.level = logging.New(a.stderr, loaded.Config.Log)
			if err := l.check(cmd); err != nil {
				return err
			}
			return l.run(cmd.Context())
		},
	}
	flags := cmd.Flags()
	flags.StringSliceVarP(&l.ifaces, "interface", "i", nil, "Capture on this `interface`; 'weir interfaces' lists them. May be given several times")
	flags.StringVar(&l.engine, "engine", "afpacket", "Capture through `afpacket` or pcap")
	flags.StringVar(&l.out, "out", "", "Write files of flows, windows, alerts and aggregates, manifest.json, and ledger.json at the end, into this `directory`")
	flags.StringVar(&l.stdout, "stdout", "", "Stream `records` (flows, windows or alerts) to standard output")
	flags.StringVar(&l.report, "report", "", "Write reports of the run into this `directory`: at its end, on SIGUSR2 and as often as report.every says")
	flags.StringVar(&l.keep, "write-pcap", "", "Also keep every packet, and what became of it, in this `directory`, for weir parity")
	configFlag(flags, "format", "output.format")
	configFlag(flags, "filter", "capture.filter")
	configFlag(flags, "features", "flow.features")
	configFlag(flags, "windows", "window.enabled")
	configFlag(flags, "aggregates", "aggregate.enabled")
	detectFlag(flags)
	configFlag(flags, "shards", "sensor.shards")
	return cmd
}

// check refuses flags that make no sense.
func (l *live) check(cmd *cobra.Command) error {
	if err := l.checkInterfaces(); err != nil {
		return err
	}
	switch {
	case l.engine != "afpacket" && l.engine != "pcap":
		return usagef("--engine: got %q, want afpacket or pcap", l.engine)
	case cmd.Flags().Changed("stdout") && !slices.Contains(streams, l.stdout):
		return usagef("--stdout: got %q, want %s", l.stdout, orList(streams))
	case l.stdout == "alerts" && !l.config.Detect.Judges():
		return usagef("--stdout alerts without detectors, want --detect too")
	case l.report == "" && cmd.Flags().Changed("report"):
		return usagef("--report: got an empty name, want a directory")
	case l.out == "" && l.stdout == "" && l.keep == "" && l.report == "":
		return usagef("nowhere to write to, want --out DIRECTORY, --stdout flows or --write-pcap DIRECTORY")
	case l.keep != "" && l.keep == l.out:
		return usagef("--write-pcap and --out: got %s twice, want two directories", l.out)
	case l.out != "" && l.stdout == "windows":
		return usagef("--stdout windows with --out: windows go to one place, want --windows for files in %s", l.out)
	case cmd.Flags().Changed("windows") && l.config.Window.Enabled && l.out == "" && l.keep == "" && l.report == "" && l.stdout != "windows":
		return usagef("--windows: there is nowhere to write windows to, want --out DIRECTORY or --stdout windows")
	case cmd.Flags().Changed("aggregates") && l.config.Aggregate.Enabled && l.out == "" && l.keep == "":
		return usagef("--aggregates: there is nowhere to write them to, want --out DIRECTORY")
	case cmd.Flags().Changed("format") && l.out == "" && l.stdout == "":
		return usagef("--format: what --write-pcap keeps is always NDJSON, want --out DIRECTORY or --stdout flows")
	}
	return nil
}

func (l *live) run(ctx context.Context) (err error) {
	asked := askedFor(syscall.SIGUSR1)
	defer signal.Stop(asked)
	l.askedReport = askedFor(syscall.SIGUSR2)
	defer signal.Stop(l.askedReport)
	again := askedFor(syscall.SIGHUP)
	defer signal.Stop(again)
	become, err := privilege.Find(l.config.Privileges)
	if err != nil {
		return usagef("privileges.%w", err)
	}
	reports, err := l.newReports()
	if err != nil {
		return err
	}
	defer reports.end()
	sources, err := l.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeSources(sources)) }()
	if l.wrap != nil {
		for i, src := range sources {
			sources[i] = l.wrap(i, src)
		}
	}
	opt, err := pipeline(l.config, nil)
	if err != nil {
		return err
	}
	opt.Compile = nil // the kernel filters
	opt.Windows = l.config.Window
	alerts := &output.AlertTee{}
	if err := judge(l.config, alertLog{l.log, alerts}, &opt); err != nil {
		return err
	}
	if l.by, err = judges(l.config, opt.Detect); err != nil {
		return err
	}
	warnLists(l.log, l.config, opt.Detect)
	lists := newListWatch(opt.Detect, cmp.Or(l.lookEvery, watchEvery))
	defer lists.look.Stop()
	l.reloads = append(l.reloads, l.configuration(become))
	if lists.detector != nil {
		l.reloads = append(l.reloads, lists.reloadable())
	}
	l.reloads = append(l.reloads, modelReloads(opt.Detect)...)
	if l.keep != "" {
		if err := l.moveKept(); err != nil {
			return err
		}
	}
	if err := l.giveUp(become); err != nil {
		return err
	}
	to, err := l.sinks(&opt, alerts)
	if err != nil {
		return err
	}
	if l.keep != "" {
		if to.kept, err = keep(l.keep, sources, l.config); err != nil {
			return err
		}
		to.kept.join(to, sources, &opt, alerts)
	}
	if l.reports = l.newLiveReports(); l.reports != nil {
		l.reports.join(to, &opt, alerts)
	}
	if err := l.keepManifest(to, &sensor.Ledger{}, false); err != nil {
		return err
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	run := sensor.StartLive(running, sources, to.flows, opt)
	l.log.Info("capturing", "interface", strings.Join(l.ifaces, ","), "engine", l.engine, "shards", len(sources))
	go to.wait(run, ctx.Done(), stop)
	reports.begin(run, sources, l.meters, to.queues)
	minute := l.watch(run, to, reports, lists, asked, again)
	ledger, err := run.Wait()
	err = errors.Join(err, to.end())
	reported := l.reports.end(run)
	return errors.Join(err, l.endLedger(to, &ledger, minute), l.keepFindings(run), l.finish(&ledger, to, err == nil), reported)
}

// giveUp gives up the privileges that only opening the sources took. Whatever is opened later has to be possible for the
// user who is left, and its path to be named here.
func (l *live) giveUp(become *privilege.Identity) error {
	if l.drop == nil {
		return nil
	}
	paths := privilege.Paths{Read: append(l.reloadPaths(), l.reportPaths()...)}
	for _, dir := range []string{l.out, l.keep} {
		if dir != "" {
			paths.Write = append(paths.Write, dir)
		}
	}
	if l.report != "" { // each is a directory
		paths.Nest = append(paths.Nest, l.report)
	}
	if l.engine == "pcap" { // the interface's counters; rings ask the kernel for them over netlink
		paths.Read = append(paths.Read, "/sys/class/net", "/sys/devices")
	}
	if l.config.Telemetry.Listen != "" { // the process's own memory, CPU time, files
		paths.Read = append(paths.Read, "/proc/self")
	}
	_, _ = l.began.Zone() // reads /etc/localtime, for the log, while that can be opened
	done, err := l.drop(l.config.Privileges, become, paths)
	if err != nil {
		return err
	}
	if done.User != "" {
		l.log.Info("became another user", "user", done.User)
		if err := privilege.Readable(l.configFile, become); l.configFile != "" && err != nil {
			l.log.Warn("the configuration cannot be read again, by SIGHUP", "problem", err)
		}
	}
	if done.Missing != "" && l.config.Privileges.Landlock != privilege.Off {
		l.log.Info("files are not restricted", "reason", done.Missing)
	}
	return nil
}

// liveSink is a queue before an output.
type liveSink interface {
	Tick(clock int64, up time.Duration)
	Configure(output.Config)
	Wait(context.Context)
	Status() output.Status
	Shutdown(context.Context) error
}

// liveSinks are the outputs of a run.
type liveSinks struct {
	dir    *output.Dir // nil without files
	flows  output.Sink
	queues map[string]liveSink     // by what is written where
	lost   map[string]uint64       // records, by queue, as it was last said
	lines  *output.LineQueue       // before the ledger files, one of queues; nil without files
	clock  atomic.Int64            // packet time; 0 before there is any
	drain  atomic.Int64            // output.drain, ns
	spare  time.Duration           // of it, what the outputs but the ledger files did not need at the end
	kept   *kept                   // nil without --write-pcap
	format output.Format           // of files
	sums   *output.AggregateQueues // nil: none are wanted
	tables []string                // that detectors fill
}

// sinks opens what was asked for, and lets opt tell the outputs the time.
func (l *live) sinks(opt *sensor.Options, alerts *output.AlertTee) (*liveSinks, error) {
	to := &liveSinks{queues: map[string]liveSink{}, lost: map[string]uint64{}}
	to.drain.Store(int64(l.config.Output.Drain))
	l.to = to
	outputs := output.Live{Config: l.config.Output, Version: programVersion()}
	format, err := output.ParseFormat(l.config.Output.Format)
	if err != nil {
		return nil, usageError{err}
	}
	to.format = format
	of, columns := sinks{format, 1}, output.Columns{Features: l.config.Flow.Groups()}
	var flows []output.Sink
	add := func(name string, q output.FlowQueue) {
		flows, to.queues[name] = append(flows, q), q
	}
	addWindows := func(name string, q output.WindowQueue) {
		opt.WindowSink, to.queues[name] = q, q
	}
	addAlerts := func(name string, q output.AlertQueue) {
		alerts.Add(q)
		to.queues[name] = q
	}
	if l.out != "" {
		if to.dir, err = l.openDir(); err != nil {
			return nil, err
		}
		outputs.Dir = to.dir
		lines := outputs.LineFiles("ledger")
		to.lines, to.queues[ledgerFiles] = &lines, lines
		add(flowFiles, outputs.FlowFiles(columns))
		if l.config.Window.Enabled {
			addWindows(windowFiles, outputs.WindowFiles(l.config.Window, nil))
		}
		if opt.Detect != nil {
			addAlerts(alertFiles, outputs.AlertFiles())
			found := gather(opt.Detect)
			to.tables = found.names()
		}
		if l.config.Aggregate.Enabled {
			to.sums = outputs.AggregateFiles(l.config.Aggregate)
			flows = append(flows, to.sums)
			to.queues[aggregateFiles], to.queues[stepFiles] = to.sums.TupleRows, to.sums.StepRows
		}
	}
	stream := output.NewStream(l.app.stdout, "standard output")
	switch l.stdout {
	case "flows":
		add("flows to standard output", outputs.FlowSink(of.flows(stream, columns)))
	case "windows":
		addWindows("windows to standard output", outputs.WindowSink(of.windows(stream, l.config.Window, nil)))
	case "alerts":
		addAlerts("alerts to standard output", outputs.AlertSink(output.NewAlerts(stream, format, programVersion())))
	}
	to.flows = output.NewTee(flows...)
	opt.Tick = func(clock int64) {
		to.clock.Store(clock)
		up := time.Since(l.began)
		for _, q := range to.queues {
			q.Tick(clock, up)
		}
	}
	return to, nil
}

// openDir opens the directory of files, completes what a run that was killed left in it, and keeps what this run would replace.
func (l *live) openDir() (*output.Dir, error) {
	dir, err := output.OpenDir(l.out)
	if err != nil {
		return nil, err
	}
	left, err := dir.Recover()
	if err == nil {
		err = l.setAside(dir)
	}
	if err != nil {
		return nil, errors.Join(err, dir.Close())
	}
	for _, file := range left {
		l.log.Warn("a run that was killed left a file", withProblem(file.Err, "file", file.Name, "records", file.Records, "cut_bytes", file.Cut)...)
	}
	return dir, nil
}

// deadline is done after output.drain.
func (to *liveSinks) deadline() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), time.Duration(to.drain.Load()))
}

// wait lets the records with which the run ends wait for room in the queues, instead of being lost, for output.drain at most.
// When the end is asked for, it does so before it calls stop, which ends the run: the records come right after.
func (to *liveSinks) wait(run *sensor.Live, asked <-chan struct{}, stop func()) {
	select {
	case <-asked:
	case <-run.Stopping(): // something has failed
	}
	ctx, cancel := to.deadline()
	defer cancel()
	for _, q := range to.queues {
		q.Wait(ctx)
	}
	stop()
	<-run.Done()
}

// end completes the outputs but the ledger files, all at the same time, and waits for output.drain at most: one that is stuck
// takes no time from the others.
func (to *liveSinks) end() error {
	ctx, cancel := to.deadline()
	defer cancel()
	defer func() {
		by, _ := ctx.Deadline()
		to.spare = time.Until(by)
	}()
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(to.queues)), func(name string) bool { return name == ledgerFiles })
	problems := make([]error, len(names), len(names)+1)
	if to.sums != nil { // its queues get the rows that are left, which may be more than fit at a time
		to.sums.TupleRows.Wait(ctx)
		to.sums.StepRows.Wait(ctx)
		problems = append(problems, to.sums.End())
	}
	var ending sync.WaitGroup
	for i, name := range names {
		ending.Go(func() {
			if err := to.queues[name].Shutdown(ctx); !errors.Is(err, output.ErrClosedPipe) {
				problems[i] = err
			}
		})
	}
	ending.Wait()
	return errors.Join(problems...)
}

// askedFor returns where a signal arrives from now on, which would end the program else.
func askedFor(s os.Signal) chan os.Signal {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, s)
	return asked
}

// watch logs the ledger each minute and when it is asked for, and reads the configuration again when that is, until the
// run has ended. It returns the beginning of the minute in which that is.
func (l *live) watch(run *sensor.Live, to *liveSinks, r *reports, lists *listWatch, asked, again <-chan os.Signal) time.Time {
	minute := newMinutes(cmp.Or(l.minute, time.Minute))
	defer minute.end.Stop()
	for {
		ended := false
		select {
		case <-run.Done():
			return minute.begin
		case <-again:
			r.reloading()
			r.reloaded(l.reload(run))
			l.renewManifest(run, to)
			continue
		case <-l.askedReport:
			l.reportNow(run)
			continue
		case <-l.reports.ticks():
			l.reportNow(run)
			continue
		case <-lists.look.C:
			if lists.changed() && lists.reread(l.log) {
				l.by.Changed = true
				l.renewManifest(run, to)
			}
			continue
		case <-asked:
		case <-minute.end.C:
			ended = true
		}
		ledger := run.Ledger()
		l.tell("ledger", &ledger)
		l.warn(&ledger)
		to.warn(l.log)
		if ended {
			if err := l.keepLedger(to, &ledger, minute.begin); err != nil {
				l.log.Warn("the minute's ledger is not kept", "problem", err)
			}
			if err := l.keepFindings(run); err != nil {
				l.log.Warn("the rankings are not kept", "problem", err)
			}
			minute.next()
		}
	}
}

// finish says how the run ended, and writes its ledger and manifest: complete, unless an error stopped it.
func (l *live) finish(ledger *sensor.Ledger, to *liveSinks, complete bool) error {
	if ledger.Capture == nil {
		return nil
	}
	l.warn(ledger)
	l.tell("done", ledger)
	for name, q := range to.queues {
		if s := q.Status(); s.Full+s.Failed > 0 {
			l.log.Warn("records were lost in all", withProblem(s.Problem, "output", name, "queue_full", s.Full, "not_written", s.Failed)...)
		}
	}
	if to.sums != nil {
		warnSums(l.log, to.sums.Counts())
	}
	if err := ledger.Check(); err != nil {
		panic("bug: " + err.Error())
	}
	var problems []error
	if to.kept != nil {
		problems = append(problems, to.kept.end(ledger, l.manifest(ledger, complete)))
	}
	if to.dir != nil {
		file, err := output.CreateSynced(filepath.Join(l.out, "ledger.json"))
		if err == nil {
			err = output.WriteJSON(file, liveLedger{ledger, to.books()})
		}
		problems = append(problems, err, l.keepManifest(to, ledger, complete), to.dir.Close())
	}
	return errors.Join(problems...)
}
