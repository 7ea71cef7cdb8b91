package build

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"

	"github.com/weir-sensor/weir/features"
	"github.com/weir-sensor/weir/flowfile"
)

// maxLedger is the largest ledger.json that is read, bytes.
const maxLedger = 16 << 20

// ReadDir adds what goes with the flows of a directory of records: ledger.json, alerts.*, hosts.* and windows.*. What is
// missing is no error; what cannot be read is a note in the report. It is called before the flows are added.
func (b *Builder) ReadDir(dir string) error {
	if err := b.readLedger(filepath.Join(dir, "ledger.json")); err != nil {
		b.Note(fmt.Sprintf("What was lost is not known: %s.", err))
	}
	if ofSeveralRuns(dir) {
		b.Note(fmt.Sprintf("%s has records of more than one run: the ledger is that of the last of them, those of the others are in %s.",
			dir, "ledger-TIME.json and ledger-TIME.ndjson"))
	}
	for _, read := range []func(dir string) error{b.readAlerts, b.readHosts, b.readWindows} {
		if err := read(dir); err != nil {
			return err
		}
	}
	return nil
}

// ofSeveralRuns says whether a run has left a manifest in a directory into which another one has written since.
func ofSeveralRuns(dir string) bool {
	entries, _ := os.ReadDir(dir) // whoever reads the rows says why not
	return slices.ContainsFunc(entries, func(e os.DirEntry) bool { return earlierManifest.MatchString(e.Name()) })
}

var earlierManifest = regexp.MustCompile(`^manifest-[0-9TZ_]+\.json$`)

func (b *Builder) readLedger(path string) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxLedger))
	if err != nil {
		return err
	}
	return b.Ledger(text)
}

// rows reads rows of a kind, of so many files, and notes what was wrong with them.
func (b *Builder) rows(dir, kind string, columns []string, visit func(r *flowfile.Row)) (files int, err error) {
	files, unreadable, problems, err := flowfile.ReadRows(dir, kind, columns, visit)
	if unreadable > 0 {
		b.Note(fmt.Sprintf("%d rows of %s could not be read.", unreadable, kind))
	}
	for _, p := range problems {
		b.Note(p + ".")
	}
	return files, err
}

func (b *Builder) readAlerts(dir string) error {
	const (
		alertID = iota
		detector
		kind
		severity
		subject
		server
		port
		proto
		message
		score
		probability
		count
		total
		first
		last
		flows
	)
	columns := []string{"id", "detector", "kind", "severity", "subject", "server", "server_port", "proto", "message", "score", "probability",
		"count", "evidence_total", "first", "last", "evidence"}
	_, err := b.rows(dir, "alerts", columns, func(r *flowfile.Row) {
		a := Alert{ID: r.Text(alertID), Detector: r.Text(detector), Kind: r.Text(kind), Severity: r.Text(severity), Subject: r.Text(subject),
			Server: r.Text(server), Port: r.Number(port), Proto: r.Text(proto), Message: r.Text(message), Score: r.Number(score),
			Probability: r.Number(probability), Count: r.Number(count), Total: r.Number(total), Flows: flowIDs(r.Text(flows))}
		a.First, _ = r.Time(first)
		a.Last, _ = r.Time(last)
		b.Alert(a)
	})
	return err
}

// flowIDs reads ids of flows, 16 hexadecimal digits each, whatever stands between them.
func flowIDs(list string) (ids []uint64) {
	isHex := func(c byte) bool { return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' }
	for i := 0; i < len(list); i++ {
		n := 0
		for i+n < len(list) && isHex(list[i+n]) {
			n++
		}
		if n == 16 {
			id, _ := strconv.ParseUint(list[i:i+16], 16, 64)
			ids = append(ids, id)
		}
		i += n
	}
	return ids
}

// readHosts reads the rankings of a directory's runs: a host is there as it was in the run in which it looked worst.
func (b *Builder) readHosts(dir string) error {
	rows := b.ranking
	columns := []string{"host", "probability", "score", "p", "alerts", "first", "last", "detectors"}
	files, err := b.rows(dir, "hosts", columns, func(r *flowfile.Row) {
		h := Ranked{Host: r.Text(0), Probability: r.Number(1), Score: r.Number(2), P: r.Number(3), Alerts: r.Number(4)}
		h.First, _ = r.Time(5)
		h.Last, _ = r.Time(6)
		var shares []struct {
			Detector string   `json:"detector"`
			Share    *float64 `json:"share"`
		}
		_ = json.Unmarshal([]byte(r.Text(7)), &shares) // what cannot be read is not shown
		for _, s := range shares {
			if s.Share != nil {
				h.Shares = append(h.Shares, Share{s.Detector, *s.Share})
			}
		}
		if rows = append(rows, h); len(rows) >= 2*b.opt.AllRows {
			rows = worstFirst(rows, b.opt.AllRows)
		}
	})
	if b.ranking = worstFirst(rows, b.opt.AllRows); files > 1 {
		b.Note(fmt.Sprintf("%s has the rankings of %d runs: each host is ranked as in the run in which it looked worst.", dir, files))
	}
	return err
}

// readWindows reads windows; the class is that of report.label.
func (b *Builder) readWindows(dir string) error {
	columns := slices.Concat([]string{"client"}, features.Names(), []string{"label_" + b.opt.Label})
	_, err := b.rows(dir, "windows", columns, func(r *flowfile.Row) {
		b.Window(func() string { return r.Text(len(columns) - 1) }, func(feature int) float64 { return r.Number(1 + feature) })
	})
	return err
}
