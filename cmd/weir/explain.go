package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/weir-sensor/weir/flowfile"
	"github.com/weir-sensor/weir/output"
)

const explainHelp = `explain shows an alert of a directory that weir replay, weir live or weir detect has written: what it says, the numbers
behind it, each with its threshold and what is usual, and its flows. The id may be cut as long as only one alert has it.
Flows come from the directory's flows.* or, where there are none, from the files that its manifest.json names.`

func newExplain(a *app) *cobra.Command {
	var format answerFormat
	cmd := &cobra.Command{
		Use:     "explain ALERT-ID DIRECTORY",
		Short:   "Show an alert: its numbers, what is usual, its flows",
		Long:    explainHelp,
		Example: "  weir explain 3f2a91 records",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usagef("got %d arguments, want an alert's id and a directory; usage: %s", len(args), cmd.UseLine())
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if err := format.check(); err != nil {
				return err
			}
			e, err := explain(args[0], args[1])
			if err != nil {
				return err
			}
			if format == "json" {
				return a.printJSON(e)
			}
			return a.print(e.text())
		},
	}
	format.flag(cmd)
	return cmd
}

// explanation is an alert with its flows.
type explanation struct {
	Alert flowfile.Alert  `json:"alert"`
	Flows []explainedFlow `json:"flows"`
	Note  string          `json:"note,omitempty"` // why flows are missing

	Unread []string `json:"unread,omitempty"` // what of the directory's files cannot be read
}

// explainedFlow is a flow record, or one part of it.
type explainedFlow struct {
	ID         string  `json:"flow_id"`
	Start      string  `json:"start"`
	Seconds    float64 `json:"duration"`
	Proto      string  `json:"proto"`
	Client     string  `json:"client"`
	ClientPort uint16  `json:"client_port"`
	Server     string  `json:"server"`
	ServerPort uint16  `json:"server_port"`
	BytesUp    uint64  `json:"bytes_up"`
	BytesDown  uint64  `json:"bytes_down"`
	ConnState  string  `json:"conn_state"`
	History    string  `json:"history"`

	Probability *float64 `json:"probability"` // that something is wrong with it, of scored_flows.*; nil: not calibrated
}

// explain finds an alert by the beginning of its id.
func explain(id, dir string) (*explanation, error) {
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil, usageError{fmt.Errorf("read alerts: %w", err)}
	}
	alerts, unread, err := flowfile.ReadAlerts(dir)
	if left := staleTables(dir); left != "" {
		unread = append(unread, left)
	}
	if err != nil {
		return nil, fmt.Errorf("%w%s", err, butUnread(unread))
	}
	latest := map[string]flowfile.Alert{} // an alert that is written again has the same id
	for _, a := range alerts {
		latest[a.ID] = a
	}
	var found, near []string
	for have := range latest {
		if strings.HasPrefix(have, strings.ToLower(id)) {
			found = append(found, have)
		} else {
			near = append(near, have)
		}
	}
	slices.Sort(found)
	switch {
	case len(latest) == 0:
		return nil, fmt.Errorf("%s holds no alerts%s", dir, butUnread(unread))
	case len(found) == 0:
		return nil, usagef("no alert %q in %s; near it: %s%s", id, dir, strings.Join(nearest(id, near), ", "), butUnread(unread))
	case len(found) > 1:
		return nil, usagef("%d alerts in %s begin with %q, want one of %s", len(found), dir, id, strings.Join(found[:min(len(found), 5)], ", "))
	}
	e := &explanation{Alert: latest[found[0]], Flows: []explainedFlow{}, Unread: unread}
	return e, e.addFlows(dir)
}

// staleTables says which tables of a directory are of no run that a manifest names, and so not read; "": none.
func staleTables(dir string) string {
	names := flowfile.LeftOut(dir)
	if len(names) == 0 {
		return ""
	}
	return fmt.Sprintf("%s: %s, of an earlier run, for manifest.json does not name them", dir, strings.Join(names, ", "))
}

// butUnread says at the end of an error what was not read; "": all was.
func butUnread(unread []string) string {
	if len(unread) == 0 {
		return ""
	}
	return "; " + strings.Join(unread, "; ")
}

// nearest returns the ids that are likest the one that was asked for: those with the longest common beginning.
func nearest(id string, ids []string) []string {
	common := func(other string) (n int) {
		for n < min(len(id), len(other)) && id[n] == other[n] {
			n++
		}
		return n
	}
	slices.SortFunc(ids, func(a, b string) int {
		if d := common(b) - common(a); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	return ids[:min(len(ids), 3)]
}

// addFlows looks the alert's flows up.
func (e *explanation) addFlows(dir string) error {
	want := slices.Clone(e.Alert.Evidence)
	if e.Alert.FlowID != "" && !slices.Contains(want, e.Alert.FlowID) {
		want = append(want, e.Alert.FlowID)
	}
	if len(want) == 0 {
		return nil
	}
	src, err := flowfile.Open([]string{dir}, flowfile.Options{})
	var not *flowfile.NotFlowsError
	if errors.As(err, &not) && not.File == dir {
		src, err = openInputs(dir)
	}
	if err != nil {
		e.Note = "its flows are not here: " + oneLine(err)
		return nil
	}
	defer src.Close()
	const most = 100
	for b := (flowfile.Batch{}); src.Read(&b) == nil && len(e.Flows) < most; {
		for _, f := range b.Flows {
			id := fmt.Sprintf("%016x", f.ID)
			if !slices.Contains(want, id) {
				continue
			}
			e.Flows = append(e.Flows, explainedFlow{ID: id, Start: time.Unix(0, f.Start).UTC().Format(time.RFC3339Nano),
				Seconds: float64(f.End-f.Start) / 1e9, Proto: output.ProtoName(f.Proto),
				Client: f.ClientHost().String(), ClientPort: f.ClientPort, Server: f.ServerHost().String(), ServerPort: f.ServerPort,
				BytesUp: f.Bytes[0], BytesDown: f.Bytes[1], ConnState: f.ConnState.String(), History: string(f.History.Append(nil))})
		}
	}
	if len(e.Flows) == 0 {
		e.Note = "its flows are not among the records"
	}
	return e.addProbabilities(dir)
}

// addProbabilities fills in those of the flows, where the directory has them.
func (e *explanation) addProbabilities(dir string) error {
	all := map[string]float64{}
	_, bad, problems, err := flowfile.ReadRows(dir, "scored_flows", []string{"flow_id", "probability"}, func(r *flowfile.Row) {
		if p := r.Number(1); !math.IsNaN(p) {
			all[r.Text(0)] = p
		}
	})
	if bad > 0 {
		problems = append(problems, fmt.Sprintf("scored_flows: %d rows cannot be read", bad))
	}
	e.Unread = append(e.Unread, problems...)
	for i := range e.Flows {
		if p, known := all[e.Flows[i].ID]; known {
			e.Flows[i].Probability = &p
		}
	}
	return err
}

// openInputs opens the flow records that a run was made from, as its manifest has it.
func openInputs(dir string) (*flowfile.Reader, error) {
	names, piped, err := manifestInputs(dir)
	switch {
	case err != nil:
		return nil, err
	case len(names) == 0 && piped:
		return nil, errors.New(pipedRecords)
	case len(names) == 0:
		return nil, errors.New("its manifest.json names no inputs")
	}
	return flowfile.Open(names, flowfile.Options{})
}

// pipedRecords says why records are nowhere.
const pipedRecords = "the records came through standard input, which nothing keeps"

// manifestInputs returns the names of the files that a run was made from, and whether some of it came through standard input.
func manifestInputs(dir string) (names []string, piped bool, err error) {
	text, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if err != nil {
		return nil, false, err
	}
	var m detectManifest
	if err := json.Unmarshal(text, &m); err != nil {
		return nil, false, fmt.Errorf("read %s: %w", filepath.Join(dir, "manifest.json"), err)
	}
	for _, in := range m.Inputs {
		if in.Name == flowfile.Stdin {
			piped = true
		} else {
			names = append(names, in.Name)
		}
	}
	return names, piped, nil
}

// text returns the explanation for a person.
func (e *explanation) text() []byte {
	var b bytes.Buffer
	a := &e.Alert
	fmt.Fprintf(&b, "%s  %s  %s/%s\n%s\n\n", a.ID, a.Severity, a.Detector, a.Kind, safe(a.Message))
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(t, "  %s\t%s\n", name, safe(value))
		}
	}
	line("about", strings.TrimSpace(a.Subject+" "+a.Role))
	line("client", a.Client)
	line("server", strings.TrimSuffix(a.Server+" port "+string(a.ServerPort), " port "))
	line("protocol", a.Proto)
	line("known at", a.Time)
	line("said", string(a.Count)+" times, first "+a.First+", last "+a.Last)
	if a.WindowStart != "" {
		line("judged", a.WindowStart+" to "+a.WindowEnd)
	}
	line("score", string(a.Score))
	line("p", string(a.P))
	line("probability", string(a.Probability))
	line("sample", string(a.N))
	if a.Status != "ok" {
		line("status", a.Status)
	}
	t.Flush()
	if len(a.Reasons) > 0 {
		fmt.Fprintf(&b, "\nNumbers\n")
		t = tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
		fmt.Fprintf(t, "  feature\tvalue\tthreshold\tusual\n")
		for _, r := range a.Reasons {
			fmt.Fprintf(t, "  %s\t%s\t%s\t%s\n", safe(r.Feature), figure(r.Value), figure(r.Threshold), figure(r.Baseline))
		}
		t.Flush()
	}
	e.flowTable(&b)
	for _, problem := range e.Unread {
		fmt.Fprintf(&b, "\nNot read: %s\n", safe(problem))
	}
	return b.Bytes()
}

func (e *explanation) flowTable(b *bytes.Buffer) {
	total := safe(string(e.Alert.EvidenceTotal))
	switch {
	case e.Note != "":
		fmt.Fprintf(b, "\nFlows: %s of them; %s\n", total, safe(e.Note))
		return
	case len(e.Flows) == 0:
		return
	}
	fmt.Fprintf(b, "\nFlows: %d records of the first %d; there were %s\n", len(e.Flows), len(e.Alert.Evidence), total)
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "  flow_id\tprobability\tstart\tduration\tproto\tclient\tserver\tup\tdown\tstate\thistory\n")
	for _, f := range e.Flows {
		fmt.Fprintf(t, "  %s\t%s\t%s\t%.3f s\t%s\t%s %d\t%s %d\t%d\t%d\t%s\t%s\n", f.ID, figure(f.Probability), f.Start, f.Seconds, f.Proto, f.Client, f.ClientPort,
			f.Server, f.ServerPort, f.BytesUp, f.BytesDown, f.ConnState, f.History)
	}
	t.Flush()
}

// figure returns a number for a person, "-" where there is none.
func figure(v *float64) string {
	if v == nil {
		return "-"
	}
	return strconv.FormatFloat(*v, 'g', 6, 64)
}

// safe returns s with what a terminal would obey, or breaks a line, as a question mark.
func safe(s string) string {
	return strings.Map(func(r rune) rune {
		if !strconv.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}
