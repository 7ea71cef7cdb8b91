package main

import (
	"bytes"
	"context"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/weir-sensor/weir/config"
	"github.com/weir-sensor/weir/internal/netnstest"
	"github.com/weir-sensor/weir/report"
)

// Runs into the same directory, the second one killed: no file of any of them is missing or changed in the end, but that those
// which every run names alike have got the time of their run, and weir report and weir explain read the tables of all.
func TestLiveRestarted(t *testing.T) {
	if !netnstest.Inside(t) {
		return
	}
	netnstest.Pair(t, "wire0", "wire1")
	for _, name := range []string{"wire0", "wire1"} {
		netnstest.Run(t, "ip link set "+name+" mtu 9000 up")
	}
	dir, killed := filepath.Join(t.TempDir(), "killed"), t.TempDir()
	kept := t.TempDir()
	args := []string{"-i", "wire1", "--shards", "2", "--windows", "--aggregates", "--detect", "--write-pcap", kept}
	liveRunOf(t, &app{}, append(args, "--out", dir), func() { sendDemo(t) })
	first, firstKept := allFiles(t, dir), allFiles(t, kept)
	liveRunOf(t, &app{minute: time.Second}, append(args, "--out", dir), func() {
		sendDemo(t)
		until(t, "its tables", func() bool { _, err := os.Stat(filepath.Join(dir, "ports.ndjson")); return err == nil }) // the last
		copyAll(t, dir, killed)                                                                                          // as it is when it is killed now
	})
	second := allFiles(t, killed)
	wantKept(t, first, second)
	liveRunOf(t, &app{}, append(args, "--out", killed), func() {})
	third := allFiles(t, killed)
	wantKept(t, first, third)
	wantKept(t, second, third)
	for _, stem := range []string{"hosts", "scored_flows", "ports", "manifest"} {
		if n := len(matching(third, `^`+stem+`(-\d{8}T\d{6}Z(_\d{4})?)?\.(nd)?json$`)); n != 3 {
			t.Errorf("%s: got %d files, want one of each run", stem, n)
		}
	}
	if name := matching(third, `^scored_flows-`)[0]; len(third[name]) == 0 {
		t.Errorf("%s is empty", name)
	}
	runs, err := filepath.Glob(filepath.Join(kept, "run-*"))
	if err != nil || len(runs) != 2 || !maps.Equal(allFiles(t, runs[0]), firstKept) {
		t.Errorf("of what --write-pcap has kept: got %q, %v, want the first two runs'", runs, err)
	}
	for _, dir := range append(runs, kept) {
		if status, stdout, stderr := command(t, nil, "parity", dir); status != exitOK || strings.Count(stdout, "no difference") != 8 {
			t.Errorf("parity %s: status %d, %s%s", dir, status, stdout, stderr)
		}
	}
	out := filepath.Join(t.TempDir(), "report")
	mustRun(t, "report", killed, "-o", out)
	page, err := os.ReadFile(filepath.Join(out, report.MarkdownName))
	if err != nil || !bytes.Contains(page, []byte("rankings of 3 runs")) || !bytes.Contains(page, []byte("records of more than one run")) ||
		bytes.Contains(page, []byte("There is no ranking")) {
		t.Errorf("the report does not say whose the ranking is (%v): %.2000s", err, page)
	}
	id := lines(t, filepath.Join(killed, matching(third, `^alerts-.*`)[0]))[0]["id"].(string)
	if status, stdout, stderr := command(t, nil, "explain", "--format", "json", id, killed); status != exitOK || !regexp.MustCompile(`"probability": [01]`).MatchString(stdout) {
		t.Errorf("explain: status %d, %s\n%.2000s", status, stderr, stdout)
	}
}

// liveRunOf is a live run until act returns.
func liveRunOf(t *testing.T, a *app, args []string, act func()) {
	t.Helper()
	var stderr lockedBuffer
	ctx, stop := context.WithCancel(context.Background())
	a.stdin, a.stdout, a.stderr = strings.NewReader(""), io.Discard, &stderr
	status := make(chan int)
	go func() { status <- a.run(ctx, append([]string{"live"}, args...)) }()
	until(t, "the capture to begin", func() bool { return strings.Contains(stderr.String(), "capturing") })
	act()
	stop()
	if s := <-status; s != 0 {
		t.Fatalf("status %d: %s", s, stderr.String())
	}
}

// allFiles returns the files of a directory by their names.
func allFiles(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, name := range names(t, dir) {
		if isDir(filepath.Join(dir, name)) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		all[name] = string(text)
	}
	return all
}

// copyAll copies the files of a directory, with the times at which they were written.
func copyAll(t *testing.T, from, to string) {
	t.Helper()
	for name, text := range allFiles(t, from) {
		path := filepath.Join(to, name)
		err := os.WriteFile(path, []byte(text), 0o644)
		if info, statErr := os.Stat(filepath.Join(from, name)); err == nil && statErr == nil {
			err = os.Chtimes(path, info.ModTime(), info.ModTime())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// wantKept says that each file from before is there with all that it held: complete ones as they were, under their names
// or with the time of their run; incomplete ones as the beginning of one.
func wantKept(t *testing.T, before, after map[string]string) {
	t.Helper()
	aside := regexp.MustCompile(`-\d{8}T\d{6}Z(_\d{4})?(\.[a-z]+)$`)
	for name, text := range before {
		kept := after[name] == text
		for other, there := range after {
			if aside.ReplaceAllString(other, "$2") == name && there == text {
				kept = true
			}
			if partial, ok := strings.CutSuffix(name, ".partial"); ok && "."+other == partial {
				kept = kept || strings.HasPrefix(text, there)
			}
		}
		if !kept && len(text) > 0 {
			t.Errorf("%s (%d bytes) is lost", name, len(text))
		}
	}
}

// matching returns the names that match, in their order.
func matching(files map[string]string, pattern string) (names []string) {
	for name := range files {
		if regexp.MustCompile(pattern).MatchString(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// A run that ended before it wrote anything leaves nothing to be kept, so that one that is started again and again does not fill
// the disk with manifests; whatever else is there is kept, also of a run whose manifest does not say when it began.
func TestSetAsideOnlyWhatSaysSomething(t *testing.T) {
	for name, test := range map[string]struct {
		there map[string]string // the text of files, all of them written at 12:00
		want  []string
	}{
		"nothing":         {nil, []string{}},
		"only a manifest": {map[string]string{"manifest.json": `{"began": "2026-11-21T11:59:59.5Z"}`}, []string{"manifest.json"}},
		"a manifest of before, and older records": {map[string]string{"manifest.json": `{"began": "2026-11-21T12:00:01Z"}`, "flows-20261121T110000Z.ndjson": "{}"},
			[]string{"flows-20261121T110000Z.ndjson", "manifest.json"}},
		"records": {map[string]string{"manifest.json": `{"began": "2026-11-21T11:59:59.5Z"}`, "flows-20261121T115959Z.ndjson": "{}"},
			[]string{"flows-20261121T115959Z.ndjson", "manifest-20261121T115959Z.json"}},
		"a replay": {map[string]string{"manifest.json": `{"complete": true}`, "ledger.json": "{}", "hosts.ndjson": "", "hosts.csv": "", "flows.ndjson": "{}"},
			[]string{"flows.ndjson", "hosts-20261121T120000Z.ndjson", "hosts.csv", "ledger-20261121T120000Z.json", "manifest-20261121T120000Z.json"}},
		"no manifest":     {map[string]string{"hosts.ndjson": "{}"}, []string{"hosts-20261121T120000Z.ndjson"}},
		"broken manifest": {map[string]string{"hosts.ndjson": "{}", "manifest.json": `{"beg`}, []string{"hosts-20261121T120000Z.ndjson", "manifest-20261121T120000Z.json"}},
		"a strange time":  {map[string]string{"hosts.ndjson": "{}", "manifest.json": `{"began": "9999-01-01T00:00:00Z"}`}, []string{"hosts-20261121T120000Z.ndjson", "manifest-20261121T120000Z.json"}},
	} {
		dir := t.TempDir()
		noon := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
		for file, text := range test.there {
			path := filepath.Join(dir, file)
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(path, noon, noon); err != nil {
				t.Fatal(err)
			}
		}
		a := &app{stderr: io.Discard}
		l := &live{app: a, out: dir}
		l.log = a.logger(config.Default())
		d, err := l.openDir()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		if got := names(t, dir); !slices.Equal(got, test.want) {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
}
