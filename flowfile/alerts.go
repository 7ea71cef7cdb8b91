package flowfile

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/weir-sensor/weir/output"
)

// Alert is an alert that weir wrote, as text: "" where there is no value.
type Alert struct {
	ID            string        `json:"id"`
	Time          string        `json:"time"`
	Detector      string        `json:"detector"`
	Kind          string        `json:"kind"`
	Severity      string        `json:"severity"`
	Status        string        `json:"status"`
	Score         Number        `json:"score"`
	P             Number        `json:"p"`
	Probability   Number        `json:"probability"`
	N             Number        `json:"n"`
	Subject       string        `json:"subject"`
	Role          string        `json:"role"`
	Client        string        `json:"client"`
	Server        string        `json:"server"`
	ServerPort    Number        `json:"server_port"`
	Proto         string        `json:"proto"`
	FlowID        string        `json:"flow_id"`
	WindowStart   string        `json:"window_start"`
	WindowEnd     string        `json:"window_end"`
	Message       string        `json:"message"`
	Count         Number        `json:"count"`
	First         string        `json:"first"`
	Last          string        `json:"last"`
	Reasons       []AlertReason `json:"reasons"`
	Evidence      []string      `json:"evidence"` // flow ids
	EvidenceTotal Number        `json:"evidence_total"`
}

// Number is a number as it was written; "" where there is none.
type Number string

// MarshalJSON implements json.Marshaler: null where there is none, and where it is none.
func (n Number) MarshalJSON() ([]byte, error) {
	if _, err := strconv.ParseFloat(string(n), 64); err != nil || !json.Valid([]byte(n)) {
		return []byte("null"), nil
	}
	return []byte(n), nil
}

// AlertReason is one of the numbers behind an alert; nil where there is none.
type AlertReason struct {
	Feature   string   `json:"feature"`
	Value     *float64 `json:"value"`
	Threshold *float64 `json:"threshold"`
	Baseline  *float64 `json:"baseline"`
}

// alertFile is the form of the names of files of alerts.
var alertFile = regexp.MustCompile(`^alerts(-[0-9TZ_]+)?\.(ndjson|csv|parquet)(\.gz|\.zst)?$`)

// ReadAlerts returns the alerts of a directory's alerts.* and alerts-TIME.* but for LeftOut, in the order of the files' names. Rows that cannot
// be read, and ends of files that are missing, are left out and named in unread. It is an error where there is no such file.
func ReadAlerts(dir string) (alerts []Alert, unread []string, err error) {
	names, _, err := listDir(dir)
	if err != nil {
		return nil, nil, fmt.Errorf("read alerts: %w", err)
	}
	files := 0
	for _, name := range names {
		if !alertFile.MatchString(name) {
			continue
		}
		files++
		var problem string
		if alerts, problem, err = readAlerts(filepath.Join(dir, name), alerts); err != nil {
			return nil, nil, err
		}
		if problem != "" {
			unread = append(unread, problem)
		}
	}
	if files == 0 {
		return nil, nil, fmt.Errorf("%s holds no alerts.* and no alerts-TIME.*; weir writes them with --detect and --out", dir)
	}
	return alerts, unread, nil
}

// alertLayout is the layout of alerts, as far as reading files needs one.
func alertLayout() *layout {
	l := &layout{name: "weir"}
	for _, c := range output.AlertColumns() {
		l.columns = append(l.columns, c.Name)
	}
	l.needed = []int{slices.Index(l.columns, "id"), slices.Index(l.columns, "detector")}
	return l
}

// readAlerts appends a file's alerts, and says what of it cannot be read; "": nothing.
func readAlerts(name string, alerts []Alert) (all []Alert, unread string, err error) {
	var read atomic.Int64
	f, err := openFile(name, Options{}, &read, []*layout{alertLayout()})
	if not, ok := err.(*NotFlowsError); ok {
		if not.Found == emptyFile {
			return alerts, "", nil
		}
		return nil, "", fmt.Errorf("read alerts: %s: %s", name, not.Found)
	} else if err != nil {
		return nil, "", err
	}
	defer f.in.Close()
	cells, bad := make([]cell, len(f.columns)), 0
	for {
		fault, err := f.read(cells)
		switch {
		case err == io.ErrUnexpectedEOF || err == errCut:
			return alerts, fmt.Sprintf("%s ends in the middle of a row, %d rows before that cannot be read", name, bad), nil
		case isEOF(err) && bad > 0:
			return alerts, fmt.Sprintf("%s: %d rows cannot be read", name, bad), nil
		case isEOF(err):
			return alerts, "", nil
		case err != nil:
			return nil, "", fmt.Errorf("read alerts: %s: %w", name, err)
		case fault.want != "":
			bad++
		default:
			alerts = append(alerts, alertOf(f.columns, cells))
		}
	}
}

// alertOf makes an alert of a row's cells.
func alertOf(columns []string, cells []cell) (a Alert) {
	fields := map[string]*string{"id": &a.ID, "time": &a.Time, "detector": &a.Detector, "kind": &a.Kind, "severity": &a.Severity,
		"status": &a.Status, "score": (*string)(&a.Score), "p": (*string)(&a.P), "probability": (*string)(&a.Probability), "n": (*string)(&a.N), "subject": &a.Subject,
		"role": &a.Role, "client": &a.Client, "server": &a.Server, "server_port": (*string)(&a.ServerPort), "proto": &a.Proto,
		"flow_id": &a.FlowID, "window_start": &a.WindowStart, "window_end": &a.WindowEnd, "message": &a.Message,
		"count": (*string)(&a.Count), "first": &a.First, "last": &a.Last, "evidence_total": (*string)(&a.EvidenceTotal)}
	a.Evidence, a.Reasons = []string{}, []AlertReason{}
	for i, name := range columns {
		c := &cells[i]
		switch to := fields[name]; {
		case name == "evidence":
			a.Evidence = append(a.Evidence, strings.FieldsFunc(c.string(), func(r rune) bool { return !strings.ContainsRune("0123456789abcdef", r) })...)
		case name == "reasons":
			_ = json.Unmarshal(c.text, &a.Reasons) // what cannot be read is not shown
		case to != nil && c.kind == stamp: // as CSV and JSON have it
			*to = time.Unix(0, c.whole).UTC().Format("2006-01-02T15:04:05.000000000Z")
		case to != nil:
			*to = c.string()
		}
	}
	return a
}
