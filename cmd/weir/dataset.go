package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"github.com/weir-sensor/weir/capture"
	"github.com/weir-sensor/weir/capture/pcapfile"
	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/detect/transport"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
	"github.com/weir-sensor/weir/research"
	"github.com/weir-sensor/weir/sensor"
)

// dataset says what labelled captures are to be read, and how.
type dataset struct {
	labels, positive, negative []string

	chosen, others []research.Choice // of positive and negative
}

func (d *dataset) flags(flags *pflag.FlagSet) {
	flags.StringSliceVar(&d.labels, "labels", nil, "Take what flows are from these tab-separated `files`, or all *.labels.tsv of directories (docs/LABELS.md)")
	flags.StringArrayVar(&d.positive, "positive", []string{"family=pt-random"}, "Flows with these `labels` are positive: COLUMN=VALUE,...; may be repeated")
	flags.StringArrayVar(&d.negative, "negative", []string{"class=benign"}, "Other flows with these `labels` are negative: COLUMN=VALUE,...; may be repeated")
}

// check reads the flags. Its errors are usage errors.
func (d *dataset) check() error {
	if len(d.labels) == 0 {
		return usagef("--labels: want files that say what the flows are")
	}
	for _, f := range []struct {
		name  string
		texts []string
		to    *[]research.Choice
	}{{"--positive", d.positive, &d.chosen}, {"--negative", d.negative, &d.others}} {
		for _, text := range f.texts {
			c, err := research.ParseChoice(text)
			if err != nil {
				return usagef("%s: %s", f.name, err)
			}
			*f.to = append(*f.to, c)
		}
	}
	return nil
}

// setNames are the names of sets of features on the command line.
func setNames() map[string]transport.Set {
	return map[string]transport.Set{research.OfFlows: transport.StartSet, research.OfWindows: transport.WindowSet, research.OfBoth: transport.BothSet}
}

// setOf returns the set of a name.
func setOf(name string) (transport.Set, error) {
	set, ok := setNames()[name]
	if !ok {
		return "", usagef("--features: got %q, want flows, windows or both", name)
	}
	return set, nil
}

// expand replaces directories by the files in them that match a pattern; each file keeps the number of its path.
func expand(paths []string, pattern string) (files []string, of []int) {
	for i, path := range paths {
		found := []string{path}
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			found, _ = filepath.Glob(filepath.Join(path, pattern)) // the patterns are right
		}
		for _, f := range found {
			files, of = append(files, f), append(of, i)
		}
	}
	return files, of
}

// collect reads the captures of t into a dataset. packets says that packet tests are wanted, too.
func (t *training) collect(ctx context.Context, d *dataset, of string, packets bool) (*research.Dataset, error) {
	files, _ := expand(d.labels, "*.labels.tsv")
	labels, err := research.LoadLabels(ctx, files...)
	if err != nil {
		return nil, usageError{err}
	}
	for _, f := range labels.Files {
		t.labels = append(t.labels, manifestLabels{Name: filepath.Base(f.Name), Size: f.Size, XXH3: f.XXH3, Rows: f.Rows})
	}
	captures, runs := expand(t.paths, "*.pcap*")
	if len(captures) == 0 {
		return nil, usagef("no captures in %s", strings.Join(t.paths, ", "))
	}
	c := research.NewCollector(labels, of, d.chosen, d.others, packets)
	for i, path := range captures {
		c.Begin(runs[i], c.WindowConfig(t.config.Window))
		if err := t.collectFrom(ctx, path, labels, c, packets); err != nil {
			return nil, err
		}
	}
	return &c.Dataset, c.Err()
}

// collectFrom reads a capture.
func (t *training) collectFrom(ctx context.Context, path string, labels *research.Labels, c *research.Collector, packets bool) error {
	src, err := openCaptures([]string{path}, pcapfile.Options{Stdin: t.stdin, Hash: true})
	if err != nil {
		return err
	}
	defer src.Close()
	defer context.AfterFunc(ctx, src.Interrupt)()
	opt, err := pipeline(t.config, src.Links())
	if err != nil {
		return err
	}
	opt.Flow.Features, opt.Windows = []string{flowtable.AllFeatures}, c.WindowConfig(t.config.Window)
	joiner := research.NewJoiner(labels, &opt.Windows, nil)
	opt.LabelFlows, opt.LabelWindows = joiner.Flows, joiner.Windows
	opt.Detect = detect.NewEngine(detect.DefaultConfig(), []detect.Detector{c}, nothing{})
	var from capture.Source = src
	var tests *research.PacketCollector
	if packets {
		tests = research.NewPacketCollector(labels)
		from = &tap{Source: src, decode: opt.Decode, see: tests.Add}
	}
	stop := startProgress(t.stderr, captureProgress{src}, "read")
	_, err = sensor.Run(ctx, from, nothing{}, opt)
	stop()
	if err != nil {
		return err
	}
	t.addInputs(src.Stats())
	c.End(tests)
	return ctx.Err()
}

// addInputs notes what was read.
func (t *training) addInputs(stats pcapfile.Stats) {
	for _, f := range stats.Files {
		t.inputs = append(t.inputs, manifestInput{Name: filepath.Base(f.Name), Size: f.Size, XXH3: f.XXH3, Format: f.Format,
			Compression: f.Compression, Frames: f.Frames})
	}
}

// tap is a source whose packets are shown to somebody.
type tap struct {
	capture.Source
	decode packet.Options
	see    func(p *packet.Packet, ts int64, payload []byte)
}

// Read implements capture.Source.
func (t *tap) Read(b *capture.Batch) error {
	if err := t.Source.Read(b); err != nil {
		return err
	}
	var p packet.Packet
	for i := range b.Frames {
		f, data := &b.Frames[i], b.Bytes(i)
		if packet.Decode(&p, f.Link, data, f.Wire, t.decode) == packet.OK {
			t.see(&p, f.Time, data[p.PayloadOff:p.PayloadOff+p.PayloadCap])
		}
	}
	return nil
}
