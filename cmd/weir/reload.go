package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/weir-sensor/weir/config"
	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/detect/detectors"
	"github.com/weir-sensor/weir/internal/privilege"
	"github.com/weir-sensor/weir/sensor"
)

// reloadable is something that is read from files at the start of a live run, and again on SIGHUP. All of them are read
// before the first is taken over, so that a broken file changes nothing.
type reloadable struct {
	// paths are the directories of the files, which stay readable when privileges are given up.
	paths []string

	// read reads the files again and judges them. It changes nothing. Its error has a line for each problem.
	read func() (reread, error)
}

// reread is what was read again.
type reread struct {
	changes  []string // what swap changes, a line for each
	problems []string // what cannot be read and stays as it was, without keeping others from changing
	restart  []string // what is different and takes a restart: swap leaves it
	swap     func()   // takes over what was read; nil: there is nothing to take over

	// judge has the engine, which does nothing else meanwhile, go on with what was read; nil: that does not concern it.
	judge func(*detect.Engine)
}

// reload reads everything again that can be, has the run take it over, and says what has changed. After an error nothing has.
func (l *live) reload(run *sensor.Live) error {
	var all []reread
	var problems []error
	for _, r := range l.reloads {
		again, err := r.read()
		all, problems = append(all, again), append(problems, err)
	}
	if err := errors.Join(problems...); err != nil {
		for line := range strings.SplitSeq(err.Error(), "\n") {
			l.log.Error("reload failed, nothing is changed", "problem", line)
		}
		return err
	}
	before := l.level.Level()
	for _, again := range all {
		if again.swap != nil {
			again.swap()
		}
	}
	l.judgeAnew(run, all)
	after := l.level.Level()
	l.level.Set(min(before, after)) // whoever heard messages, or will, hears these
	defer l.level.Set(after)
	changes := 0
	for _, again := range all {
		changes += len(again.changes)
		for _, change := range again.changes {
			l.log.Info("changed", "what", change)
		}
		for _, problem := range again.problems {
			l.log.Warn("a blocklist stays as it was", "problem", problem)
		}
		for _, change := range again.restart {
			l.log.Warn("takes effect after a restart", "what", change)
		}
	}
	l.log.Info("reloaded", "changes", changes)
	return nil
}

// judgeAnew has detectors go on with what was read again, all of them between the same two records.
func (l *live) judgeAnew(run *sensor.Live, all []reread) {
	if !slices.ContainsFunc(all, func(again reread) bool { return again.judge != nil }) {
		return
	}
	l.by.Changed = true
	run.Detection(func(engine *detect.Engine) {
		if engine.Flush() != nil { // what came before is judged as it was; what went wrong ends the run
			return
		}
		for _, again := range all {
			if again.judge != nil {
				again.judge(engine)
			}
		}
	})
}

// configuration makes the configuration reloadable, with all its sources as they were given at the start.
func (l *live) configuration(become *privilege.Identity) reloadable {
	r := reloadable{read: func() (reread, error) { return l.readConfiguration(become) }}
	if l.configFile == "" {
		return r
	}
	for _, find := range []func(string) (string, error){filepath.Abs, filepath.EvalSymlinks} {
		if path, err := find(l.configFile); err == nil && l.rereadable() == nil {
			r.paths = append(r.paths, filepath.Dir(path))
		}
	}
	return r
}

// rereadable says why the configuration file cannot be read more than once. A pipe would be an empty file then.
func (l *live) rereadable() error {
	if info, err := os.Stat(l.configFile); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("read configuration: %s is not a regular file, which alone can be read again", l.configFile)
	}
	return nil
}

func (l *live) readConfiguration(become *privilege.Identity) (reread, error) {
	if l.configFile == "" {
		l.log.Info("there is no configuration file to read again: --config was not given")
		return reread{}, nil
	}
	if err := l.rereadable(); err != nil {
		return reread{}, err
	}
	read, err := l.load(l.cmd)
	if errors.Is(err, fs.ErrPermission) {
		if err := privilege.Readable(l.configFile, become); err != nil {
			return reread{}, fmt.Errorf("read configuration: %w", err)
		}
		return reread{}, fmt.Errorf("%w; only what is in its directory as that was at the start can be read again, or after a restart", err)
	}
	if err != nil {
		return reread{}, err
	}
	next, changed, restart := config.Reload(l.config, read.Config)
	if read.Empty && len(changed)+len(restart) > 0 { // as one is that is just being written
		return reread{}, fmt.Errorf("read configuration: %s is empty, want keys, or a comment where only defaults are meant", l.configFile)
	}
	again := reread{changes: texts(changed), restart: texts(restart), swap: func() {
		l.config = next
		l.level.Set(next.Log.Least())
		l.to.drain.Store(int64(next.Output.Drain))
		for _, q := range l.to.queues {
			q.Configure(next.Output)
		}
	}}
	if slices.ContainsFunc(changed, func(c config.Change) bool { return strings.HasPrefix(c.Key, "detect.") }) {
		again.judge = func(engine *detect.Engine) {
			if engine != nil {
				engine.Tune(next.Detect.Config)
				detectors.Tune(next.Detect, engine.Detectors())
			}
		}
	}
	return again, nil
}

func texts(changes []config.Change) (lines []string) {
	for _, c := range changes {
		lines = append(lines, c.String())
	}
	return lines
}

// reloadPaths returns the directories that everything reloadable is read from.
func (l *live) reloadPaths() (paths []string) {
	for _, r := range l.reloads {
		paths = slices.Concat(paths, r.paths)
	}
	return paths
}
