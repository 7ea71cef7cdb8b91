package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/weir-sensor/weir/capture"
	"github.com/weir-sensor/weir/capture/pcapfile"
	"github.com/weir-sensor/weir/config"
	"github.com/weir-sensor/weir/sensor"
)

const parityHelp = `parity replays what 'weir live --write-pcap DIR' has kept, with the settings of that run, and
compares what comes out with what live wrote, line by line. No difference is the only right answer: then
the exit status is 0.`

func newParity(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "parity DIR",
		Short: "Compare what a live run wrote with a replay of the same packets",
		Long:  parityHelp,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("want one directory of 'weir live --write-pcap'; usage: %s", cmd.UseLine())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return parity(cmd.Context(), a, args[0]) },
	}
}

func parity(ctx context.Context, a *app, dir string) (err error) {
	files, err := ringsOf(dir)
	if err != nil {
		return err
	}
	c, m, until, err := keptRun(dir)
	if err != nil {
		return err
	}
	again, err := os.MkdirTemp("", "weir-parity-")
	if err != nil {
		return fmt.Errorf("make a directory for the replay: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(again)) }()
	if m.Changed {
		c.Detect.Detectors = nil
	}
	if err := replayKept(ctx, files, again, c, m.judgedBy, until); err != nil {
		return err
	}
	different := false
	for _, name := range m.Outputs {
		kind, records := strings.CutSuffix(name, ".ndjson")
		switch {
		case !records:
			continue
		case m.Changed && slices.Contains(judgements, kind):
			if err := a.print([]byte(kind + ": not compared, since lists, models or thresholds changed while the run went on\n")); err != nil {
				return err
			}
			continue
		}
		d, err := compareLines(filepath.Join(dir, name), filepath.Join(again, name))
		if err != nil {
			return err
		}
		different = different || len(d.only[0])+len(d.only[1]) > 0 || !d.sameOrder
		if err := a.print([]byte(d.text(kind))); err != nil {
			return err
		}
	}
	if different {
		return errors.New("compare live with replay: they differ")
	}
	return nil
}

// judgements are the records that detectors make.
var judgements = []string{"alerts", "hosts", "ports", "scored_flows"}

// ringsOf returns the captures of a run that was kept.
func ringsOf(dir string) ([]string, error) {
	files, err := filepath.Glob(filepath.Join(dir, "ring-*.pcap"))
	if err != nil || len(files) == 0 {
		return nil, usagef("%s: no ring-*.pcap there, want a directory of 'weir live --write-pcap'", dir)
	}
	return files, nil
}

// keptRun returns the settings and the manifest of a run that was kept, and when it ended.
func keptRun(dir string) (c config.Config, m manifest, until int64, err error) {
	var ledger sensor.Ledger
	for _, file := range []struct {
		name string
		into any
	}{{"manifest.json", &m}, {"ledger.json", &ledger}} {
		name, v := file.name, file.into
		text, err := os.ReadFile(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			return c, m, 0, usagef("%s: no %s there, want a directory of 'weir live --write-pcap'", dir, name)
		}
		if err == nil {
			err = json.Unmarshal(text, v)
		}
		if err != nil {
			return c, m, 0, fmt.Errorf("read %s: %w", filepath.Join(dir, name), err)
		}
	}
	for _, name := range m.Outputs {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return c, m, 0, usagef("%s: no %s there, which is of this run by its manifest.json", dir, name)
		}
	}
	if ledger.Capture == nil {
		return c, m, 0, usagef("%s: its ledger is not that of a live run, want a directory of 'weir live --write-pcap'", dir)
	}
	file, err := os.CreateTemp("", "weir-*.yaml")
	if err != nil {
		return c, m, 0, fmt.Errorf("read the run's configuration: %w", err)
	}
	defer os.Remove(file.Name())
	_, err = file.WriteString(m.Config.YAML)
	if err = errors.Join(err, file.Close()); err != nil {
		return c, m, 0, fmt.Errorf("read the run's configuration: %w", err)
	}
	loaded, err := config.Load(config.Sources{File: file.Name()})
	if err != nil {
		return c, m, 0, fmt.Errorf("read the run's configuration: %w", err)
	}
	return loaded.Config, m, ledger.Capture.Until, nil
}

// replayKept replays a kept run's packets, of the captures of its rings, and writes what comes out into a directory.
func replayKept(ctx context.Context, files []string, into string, c config.Config, by judgedBy, until int64) error {
	var rings []capture.Source
	for _, file := range files {
		src, err := pcapfile.Open([]string{file}, pcapfile.Options{})
		if err != nil {
			return err
		}
		marked, err := markUnsummed(src, unsummedName(file))
		if err != nil {
			return errors.Join(err, src.Close())
		}
		rings = append(rings, marked)
	}
	src := pcapfile.Merge(rings...)
	defer src.Close()
	opt, err := pipeline(c, nil)
	if err != nil {
		return err
	}
	opt.Compile = nil // what the filter left out was not kept
	opt.Until = until
	k, err := keep(into, nil, c)
	if err != nil {
		return err
	}
	opt.Windows, opt.WindowSink = c.Window, k.windows
	if err := judge(c, k.alerts, &opt); err != nil {
		return err
	}
	k.engine = opt.Detect
	if now, err := judges(c, opt.Detect); opt.Detect != nil && (err != nil || !now.same(by)) {
		return errors.Join(err, errors.New("compare live with replay: blocklists or models are other files than those of the run (its manifest.json has them)"))
	}
	ledger, err := sensor.Run(ctx, src, k.flows, opt)
	return errors.Join(err, k.end(&ledger, newManifest(c, pcapfile.Stats{}, &ledger, nil, true)))
}

// difference is what two files of lines have that the other has not.
type difference struct {
	lines     int // of the first
	sameOrder bool
	only      [2][]string
}

// compareLines compares two files by their lines.
func compareLines(live, replayed string) (*difference, error) {
	d := &difference{sameOrder: true}
	var files [2]*bufio.Reader
	for i, name := range []string{live, replayed} {
		file, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("compare: %w", err)
		}
		defer file.Close()
		files[i] = bufio.NewReaderSize(file, 1<<20)
	}
	waiting := map[string]int{} // lines of the first file less those of the second
	for {
		a, errA := files[0].ReadBytes('\n')
		b, errB := files[1].ReadBytes('\n')
		if len(a) > 0 {
			d.lines++
		}
		if !bytes.Equal(a, b) {
			d.sameOrder = false
			for line, by := range map[*[]byte]int{&a: 1, &b: -1} {
				if key := string(*line); key != "" {
					if waiting[key] += by; waiting[key] == 0 {
						delete(waiting, key)
					}
				}
			}
		}
		if errA == io.EOF && errB == io.EOF {
			break
		}
		if err := errors.Join(notEnd(errA), notEnd(errB)); err != nil {
			return nil, fmt.Errorf("compare %s with %s: %w", live, replayed, err)
		}
	}
	for line, n := range waiting {
		i := 0
		if n < 0 {
			i = 1
		}
		d.only[i] = append(d.only[i], line)
	}
	return d, nil
}

func notEnd(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}

// shownLines is how many differences are shown of each side.
const shownLines = 5

func (d *difference) text(kind string) string {
	var b bytes.Buffer
	switch {
	case d.sameOrder:
		fmt.Fprintf(&b, "%s: %d, no difference\n", kind, d.lines)
		return b.String()
	case len(d.only[0])+len(d.only[1]) == 0:
		fmt.Fprintf(&b, "%s: %d, the same in another order\n", kind, d.lines)
		return b.String()
	}
	for i, where := range []string{"live", "replay"} {
		fmt.Fprintf(&b, "%s: %d only in %s\n", kind, len(d.only[i]), where)
		slices.Sort(d.only[i])
		for _, line := range d.only[i][:min(len(d.only[i]), shownLines)] {
			b.WriteString("  " + line)
		}
	}
	return b.String()
}
