package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/detect/sequence"
)

const trainSequenceHelp = `sequence trains the recurrent network of the detector of that name on good traffic, and writes the model that
detect.sequence.model names. Every fourth host is not trained on: how wrong the network is about those
gives the threshold. The same traces, seed and program give the same model.`

func newTrainSequence(a *app) *cobra.Command {
	t := &training{app: a}
	opt := sequence.DefaultOptions()
	cmd := t.command(&cobra.Command{
		Use:     "sequence PATH... --out FILE",
		Short:   "Train the network that predicts what hosts do next",
		Long:    trainSequenceHelp,
		Example: `  weir train sequence --out model.json monday.pcap tuesday.pcap`,
	}, func(ctx context.Context) error {
		if opt.Epochs < 1 || opt.Hidden < 1 || opt.Hidden > sequence.MaxHidden {
			return usagef("--epochs, --hidden: got %d and %d, want 1 or more, and 1 to %d", opt.Epochs, opt.Hidden, sequence.MaxHidden)
		}
		return t.sequence(ctx, opt)
	})
	flags := cmd.Flags()
	flags.IntVar(&opt.Epochs, "epochs", opt.Epochs, "Go `n` times over the traces")
	flags.IntVar(&opt.Hidden, "hidden", opt.Hidden, "Give the network `n` units")
	wants(flags, "epochs", "1 or more")
	wants(flags, "hidden", fmt.Sprintf("1 to %d", sequence.MaxHidden))
	flags.Uint64Var(&opt.Seed, "seed", opt.Seed, "Begin with the weights of this `seed`")
	return cmd
}

func (t *training) sequence(ctx context.Context, opt sequence.Options) error {
	var all []*sequence.Sequence
	for _, path := range t.paths {
		c := sequence.NewCollector(t.config.Detect.Sequence.MaxHosts)
		if err := t.trace(ctx, path, []detect.Detector{c}, nil); err != nil {
			return err
		}
		all = append(all, c.Sequences()...)
	}
	m, err := sequence.Train(all, opt)
	if err != nil {
		return fmt.Errorf("train: %w", err)
	}
	m.Manifest = t.manifest()
	if err := t.write(m.Seal()); err != nil {
		return err
	}
	tr := m.Training
	return t.print(fmt.Appendf(nil, `trained on %d hosts, %d steps of 10 s; judged by %d steps of other hosts
mean squared error there: %.3f; of predicting the same step again: %.3f; of predicting the mean: %.3f
threshold: %.2f
`, tr.Sequences, tr.Steps, tr.HeldOut, tr.Loss, tr.Last, tr.Mean, m.Threshold))
}
