package main

import (
	"bufio"
	"errors"
	"fmt"

	"github.com/weir-sensor/weir/capture"
	"github.com/weir-sensor/weir/capture/pcapfile"
	"github.com/weir-sensor/weir/config"
	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/output"
	"github.com/weir-sensor/weir/sensor"
)

// kept is a directory with everything of a live run: what each source delivered, ring-N.pcap, and what became of it,
// in NDJSON: flows, windows, alerts, aggregates, rankings. weir parity compares the two.
type kept struct {
	dir     *output.Dir
	flows   output.Sink
	windows output.WindowSink // nil: none are wanted
	alerts  output.AlertSink  // nil: nothing is judged
	rings   []*keptRing
	engine  *detect.Engine // nil: nothing is judged
}

// keep begins to keep a run of so many sources.
func keep(path string, sources []capture.Live, c config.Config) (*kept, error) {
	dir, err := output.OpenDir(path)
	if err != nil {
		return nil, err
	}
	k := &kept{dir: dir}
	of := sinks{output.NDJSON, 1}
	file, err := dir.Create("flows.ndjson")
	if err != nil {
		return nil, errors.Join(err, dir.Close())
	}
	k.flows = of.flows(file, output.Columns{Features: c.Flow.Groups()})
	if c.Aggregate.Enabled {
		sums, err := createSums(dir, output.NDJSON, c)
		if err != nil {
			return nil, errors.Join(err, dir.Close())
		}
		k.flows = output.NewTee(k.flows, sums)
	}
	if c.Window.Enabled {
		if file, err = dir.Create("windows.ndjson"); err != nil {
			return nil, errors.Join(err, dir.Close())
		}
		k.windows = of.windows(file, c.Window, nil)
	}
	if c.Detect.Judges() {
		if file, err = dir.Create("alerts.ndjson"); err != nil {
			return nil, errors.Join(err, dir.Close())
		}
		k.alerts = output.NewAlerts(file, output.NDJSON, programVersion())
	}
	for i, src := range sources {
		file, err := dir.Create(fmt.Sprintf("ring-%d.pcap", i))
		if err != nil {
			return nil, errors.Join(err, dir.Close())
		}
		unsummed, err := dir.Create(unsummedName(fmt.Sprintf("ring-%d.pcap", i)))
		if err != nil {
			return nil, errors.Join(err, dir.Close())
		}
		k.rings = append(k.rings, &keptRing{Live: src, file: file, marks: unsummed, unsummed: unsummedWriter{to: bufio.NewWriter(unsummed)}})
	}
	return k, nil
}

// join puts the directory beside the other outputs of a run, and its files behind the sources.
func (k *kept) join(to *liveSinks, sources []capture.Live, opt *sensor.Options, alerts *output.AlertTee) {
	to.flows = output.NewTee(to.flows, k.flows)
	if k.windows != nil && opt.WindowSink != nil {
		opt.WindowSink = output.NewWindowTee(opt.WindowSink, k.windows)
	} else if k.windows != nil {
		opt.WindowSink = k.windows
	}
	if k.alerts != nil {
		alerts.Add(k.alerts)
	}
	k.engine = opt.Detect
	for i, r := range k.rings {
		sources[i] = r
	}
}

// end completes the directory, with the run's ledger and manifest.
func (k *kept) end(ledger *sensor.Ledger, m *manifest) error {
	problems := []error{k.flows.Close()}
	if k.windows != nil {
		problems = append(problems, k.windows.Close())
	}
	if k.alerts != nil {
		problems = append(problems, k.alerts.Close())
	}
	for _, r := range k.rings {
		problems = append(problems, r.complete())
	}
	found := gather(k.engine)
	problems = append(problems, found.write(output.NDJSON, k.dir.Create), k.writeJSON("ledger.json", ledger))
	m.Outputs = k.dir.Names()
	problems = append(problems, k.writeJSON("manifest.json", m))
	err := errors.Join(problems...)
	if err == nil {
		err = k.dir.Complete()
	}
	return errors.Join(err, k.dir.Close())
}

func (k *kept) writeJSON(name string, v any) error {
	file, err := k.dir.Create(name)
	if err != nil {
		return err
	}
	return output.WriteJSON(file, v)
}

// keptRing is a source whose frames are written to a file. An error of that ends the run.
type keptRing struct {
	capture.Live
	file output.Target
	to   *pcapfile.Writer // nil before the first frame

	marks    output.Target
	unsummed unsummedWriter // to marks
}

// Read implements capture.Source.
func (r *keptRing) Read(b *capture.Batch) error {
	if err := r.Live.Read(b); err != nil {
		return err
	}
	if r.to == nil {
		if err := r.begin(b.Frames[0].Link); err != nil {
			return err
		}
	}
	if err := r.unsummed.add(b); err != nil {
		return err
	}
	return r.to.Write(b)
}

// Parts implements capture.Composed.
func (r *keptRing) Parts() []capture.Live { return capture.Parts(r.Live) }

func (r *keptRing) begin(link uint16) (err error) {
	r.to, err = pcapfile.NewWriter(r.file, link)
	return err
}

// complete ends the file: an empty capture where nothing came.
func (r *keptRing) complete() error {
	if r.to == nil {
		if err := r.begin(1); err != nil {
			return err
		}
	}
	return errors.Join(r.to.Flush(), r.file.Close(), r.unsummed.to.Flush(), r.marks.Close())
}
