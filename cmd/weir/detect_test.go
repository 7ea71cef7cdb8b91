package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// What the labels of the demo capture call attacks is found, with any number of shards, by alerts and a ranking that are the
// same bytes; every line is what the schema says.
func TestReplayDetect(t *testing.T) {
	dirs := []string{t.TempDir(), t.TempDir()}
	for i, shards := range []string{"1", "4"} {
		if status, _, stderr := command(t, nil, "replay", "--detect", "--shards", shards, "--out", dirs[i], demo); status != exitOK {
			t.Fatalf("status %d, stderr %s", status, stderr)
		}
	}
	var files [2]map[string][]byte
	for i, dir := range dirs {
		files[i] = map[string][]byte{}
		for _, name := range []string{"alerts.ndjson", "hosts.ndjson", "scored_flows.ndjson", "ports.ndjson"} {
			text, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			files[i][name] = text
		}
	}
	if diff := cmp.Diff(files[0], files[1]); diff != "" {
		t.Errorf("with 1 and 4 shards:\n%s", diff)
	}
	explained(t, dirs[0])
	var found []string
	schema, err := jsonschema.NewCompiler().Compile("../../docs/schema/alert.v1.json")
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(files[0]["alerts.ndjson"]) {
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(line))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(v); err != nil {
			t.Errorf("%s: %v", line, err)
		}
		var a struct{ Detector, Kind, Subject string }
		if err := json.Unmarshal(line, &a); err != nil {
			t.Fatal(err)
		}
		found = append(found, a.Detector+"/"+a.Kind+" "+a.Subject)
	}
	for _, want := range []string{ // by the labels
		"scan/port_scan 10.20.4.131", "scan/port_scan 45.90.62.192", "scan/address_scan 10.20.7.75", "beacon/beacon 10.20.8.174",
		"beacon/beacon 10.20.10.15", "lateral/brute_force 10.20.1.221", "lateral/peer_to_peer 10.20.10.15",
		"exfiltration/exfiltration 10.20.2.40", "exfiltration/dns_tunnel 10.20.5.109",
	} {
		if !slices.Contains(found, want) {
			t.Errorf("%s was not found, but\n%s", want, strings.Join(found, "\n"))
		}
	}
}

func TestDetectWrongInput(t *testing.T) {
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"replay", "--detect=scam", demo}, `detect.detectors: got "scam", want none, or any of default, all, and the detectors' names: basic,`},
		{[]string{"replay", "--set", "detect.scan.thing=1", demo}, "detect.scan.thing: got an unknown key, want"},
		{[]string{"replay", "--stdout", "alerts", demo}, "--stdout alerts without detectors, want --detect too"},
		{[]string{"replay", "--stdout", "alerts", "--detect=none", demo}, "--stdout alerts without detectors, want --detect too"},
		{[]string{"replay", "--detect=none,scan", demo}, `detect.detectors: got "none", want none, or any of default`},
		{[]string{"detect", "--detect=none", demo}, "detect.detectors: got none, want detectors: without them there is nothing to do"},
		{[]string{"detectors", "explain", "scam"}, `unknown detector "scam", want one of: basic,`},
		{[]string{"detectors", "explain"}, "want one detector of: basic,"},
	} {
		if status, _, stderr := command(t, nil, test.args...); status != exitUsage || !strings.Contains(stderr, test.want) {
			t.Errorf("%v: got status %d, %q; want %d, %q", test.args, status, stderr, exitUsage, test.want)
		}
	}
}

// none switches detection off, also where the configuration has it on.
func TestDetectNone(t *testing.T) {
	for _, args := range [][]string{{"--detect=none"}, {"--set", "detect.detectors=scan", "--detect=none"}, nil} {
		out := t.TempDir()
		status, stdout, stderr := command(t, nil, append([]string{"replay", "--out", out, demo}, args...)...)
		if status != exitOK || stdout != "" {
			t.Errorf("%v: got status %d, %q, %q", args, status, stdout, stderr)
		}
		for _, name := range []string{"alerts.ndjson", "hosts.ndjson", "ports.ndjson"} {
			if _, err := os.Stat(filepath.Join(out, name)); err == nil {
				t.Errorf("%v: there is %s", args, name)
			}
		}
	}
}

// explainedJSON is what weir explain --format json writes.
type explainedJSON struct {
	Alert map[string]any  `json:"alert"`
	Flows []explainedFlow `json:"flows"`
}

// explained says that weir explain has the probability of each flow behind an alert, as scored_flows.ndjson has it.
func explained(t *testing.T, dir string) {
	t.Helper()
	probabilities := map[any]any{}
	for _, row := range lines(t, filepath.Join(dir, "scored_flows.ndjson")) {
		probabilities[row["flow_id"]] = row["probability"]
	}
	for _, alert := range lines(t, filepath.Join(dir, "alerts.ndjson")) {
		if alert["detector"] != "scan" {
			continue
		}
		status, stdout, stderr := command(t, nil, "explain", "--format", "json", fmt.Sprint(alert["id"]), dir)
		var e explainedJSON
		if err := json.Unmarshal([]byte(stdout), &e); err != nil || status != exitOK || len(e.Flows) == 0 {
			t.Fatalf("explain: status %d, %v, %s", status, err, stderr)
		}
		for _, name := range []string{"id", "score", "p", "probability", "n", "server_port", "count", "evidence_total", "message"} {
			if e.Alert[name] != alert[name] {
				t.Errorf("explain: got %s %v, want that of alerts.ndjson, %v", name, e.Alert[name], alert[name])
			}
		}
		for _, f := range e.Flows {
			if f.Probability == nil || *f.Probability != probabilities[f.ID] || *f.Probability < 0.5 {
				t.Errorf("flow %s of a scan: got probability %v, want %v", f.ID, f.Probability, probabilities[f.ID])
			}
		}
		return
	}
	t.Error("no alert of scan")
}
