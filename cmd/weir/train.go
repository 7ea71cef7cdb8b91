package main

import (
	"context"
	"errors"
	"os"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/weir-sensor/weir/capture/pcapfile"
	"github.com/weir-sensor/weir/config"
	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/sensor"
)

const trainHelp = `train makes the files that detectors learn from captures. Each PATH is one trace, which is read by itself; of
several captures of one time make one first, for instance with mergecap. Without the name of what is to be made,
it is a model of pluggable transports.`

func newTrain(a *app) *cobra.Command {
	group := trainTransport(a, &cobra.Command{
		Use:     "train PATH... --labels FILE --out FILE",
		Short:   "Fit what detectors learn from captures",
		Long:    trainHelp,
		Example: `  weir train --labels day.labels.tsv --out model.json day.pcap`,
	})
	transport := group.RunE
	group.Args = cobra.ArbitraryArgs
	group.RunE = func(cmd *cobra.Command, args []string) error {
		switch {
		case cmd.Flags().Changed("labels") || cmd.Flags().Changed("out"):
			if err := someCaptures(cmd, args); err != nil {
				return err
			}
			return transport(cmd, args)
		case len(args) > 0:
			if _, err := os.Stat(args[0]); err == nil {
				return transport(cmd, args) // which says what is missing
			}
			return subcommandsOnly(cmd, args)
		}
		return cmd.Help()
	}
	group.AddCommand(newTrainTransport(a), newTrainSequence(a), newTrainEnsemble(a))
	return group
}

// training is one run of a command of train.
type training struct {
	*app
	config config.Config
	paths  []string
	out    string
	inputs []manifestInput // that were read
	labels []manifestLabels
}

// trainingManifest says what a model was made from.
type trainingManifest struct {
	Version string           `json:"version"` // of the program
	Commit  string           `json:"commit,omitempty"`
	Inputs  []manifestInput  `json:"inputs"` // each a trace
	Labels  []manifestLabels `json:"labels,omitempty"`
}

// command completes a command of train, which does run.
func (t *training) command(cmd *cobra.Command, run func(context.Context) error) *cobra.Command {
	cmd.Args = someCaptures
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		loaded, err := t.load(cmd)
		if err != nil {
			return err
		}
		if t.out == "" {
			return usagef("--out: want the name of the file to write")
		}
		t.config, t.paths = loaded.Config, args
		return run(cmd.Context())
	}
	cmd.Flags().StringVar(&t.out, "out", "", "Write this `file`")
	return cmd
}

// trace reads the trace of a path through detectors. label, where it is not nil, sees the records first.
func (t *training) trace(ctx context.Context, path string, made []detect.Detector, label func([]flowtable.Record)) (err error) {
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
	engage(t.config, made, nothing{}, &opt)
	opt.LabelFlows = label
	if _, err = sensor.Run(ctx, src, nothing{}, opt); err != nil {
		return err
	}
	t.addInputs(src.Stats())
	return ctx.Err()
}

func (t *training) manifest() trainingManifest {
	info, _ := debug.ReadBuildInfo()
	m := trainingManifest{Inputs: t.inputs, Labels: t.labels}
	m.Version, m.Commit = identity(version, commit, info)
	return m
}

// write writes the file, which has its name only once it is complete.
func (t *training) write(text []byte) error { return writeWhole(t.out, text) }

// writeWhole writes a file, which has its name only once it is complete.
func writeWhole(name string, text []byte) error {
	partial := name + ".partial"
	f, err := os.Create(partial)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(partial, name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(partial))
	}
	return nil
}

// nothing takes records and alerts and forgets them.
type nothing struct{}

func (nothing) Flows([]flowtable.Record) error { return nil }
func (nothing) Alerts([]detect.Alert) error    { return nil }
func (nothing) Flush() error                   { return nil }
func (nothing) Close() error                   { return nil }
func (nothing) Abort() error                   { return nil }
