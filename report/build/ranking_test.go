package build

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Of the rankings of several runs each host is there once, as where it looked worst: by probability, then by score, p-value and
// number of alerts; without a probability it is behind all that have one. However few rows are kept, they are the worst.
func TestRankingOfSeveralRuns(t *testing.T) {
	dir := t.TempDir()
	row := func(host, rest string) string {
		return `{"rank":1,"host":"` + host + `",` + rest + `,"first":"2026-11-21T11:30:00Z","last":"2026-11-21T11:30:00Z","detectors":[]}` + "\n"
	}
	for name, rows := range map[string]string{
		"hosts-20261121T113000Z.ndjson": row("10.0.0.1", `"probability":0.9,"score":0.5,"p":0.01,"alerts":2`) +
			row("10.0.0.2", `"probability":0.5,"score":0.9,"p":0.01,"alerts":1`) + row("10.0.0.3", `"probability":0.5,"score":0.1,"p":null,"alerts":1`),
		"hosts-20261121T123000Z_0001.ndjson": row("10.0.0.4", `"probability":null,"score":1,"p":0.001,"alerts":9`) + row("10.0.0.2", `"probability":null,"score":1,"p":0.001,"alerts":9`),
		"hosts.ndjson": row("10.0.0.3", `"probability":0.95,"score":0.2,"p":0.5,"alerts":3`) + row("10.0.0.1", `"probability":0.9,"score":0.5,"p":0.01,"alerts":4`) +
			row("10.0.0.5", `"probability":0.5,"score":0.1,"p":0.2,"alerts":1`) + row("10.0.0.6", `"probability":0.1,"score":0.1,"p":0.2,"alerts":0`),
		"manifest-20261121T113000Z.json": "{}",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(rows), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"10.0.0.3 0.95 3", "10.0.0.1 0.9 4", "10.0.0.2 0.5 1", "10.0.0.5 0.5 1", "10.0.0.6 0.1 0", "10.0.0.4 NaN 9"}
	for _, limit := range []int{1, 2, 3, 6, 100} {
		cfg := DefaultConfig()
		cfg.AllRows = limit
		b := New(Options{Config: cfg})
		if err := b.ReadDir(dir); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, h := range b.ranking {
			got = append(got, fmt.Sprint(h.Host, " ", h.Probability, " ", h.Alerts))
		}
		if diff := cmp.Diff(got, want[:min(limit, len(want))]); diff != "" {
			t.Errorf("of %d rows: got -, want +\n%s", limit, diff)
		}
		if notes := strings.Join(b.notes, " "); !strings.Contains(notes, "the rankings of 3 runs") || !strings.Contains(notes, "more than one run") {
			t.Errorf("got notes %q", notes)
		}
	}
}
