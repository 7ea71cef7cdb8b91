package main

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/weir-sensor/weir/features"
)

// The table has a line for each feature, its columns aligned, and JSON says the same.
func TestFeaturesList(t *testing.T) {
	status, stdout, stderr := command(t, nil, "features", "list")
	lines := strings.Split(strings.TrimSuffix(stdout, "\n"), "\n")
	if status != exitOK || stderr != "" || len(lines) != 1+55 { // SPEC: 55 features
		t.Fatalf("got status %d, stderr %q, %d lines, want %d and %d", status, stderr, len(lines), exitOK, 1+55)
	}
	status, text, stderr := command(t, nil, "features", "list", "--format", "json")
	if status != exitOK || stderr != "" {
		t.Fatalf("JSON: got status %d, stderr %q", status, stderr)
	}
	var list []map[string]string
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		t.Fatal(err)
	}
	columns := []string{"name", "group", "unit", "range", "formula", "edge rule"}
	for i, f := range list {
		want := features.Features()[i]
		if want.Group == "" {
			want.Group = "always"
		}
		got := features.Feature{Name: f["name"], Group: f["group"], Unit: f["unit"], Range: f["range"], Formula: f["formula"], Edge: f["edge"]}
		if got != want || len(f) != len(columns) {
			t.Errorf("JSON: got %v, want %+v", f, want)
		}
		for j, value := range []string{got.Name, got.Group, got.Unit, got.Range, got.Formula, got.Edge} {
			if at := strings.Index(lines[0], columns[j]); !strings.HasPrefix(lines[1+i][at:], value) {
				t.Errorf("%s of %s: got %q, want %q", columns[j], got.Name, lines[1+i][at:], value)
			}
		}
	}
	if len(list) != 55 {
		t.Errorf("JSON: got %d features, want 55", len(list))
	}
}

func TestFeaturesUsage(t *testing.T) {
	for _, test := range []struct{ args, want string }{
		{"features frobnicate", `unknown command "frobnicate" for "weir features"; 'weir features --help' lists the commands`},
		{"features list x", `unexpected argument "x"; usage: weir features list [flags]`},
		{"features list --format yaml", `--format: got "yaml", want text or json`},
		{"features clusters", "no capture given; usage: weir features clusters PATH... [flags]"},
		{"features clusters --format csv " + demo, `--format: got "csv", want text or json`},
		{"features clusters --bandwidth 0 " + demo, "--bandwidth: got 0, want a number of bytes above 0"},
		{"features clusters --bandwidth NaN " + demo, "--bandwidth: got NaN, want a number of bytes above 0"},
		{"features clusters --bandwidth Inf " + demo, "--bandwidth: got +Inf, want a number of bytes above 0"},
		{"features clusters --max-length 0 " + demo, "--max-length: got 0, want 1 to 1300 bytes"},
		{"features clusters --max-length 1301 " + demo, "--max-length: got 1301, want 1 to 1300 bytes"},
		{"features clusters --set capture.dedup=true " + demo, "capture.dedup: got true, want false: clusters counts every copy of a packet"},
	} {
		status, stdout, stderr := command(t, nil, strings.Fields(test.args)...)
		if status != exitUsage || stdout != "" || stderr != "weir: "+test.want+"\n" {
			t.Errorf("weir %s:\n got status %d, stdout %q, stderr %s\nwant status %d, weir: %s",
				test.args, status, stdout, stderr, exitUsage, test.want)
		}
	}
}

// The names in JSON are those of the answer's fields, so that a renamed field does not rename a member.
func TestClustersAnswerMembers(t *testing.T) {
	_, stdout, stderr := command(t, nil, "features", "clusters", "--format", "json", demo)
	var got map[string]any
	if err := json.Unmarshal([]byte(stdout), &got); err != nil {
		t.Fatal(err, stderr)
	}
	members := func(v any) (names []string) {
		for name := range v.(map[string]any) {
			names = append(names, name)
		}
		return names
	}
	tcp := got["tcp"].(map[string]any)
	for _, test := range []struct {
		name string
		got  any
		want string
	}{
		{"answer", got, "bandwidth max_length tls_only packets filtered undecoded other tcp udp"},
		{"protocol", tcp, "packets clustered left_out clusters"},
		{"left out", tcp["left_out"], "fragments cut_headers empty cut_tls not_tls longer"},
		{"cluster", tcp["clusters"].([]any)[0], "centre members share shortest longest"},
	} {
		if got, want := asSet(members(test.got)), asSet(strings.Fields(test.want)); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got members %v, want %v", test.name, got, want)
		}
	}
}

func asSet(names []string) map[string]bool {
	set := map[string]bool{}
	for _, n := range names {
		set[n] = true
	}
	return set
}
