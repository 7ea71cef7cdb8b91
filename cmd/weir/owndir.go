package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
)

// liveFile is the form of the names of files that only a live run writes, and those that it sets aside, complete or not.
var liveFile = regexp.MustCompile(`^\.?(flows|windows|alerts|aggregates|steps|ledger|hosts|scored_flows|ports|manifest)-\d{8}T\d{6}Z(_\d{4,})?\.(ndjson|csv|parquet|json)(\.gz|\.zst|\.partial)?$`)

// ownDir returns a usage error where another command than this one has written into the directory of --out: their files have
// names in common, so that those of the other run would be replaced, and read as this one's.
func ownDir(dir, command string) error {
	entries, _ := os.ReadDir(dir) // a directory that is not there yet is its own
	for _, e := range entries {
		writer := ""
		switch {
		case e.Name() == "manifest.json":
			writer = writerOf(filepath.Join(dir, e.Name()))
		case liveFile.MatchString(e.Name()):
			writer = "live"
		}
		if writer != "" && writer != command {
			return usagef("--out: got %s, where weir %s has written (%s), want another directory", dir, writer, e.Name())
		}
	}
	return nil
}

// writerOf returns the command that has written a manifest, "" where that is not known.
func writerOf(path string) string {
	text, _ := os.ReadFile(path)
	var m struct {
		Began  string
		Inputs []struct{ Frames, Rows *int64 } // captures have frames, flow records rows
	}
	switch err := json.Unmarshal(text, &m); {
	case err != nil:
		return ""
	case m.Began != "":
		return "live"
	case len(m.Inputs) > 0 && m.Inputs[0].Frames != nil:
		return "replay"
	case len(m.Inputs) > 0 && m.Inputs[0].Rows != nil:
		return "detect"
	}
	return ""
}
