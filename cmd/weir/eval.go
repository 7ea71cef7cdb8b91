package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/weir-sensor/weir/detect/transport"
	"github.com/weir-sensor/weir/output"
	"github.com/weir-sensor/weir/research"
	"github.com/weir-sensor/weir/research/covertmark"
	"github.com/weir-sensor/weir/research/plots"
)

const evalHelp = `eval judges a model of train transport by labelled captures that it was not fitted to: how well flows (or windows) and
servers are told apart, with intervals, beside the published first-packet rules, CovertMark's strategies, a
decision tree and chance on the same data; what benign applications are called; how soon; whether probabilities
hold; and whether anything gives the classes away that should not. With --strategy it judges one of CovertMark's
strategies instead.`

// evaluation is one run of eval.
type evaluation struct {
	training
	data     dataset
	model    string
	strategy string
	format   string
	judging  research.Judging
}

func newEval(a *app) *cobra.Command {
	e := &evaluation{training: training{app: a}, judging: research.DefaultJudging()}
	cmd := &cobra.Command{
		Use:   "eval PATH... --labels FILE --model FILE",
		Short: "Judge a model of pluggable transports by labelled captures",
		Long:  evalHelp,
		Example: `  weir eval --model model.json --labels other.labels.tsv other.pcap
  weir eval --strategy entropy-distribution --labels other.labels.tsv other.pcap`,
		Args: someCaptures,
		RunE: func(cmd *cobra.Command, args []string) error {
			loaded, err := a.load(cmd)
			if err != nil {
				return err
			}
			e.config, e.paths = loaded.Config, args
			return e.run(cmd.Context())
		},
	}
	flags := cmd.Flags()
	e.data.flags(flags)
	flags.StringVar(&e.model, "model", "", "Judge the model of this `file`, or builtin")
	flags.StringVar(&e.strategy, "strategy", "", "Judge CovertMark's strategy of this `name`: entropy-distribution, entropy-estimation, length-clustering or sgd")
	flags.StringVar(&e.format, "format", "text", "How the answer is written: `text, json or markdown`")
	flags.StringVar(&e.out, "out", "", "Write report.txt, report.json, report.md and plots into this `directory`, too")
	flags.Float64Var(&e.judging.Server.Base, "base-rate", e.judging.Server.Base, "Call servers as if this `share` of them were transports'")
	flags.Float64Var(&e.judging.Server.Probability, "probability", e.judging.Server.Probability, "Call servers from this `probability` on")
	flags.IntVar(&e.judging.Draws, "draws", e.judging.Draws, "Draw servers `n` times for intervals")
	flags.Uint64Var(&e.judging.Seed, "seed", e.judging.Seed, "Decide what is left to chance by this `seed`")
	wants(flags, "base-rate", "more than 0 and less than 1")
	wants(flags, "probability", "more than 0 and less than 1")
	wants(flags, "draws", "0 to 100000")
	return cmd
}

// check reads the flags, and the model where there is one. Its errors are usage errors, unless it is the model's.
func (e *evaluation) check() (*transport.Model, error) {
	if err := e.data.check(); err != nil {
		return nil, err
	}
	if !slices.Contains([]string{"text", "json", "markdown"}, e.format) {
		return nil, usagef("--format: got %q, want text, json or markdown", e.format)
	}
	for _, f := range []struct {
		name  string
		share float64
	}{{"--base-rate", e.judging.Server.Base}, {"--probability", e.judging.Server.Probability}} {
		if !(f.share > 0 && f.share < 1) {
			return nil, usagef("%s: got %v, want more than 0 and less than 1", f.name, f.share)
		}
	}
	if e.judging.Draws < 0 || e.judging.Draws > 100_000 {
		return nil, usagef("--draws: got %d, want 0 to 100000", e.judging.Draws)
	}
	switch {
	case (e.model == "") == (e.strategy == ""):
		return nil, usagef("--model, --strategy: want one of them")
	case e.strategy != "":
		if !slices.Contains(covertmark.Strategies(), e.strategy) {
			return nil, usagef("--strategy: got %q, want %s", e.strategy, orList(covertmark.Strategies()))
		}
		return nil, nil
	}
	m, err := transport.LoadModel(e.model, e.config.Window)
	if err != nil {
		return nil, usagef("--model: %s", oneLine(err))
	}
	return m, nil
}

// evalReport is what eval answers.
type evalReport struct {
	Manifest trainingManifest         `json:"manifest"`
	Model    string                   `json:"model,omitempty"` // its hash
	Result   *research.Evaluation     `json:"evaluation,omitempty"`
	Strategy *research.StrategyReport `json:"strategy,omitempty"`

	tables []research.Table
}

func (e *evaluation) run(ctx context.Context) (err error) {
	model, err := e.check()
	if err != nil {
		return err
	}
	var dir *output.Dir
	if e.out != "" {
		if dir, err = output.OpenDir(e.out); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, dir.Close()) }()
	}
	of := research.OfFlows
	if model != nil {
		for name, set := range setNames() {
			if set == model.Set() {
				of = name
			}
		}
	}
	data, err := e.collect(ctx, &e.data, of, true)
	if err != nil {
		return err
	}
	r := &evalReport{Manifest: e.manifest()}
	if model == nil {
		if r.Strategy, err = research.Strategy(e.strategy, data, e.judging); err != nil {
			return fmt.Errorf("eval: %w", err)
		}
		r.tables = r.Strategy.Tables(e.judging.Bases)
	} else {
		if r.Result, err = research.Evaluate(model, data, e.judging); err != nil {
			return fmt.Errorf("eval: %w", err)
		}
		r.Model, r.tables = model.Hash, r.Result.Tables()
	}
	if dir != nil {
		if err := e.writeAll(dir, r, model, data); err != nil {
			return err
		}
	}
	switch e.format {
	case "json":
		return e.printJSON(r)
	case "markdown":
		return e.print(research.Markdown(r.tables))
	}
	return e.print(research.Text(r.tables))
}

// writeAll writes the report and its plots into a directory.
func (e *evaluation) writeAll(dir *output.Dir, r *evalReport, model *transport.Model, data *research.Dataset) error {
	asJSON, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	files := map[string][]byte{"report.txt": research.Text(r.tables), "report.md": research.Markdown(r.tables), "report.json": append(asJSON, '\n')}
	if model != nil {
		figures, err := r.Result.Figures(model, data)
		if err != nil {
			return err
		}
		for _, f := range figures {
			for _, format := range plots.Formats() {
				if files[f.Name+"."+format], err = f.Bytes(format); err != nil {
					return err
				}
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		file, err := dir.Create(name)
		if err != nil {
			return err
		}
		if _, err := file.Write(files[name]); err != nil {
			return err
		}
		if err := file.Close(); err != nil {
			return err
		}
	}
	return dir.Complete()
}
