package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/weir-sensor/weir/output"
)

// pictures are the files that a live run names as every run does, since each is a picture of the run as it is now. The
// manifest, which tells when the run began, is the last.
func pictures() []string {
	return []string{"hosts.ndjson", "scored_flows.ndjson", "ports.ndjson", "ledger.json", "manifest.json"}
}

// setAside keeps the pictures of the run before, which this run would replace: they get the time at which that run began.
func (l *live) setAside(dir *output.Dir) error {
	began := beganBefore(l.out)
	if !l.leftRecords(began) { // as one that ends at once and is started again and again: its manifest says nothing of what is here
		return nil
	}
	aside, err := dir.SetAside(began, pictures()...)
	if len(aside) > 0 {
		l.log.Info("kept what the run before this one has left", "files", strings.Join(aside, ","))
	}
	return err
}

// beganBefore returns when the run before began that wrote into a directory: by its manifest or, where that does not say it, the
// oldest time at which one of its pictures was written.
func beganBefore(dir string) (began time.Time) {
	text, _ := os.ReadFile(filepath.Join(dir, "manifest.json"))
	var m manifest
	if json.Unmarshal(text, &m) == nil {
		if at, err := time.Parse(time.RFC3339Nano, m.Began); err == nil && at.Year() >= 1970 && at.Year() <= 2200 {
			return at
		}
	}
	for _, name := range pictures() {
		if info, err := os.Lstat(filepath.Join(dir, name)); err == nil && (began.IsZero() || info.ModTime().Before(began)) {
			began = info.ModTime()
		}
	}
	return began
}

// leftRecords says whether anything but a manifest was written into the directory since a time.
func (l *live) leftRecords(since time.Time) bool {
	entries, _ := os.ReadDir(l.out)
	return slices.ContainsFunc(entries, func(e os.DirEntry) bool {
		info, err := e.Info()
		return err == nil && e.Name() != "manifest.json" && !info.ModTime().Before(since)
	})
}

// keptFiles are the names of what --write-pcap keeps beside the pictures.
var keptFiles = regexp.MustCompile(`^(ring-\d+\.(pcap|unsummed)|(flows|windows|alerts|aggregates|steps)\.ndjson)$`)

// moveKept moves what --write-pcap has kept of an earlier run into a directory of its own, in which weir parity finds it. It
// is done before privileges are given up, which making a directory takes.
func (l *live) moveKept() error {
	entries, err := os.ReadDir(l.keep)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return fmt.Errorf("read %s: %w", l.keep, err)
	}
	var names []string
	for _, e := range entries {
		if keptFiles.MatchString(e.Name()) {
			names = append(names, e.Name())
		}
	}
	dir, err := output.OpenDir(l.keep)
	if err != nil {
		return err
	}
	to, err := dir.MoveAside(beganBefore(l.keep), append(names, pictures()...)...)
	if to != "" {
		l.log.Info("moved what --write-pcap has kept of the run before this one", "to", filepath.Join(l.keep, to))
	}
	return errors.Join(err, dir.Close())
}
