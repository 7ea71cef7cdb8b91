package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/weir-sensor/weir/capture"
	"github.com/weir-sensor/weir/capture/shift"
	"github.com/weir-sensor/weir/features"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/output"
	"github.com/weir-sensor/weir/research"
	"github.com/weir-sensor/weir/sensor"
)

// labelling is what replay knows of its records from elsewhere: labels of flows, and when the trace is to begin.
type labelling struct {
	files   []string // of labels
	shiftTo string
	joined  bool // --labels was given
	shifted bool // --shift-to was given; else the trace stays where it is

	labels *research.Labels // nil without --labels
	joiner *research.Joiner // of labels
	to     int64            // shiftTo, ns since the epoch
	source *shift.Source    // nil without --shift-to
}

// load reads what the flags say, all of it before anything is started. Its errors are usage errors, unless ctx is done.
func (l *labelling) load(ctx context.Context) (err error) {
	if l.shifted {
		if l.to, err = parseTime(l.shiftTo); err != nil {
			return err
		}
	}
	if l.joined {
		if len(l.files) == 0 || slices.Contains(l.files, "") {
			return usagef("--labels: got an empty name, want a file of labels")
		}
		if l.labels, err = research.LoadLabels(ctx, l.files...); ctx.Err() != nil {
			return fmt.Errorf("read labels: %w", errStopped)
		}
		if err != nil {
			return usageError{err}
		}
	}
	return nil
}

// errStopped says that a signal has ended what was only beginning.
var errStopped = errors.New("stopped by a signal")

// parseTime reads the time of --shift-to as nanoseconds since the epoch.
func parseTime(text string) (int64, error) {
	if ns, ok := research.ParseEpoch(text); ok {
		return ns, nil
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	low, high := time.Unix(0, flowtable.MinClock).UTC(), time.Unix(0, flowtable.MaxClock).UTC()
	if err != nil || t.Before(low) || t.After(high) {
		return 0, usagef("--shift-to: got %q, want a time from %s to %s such as 2026-01-31T12:00:00Z, or seconds since the epoch",
			text, low.Add(time.Second-1).Format(time.RFC3339), high.Format(time.RFC3339))
	}
	return t.UnixNano(), nil
}

// attach puts itself between the source of a run and its sinks, which are in opt as far as they are windows'.
func (l *labelling) attach(src capture.Source, opt *sensor.Options) capture.Source {
	offset := func() int64 { return 0 }
	if l.shifted {
		l.source = shift.New(src, l.to)
		src, offset = l.source, l.source.Offset
	}
	if l.labels == nil {
		return src
	}
	var windows *features.Config
	if opt.WindowSink != nil {
		windows = &opt.Windows
	}
	l.joiner = research.NewJoiner(l.labels, windows, offset)
	opt.LabelFlows, opt.LabelWindows = l.joiner.Flows, l.joiner.Windows
	return src
}

// columns returns what the labels of flow records and those of windows stand for; nil without labels.
func (l *labelling) columns() (flows, windows *output.Labels) {
	if l.labels == nil {
		return nil, nil
	}
	return l.labels.FlowLabels(), l.labels.WindowLabels()
}

// namedRows is how many rows of a kind are named without --log-level debug.
const namedRows = 10

// tell says what became of the labels' rows and which records got one.
func (l *labelling) tell(log *slog.Logger, level string) {
	if l.joiner == nil {
		return
	}
	r := l.joiner.Report()
	say := log.Info
	if r.Rows.Never == r.Rows.Total {
		say = log.Warn
	}
	say("labels: rows by what matched them", "rows", r.Rows.Total, "once", r.Rows.Once, "parts", r.Rows.Parts,
		"several", r.Rows.Several, "outdone", r.Rows.Outdone, "never", r.Rows.Never)
	log.Info("labels: flow records", "labelled", r.Flows.Labelled, "unlabelled", r.Flows.Unlabelled,
		"swapped", r.Flows.Swapped, "contested", r.Flows.Contested)
	if w := r.Windows; w != nil {
		log.Info("labels: windows", "labelled", w.Labelled, "partial", w.Partial, "ambiguous", w.Ambiguous, "unlabelled", w.Unlabelled)
	}
	most := namedRows
	if level == "debug" {
		most = math.MaxInt
	}
	l.list(log, "labels: rows that several flows matched", research.Several, r.Rows.Several, most)
	l.list(log, "labels: rows that no flow has, for another row matched it better", research.Outdone, r.Rows.Outdone, most)
	l.list(log, "labels: rows that no flow matched", research.Never, r.Rows.Never, most)
}

// list names rows of a fate.
func (l *labelling) list(log *slog.Logger, text string, fate research.Fate, n uint64, most int) {
	if n == 0 {
		return
	}
	where := strings.Join(l.joiner.Places(fate, most), " ")
	if n > uint64(most) {
		where += " ... (--log-level debug names all)"
	}
	log.Info(text, "rows", n, "where", where)
}

// ledger is sensor.Ledger with what goes with it in ledger.json.
type ledger struct {
	*sensor.Ledger
	Labels *research.Report `json:"labels,omitempty"` // nil without labels
}

// withLedger returns the ledger of a run with the labels' part.
func (l *labelling) withLedger(books *sensor.Ledger) ledger {
	if l.joiner == nil {
		return ledger{Ledger: books}
	}
	r := l.joiner.Report()
	return ledger{books, &r}
}

// manifestLabels is one labels file.
type manifestLabels struct {
	Name string `json:"name"`
	Size int64  `json:"size"` // bytes
	XXH3 string `json:"xxh3"` // XXH3, 128 bits, of its bytes
	Rows int    `json:"rows"`
}

// manifestShift says how the trace was moved in time.
type manifestShift struct {
	To     string `json:"to"`     // time of the first packet, RFC 3339
	Offset string `json:"offset"` // seconds that were added to each packet's time
}

// describe adds the labels files and the shift to a manifest.
func (l *labelling) describe(m *manifest) {
	if l.labels != nil {
		for _, f := range l.labels.Files {
			m.Labels = append(m.Labels, manifestLabels{Name: f.Name, Size: f.Size, XXH3: f.XXH3, Rows: f.Rows})
		}
	}
	if l.source != nil {
		m.Shift = &manifestShift{To: time.Unix(0, l.to).UTC().Format(time.RFC3339Nano), Offset: decimalSeconds(l.source.Offset())}
	}
}

// decimalSeconds returns nanoseconds as seconds, exactly.
func decimalSeconds(ns int64) string {
	sign, n := "", uint64(ns)
	if ns < 0 {
		sign, n = "-", -n
	}
	fraction := strconv.FormatUint(1_000_000_000+n%1_000_000_000, 10)[1:]
	return sign + strconv.FormatUint(n/1_000_000_000, 10) + "." + fraction
}
