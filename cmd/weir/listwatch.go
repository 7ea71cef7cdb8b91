package main

import (
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/weir-sensor/weir/config"
	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/detect/blocklist"
)

// listWatch reads the lists of a live run's blocklist detector again when their files change.
type listWatch struct {
	detector *blocklist.Detector // nil: it has no lists, and nothing is watched
	look     *time.Ticker
	read     map[string]fileStamp // as the files were when they were read
	last     map[string]fileStamp // as they were at the last look
}

// fileStamp tells a file from the one that it was before. That of a file that is not there is zero.
type fileStamp struct {
	modified time.Time
	size     int64
}

// watchEvery is how often the files are looked at.
const watchEvery = 5 * time.Second

// newListWatch returns a watch over the lists of a run's detectors; engine is nil where nothing is judged.
func newListWatch(engine *detect.Engine, every time.Duration) *listWatch {
	w := &listWatch{look: time.NewTicker(every), detector: blocklistOf(engine)}
	w.read = w.stamps()
	w.last = w.read
	return w
}

// blocklistOf returns the blocklist detector that an engine runs, nil where it runs none or that has no lists.
func blocklistOf(engine *detect.Engine) *blocklist.Detector {
	if engine == nil {
		return nil
	}
	for _, d := range engine.Detectors() {
		if b, ok := d.(*blocklist.Detector); ok && len(b.Lists()) > 0 {
			return b
		}
	}
	return nil
}

func (w *listWatch) stamps() map[string]fileStamp {
	all := map[string]fileStamp{}
	if w.detector == nil {
		return all
	}
	for _, l := range w.detector.Lists() {
		all[l.Path] = fileStamp{}
		if info, err := os.Stat(l.Path); err == nil {
			all[l.Path] = fileStamp{info.ModTime(), info.Size()}
		}
	}
	return all
}

// changed says whether a file is another one than what was read, and the same as at the last look: who writes it is done.
func (w *listWatch) changed() bool {
	now := w.stamps()
	settled := maps.Equal(now, w.last)
	w.last = now
	return settled && !maps.Equal(now, w.read)
}

// reread reads all lists again, and says what came of it and whether one is another now.
func (w *listWatch) reread(log *slog.Logger) bool {
	w.read = w.last
	u := w.detector.Reload()
	for _, change := range u.Changes {
		log.Info("changed", "what", change)
	}
	for _, problem := range u.Problems {
		log.Warn("a blocklist stays as it was", "problem", problem)
	}
	log.Info("blocklists read again", "changes", len(u.Changes))
	return len(u.Changes) > 0
}

// reloadable makes the lists reloadable.
func (w *listWatch) reloadable() reloadable {
	var dirs []string
	for _, l := range w.detector.Lists() {
		for _, find := range []func(string) (string, error){filepath.Abs, filepath.EvalSymlinks} {
			if path, err := find(l.Path); err == nil {
				dirs = append(dirs, filepath.Dir(path))
			}
		}
	}
	return reloadable{paths: dirs, read: func() (reread, error) {
		stamps := w.stamps()
		u := w.detector.Reread()
		again := reread{changes: u.Changes, problems: u.Problems, swap: func() { w.read = stamps }}
		if len(u.Changes) > 0 {
			again.judge = func(*detect.Engine) { w.detector.Apply(u) }
		}
		return again, nil
	}}
}

// warnLists logs what is wrong with the lists of a run's detectors, such as that there are none for a detector that was asked
// for by name.
func warnLists(log *slog.Logger, c config.Config, engine *detect.Engine) {
	b := blocklistOf(engine)
	if b == nil && slices.Contains(c.Detect.Detectors, "blocklist") {
		log.Warn("the detector blocklist has no lists, and says nothing", "want", "lists in detect.blocklist.lists")
	}
	if b != nil {
		for _, line := range b.Warnings() {
			log.Warn("not all of a blocklist is used", "what", line)
		}
	}
}
