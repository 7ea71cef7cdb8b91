package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/weir-sensor/weir/detect/transport"
	"github.com/weir-sensor/weir/learn"
	"github.com/weir-sensor/weir/research"
)

const trainTransportHelp = `transport fits a classifier of pluggable transports to labelled captures; the file it writes is what
detect.transport.model names. Each PATH is one capture, or a directory of captures that were made together. Threshold,
probabilities and evidence rest on flows of servers that the classifier was not fitted to. The same captures,
labels, seed and program give the same file.`

// transportTraining is one run of train transport.
type transportTraining struct {
	training
	data     dataset
	features string
	fitting  research.Fitting
	kind     string
	rows     string // file for the feature rows; "": none
}

// trainTransport completes a command that trains a transport model: train transport, and train itself.
func trainTransport(a *app, cmd *cobra.Command) *cobra.Command {
	t := &transportTraining{training: training{app: a}, fitting: research.DefaultFitting()}
	t.command(cmd, t.run)
	flags := cmd.Flags()
	t.data.flags(flags)
	flags.StringVar(&t.kind, "model", string(t.fitting.Kind), "The classifier: `trees, logistic or sgd`")
	flags.StringVar(&t.features, "features", research.OfFlows, "Look at how flows begin, at windows or at both: `flows, windows or both`")
	flags.StringVar(&t.rows, "rows", "", "Write the feature rows into this CSV `file`, too")
	flags.StringVar(&t.fitting.Split, "split", t.fitting.Split, "Hold out cases by `server, host or capture`")
	flags.Float64Var(&t.fitting.FPR, "fpr", t.fitting.FPR, "Set the threshold where this `share` of negatives is called, 0 to 0.5")
	flags.IntVar(&t.fitting.Simulated, "simulated", t.fitting.Simulated, "Fit trees of flow starts to `n` simulated flows of each class, too, 0 to 100000")
	flags.Uint64Var(&t.fitting.Seed, "seed", t.fitting.Seed, "Decide what is left to chance by this `seed`")
	wants(flags, "fpr", "0 to 0.5")
	wants(flags, "simulated", "0 to 100000")
	return cmd
}

func newTrainTransport(a *app) *cobra.Command {
	return trainTransport(a, &cobra.Command{
		Use:     "transport PATH... --labels FILE --out FILE",
		Short:   "Fit a model of pluggable transports to labelled captures",
		Long:    trainTransportHelp,
		Example: `  weir train transport --labels day.labels.tsv --out model.json day.pcap`,
	})
}

func (t *transportTraining) check() (set transport.Set, err error) {
	if err := t.data.check(); err != nil {
		return "", err
	}
	t.fitting.Kind = learn.Kind(t.kind)
	if !slices.Contains(research.Kinds(), t.fitting.Kind) {
		return "", usagef("--model: got %q, want trees, logistic or sgd", t.kind)
	}
	if !slices.Contains(research.Splits(), t.fitting.Split) {
		return "", usagef("--split: got %q, want server, host or capture", t.fitting.Split)
	}
	if !(t.fitting.FPR >= 0 && t.fitting.FPR <= .5) {
		return "", usagef("--fpr: got %v, want 0 to 0.5", t.fitting.FPR)
	}
	if t.fitting.Simulated < 0 || t.fitting.Simulated > 100_000 {
		return "", usagef("--simulated: got %d, want 0 to 100000", t.fitting.Simulated)
	}
	return setOf(t.features)
}

func (t *transportTraining) run(ctx context.Context) error {
	set, err := t.check()
	if err != nil {
		return err
	}
	data, err := t.collect(ctx, &t.data, t.features, false)
	if err != nil {
		return err
	}
	contract := transport.Contract(set, t.config.Window)
	if t.rows != "" {
		var b bytes.Buffer
		err := research.WriteRows(&b, data, research.VectorizerOf(contract, transport.StartPackets))
		if err = errors.Join(err, writeWhole(t.rows, b.Bytes())); err != nil {
			return err
		}
	}
	if t.fitting.Split == "capture" {
		t.fitting.Folds = min(t.fitting.Folds, max(2, len(t.paths)))
	}
	t.fitting.OnFold = func(done int) { t.told(done) }
	model, held, err := t.fitting.Fit(data, contract)
	t.clear()
	if err != nil {
		return fmt.Errorf("train: %w", err)
	}
	figures := research.NewFigures(data, held, t.fitting)
	if model.Manifest, err = json.Marshal(transportManifest{t.manifest(), t.settings(), figures}); err != nil {
		return err
	}
	text, err := model.Seal()
	if err != nil {
		return err
	}
	if err := t.write(text); err != nil {
		return err
	}
	return t.print([]byte(figures.Text() + fmt.Sprintf("threshold: %.4f; %d features; %d bytes written to %s\n",
		model.Thresholds.Score, len(model.Features.Features), len(text), t.out)))
}

// transportManifest says what a model was made from, how, and how good it was on what it was not fitted to.
type transportManifest struct {
	trainingManifest
	Settings transportSettings `json:"settings"`
	HeldOut  *research.Figures `json:"held_out"`
}

type transportSettings struct {
	Model    learn.Kind `json:"model"`
	Features string     `json:"features"`
	Positive []string   `json:"positive"`
	Negative []string   `json:"negative"`
	Split    string     `json:"split"`
	Folds    int        `json:"folds"`
	FPR      float64    `json:"fpr"`
	Seed     uint64     `json:"seed"`

	Simulated int `json:"simulated"` // flows of each class, at most
}

func (t *transportTraining) settings() transportSettings {
	return transportSettings{t.fitting.Kind, t.features, t.data.positive, t.data.negative, t.fitting.Split, t.fitting.Folds, t.fitting.FPR,
		t.fitting.Seed, t.fitting.Simulated}
}

// told says on a terminal how many folds are done.
func (t *training) told(done int) {
	if terminal(t.stderr) {
		fmt.Fprintf(t.stderr, "\rfitted without fold %d", done)
	}
}

func (t *training) clear() {
	if terminal(t.stderr) {
		fmt.Fprint(t.stderr, "\r\033[K")
	}
}
