package flowfile

import (
	"encoding/json"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
)

var (
	// tableName is the form of the names of weir's tables: 1 is the name when it is unpacked, 2 the records, 3 the time, 4 the format.
	tableName = regexp.MustCompile(`^(([a-z_]+)(?:-(\d{8}T\d{6}Z)[0-9_]*)?\.(ndjson|csv|parquet))(?:\.gz|\.zst)?$`)

	// manifestName is the form of the names of manifests: 1 is the time of one that was set aside.
	manifestName = regexp.MustCompile(`^manifest(?:-(\d{8}T\d{6}Z)[0-9_]*)?\.json$`)
)

// tables are the records in weir's tables; pictures are those that a run which comes after sets aside.
var (
	tables   = []string{"flows", "windows", "alerts", "aggregates", "steps", "hosts", "scored_flows", "ports"}
	pictures = []string{"hosts", "scored_flows", "ports"}
)

// runs are the manifests of a directory, by the time in their names; "": that of the latest run.
type runs map[string]*run

// run is what of a manifest tells the files.
type run struct {
	Began   string // "": no live run
	Inputs  []struct{ Name string }
	Outputs []string // names, or patterns of them
}

// manifests reads those of a directory that can be read.
func manifests(dir string, entries []os.DirEntry) runs {
	all := runs{}
	for _, e := range entries {
		name := manifestName.FindStringSubmatch(e.Name())
		if name == nil {
			continue
		}
		m := &run{}
		if text, err := os.ReadFile(filepath.Join(dir, e.Name())); err == nil && json.Unmarshal(text, m) == nil {
			all[name[1]] = m
		}
	}
	return all
}

// own says whether a file is of the runs. A table that none of their manifests names was left by an earlier one, which wrote
// more, or in another format. Without a manifest that names files, and of what is no table of weir's, nobody knows: it is.
func (r runs) own(name string) bool {
	table := tableName.FindStringSubmatch(name)
	if table == nil || !slices.Contains(tables, table[2]) || r[""] == nil || r[""].Outputs == nil {
		return true
	}
	plain, began := table[1], table[3]
	live := false
	for at, m := range r {
		live = live || m.Began != ""
		for _, output := range m.Outputs {
			if match, _ := path.Match(output, plain); match || at != "" && at == began && output == table[2]+"."+table[4] {
				return true
			}
		}
		for _, in := range m.Inputs {
			if filepath.Base(in.Name) == name {
				return true
			}
		}
	}
	// Files with a time are never replaced: they are of a live run, also where its manifest is gone.
	return live && began != "" && (r[began] == nil || !slices.Contains(pictures, table[2]))
}

// listDir returns the names of a directory's files in their order: those of its runs, and the tables that an earlier one left.
func listDir(dir string) (own, left []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil, err
	}
	all := manifests(dir, entries)
	for _, e := range entries {
		switch {
		case e.IsDir():
		case all.own(e.Name()):
			own = append(own, e.Name())
		default:
			left = append(left, e.Name())
		}
	}
	return own, left, nil
}

// LeftOut returns the names of the tables in a directory that are not read: an earlier run has left them, and manifest.json,
// where it names files, does not name them.
func LeftOut(dir string) []string {
	_, left, _ := listDir(dir) // whoever reads the directory says why not
	return left
}
