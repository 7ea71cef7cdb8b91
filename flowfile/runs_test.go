package flowfile

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Of a directory, the tables are left out that no manifest names.
func TestLeftOut(t *testing.T) {
	const (
		replay = `{"inputs":[{"name":"a.pcap","frames":1}],"outputs":["flows.ndjson","ledger.json"]}`
		live   = `{"began":"2026-11-22T02:00:00Z","inputs":[],"outputs":["alerts-*.ndjson","flows-*.ndjson","hosts.ndjson","ledger.json"]}`
	)
	for name, c := range map[string]struct {
		manifests map[string]string
		files     []string
		want      []string
	}{
		"a replay that makes less": {map[string]string{"manifest.json": replay},
			[]string{"flows.ndjson", "alerts.ndjson", "hosts.csv.gz", "windows.parquet", "conn.log", "ledger.json", "alerts.txt"},
			[]string{"alerts.ndjson", "hosts.csv.gz", "windows.parquet"}},
		"packed":        {map[string]string{"manifest.json": replay}, []string{"flows.ndjson.zst", "flows.csv"}, []string{"flows.csv"}},
		"no manifest":   {nil, []string{"flows.ndjson", "alerts.csv"}, nil},
		"no names":      {map[string]string{"manifest.json": `{"outputs":null}`}, []string{"flows.ndjson", "alerts.csv"}, nil},
		"broken":        {map[string]string{"manifest.json": `{"outp`}, []string{"flows.ndjson", "alerts.csv"}, nil},
		"detect, there": {map[string]string{"manifest.json": `{"inputs":[{"name":"d/flows.csv","rows":1}],"outputs":["alerts.csv"]}`}, []string{"flows.csv", "alerts.csv", "alerts.ndjson"}, []string{"alerts.ndjson"}},
		"a live run": {map[string]string{"manifest.json": live},
			[]string{"alerts-20261122T020000Z.ndjson", "flows-20261122T020000Z_0001.ndjson", "flows-20251122T020000Z.csv", "hosts.ndjson", "hosts.csv", "ports.ndjson"},
			[]string{"hosts.csv", "ports.ndjson"}},
		"a live run after a replay": {map[string]string{"manifest.json": live, "manifest-20261122T010000Z_0001.json": replay},
			[]string{"alerts-20261122T020000Z.ndjson", "alerts.ndjson", "flows.ndjson", "hosts-20261122T010000Z_0001.ndjson", "hosts.ndjson"},
			[]string{"alerts.ndjson", "hosts-20261122T010000Z_0001.ndjson"}},
		"two live runs": {map[string]string{"manifest.json": live, "manifest-20261122T010000Z.json": live},
			[]string{"alerts-20261122T010000Z.ndjson", "hosts-20261122T010000Z.ndjson", "hosts.ndjson", "hosts-20251122T010000Z.ndjson"}, nil},
		"live before a replay": {map[string]string{"manifest.json": replay},
			[]string{"flows.ndjson", "flows-20261122T010000Z.ndjson"}, []string{"flows-20261122T010000Z.ndjson"}},
	} {
		dir := t.TempDir()
		for file, text := range c.manifests {
			c.files = append(c.files, file)
			if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		for _, file := range c.files {
			f, err := os.OpenFile(filepath.Join(dir, file), os.O_CREATE|os.O_WRONLY, 0o644)
			if err != nil {
				t.Fatal(err)
			}
			f.Close()
		}
		if diff := cmp.Diff(c.want, LeftOut(dir)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
