package main

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/detect/detectors"
	"github.com/weir-sensor/weir/detect/ensemble"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/research"
)

const trainEnsembleHelp = `ensemble runs the detectors over labelled traces and fits how what they say of a host, and of a flow, becomes a
probability; the file it writes is what detect.ensemble.calibration names. Something is wrong with a flow of one of the
classes of --wrong, and with a host that is the client of such a flow, or the target of a flood of them (family dos).
What the curve and the figures rest on are hosts, and flows of hosts, whose address the weights were not fitted on.`

// ensembleTraining is one run of train ensemble.
type ensembleTraining struct {
	training
	labelFiles, wrong []string

	cases    []ensemble.Case // hosts of all traces
	flows    []ensemble.Case // flows of all traces of which detectors spoke
	features []string
}

func newTrainEnsemble(a *app) *cobra.Command {
	t := &ensembleTraining{training: training{app: a}}
	cmd := t.command(&cobra.Command{
		Use:     "ensemble PATH... --labels FILE --out FILE",
		Short:   "Calibrate the probabilities of the ensemble on labelled captures",
		Long:    trainEnsembleHelp,
		Example: `  weir train ensemble --labels day.labels.tsv --out calibration.json day.pcap`,
	}, t.run)
	cmd.Flags().StringSliceVar(&t.labelFiles, "labels", nil, "Take what flows are from these tab-separated `files` (docs/LABELS.md)")
	cmd.Flags().StringSliceVar(&t.wrong, "wrong", []string{"attack"}, "Classes of flows with which something is wrong")
	detectFlag(cmd.Flags())
	return cmd
}

func (t *ensembleTraining) run(ctx context.Context) error {
	if len(t.labelFiles) == 0 {
		return usagef("--labels: want files that say what the flows are")
	}
	if err := someDetectors(&t.config); err != nil {
		return err
	}
	t.config.Detect.Ensemble.Calibration = ""
	labels, err := research.LoadLabels(ctx, t.labelFiles...)
	if err != nil {
		return usageError{err}
	}
	for _, f := range labels.Files {
		t.labels = append(t.labels, manifestLabels{Name: filepath.Base(f.Name), Size: f.Size, XXH3: f.XXH3, Rows: f.Rows})
	}
	for _, path := range t.paths {
		if err := t.judge(ctx, path, labels); err != nil {
			return err
		}
	}
	return t.fit()
}

// judge adds what the detectors say of a trace's hosts.
func (t *ensembleTraining) judge(ctx context.Context, path string, labels *research.Labels) error {
	made, err := detectors.New(t.config.Detect, t.config.Window)
	if err != nil {
		return usageError{err}
	}
	at := slices.IndexFunc(made, func(d detect.Detector) bool { _, ok := d.(*ensemble.Detector); return ok })
	if at < 0 {
		return usagef("detect.detectors: want ensemble among them")
	}
	joiner, truth := research.NewJoiner(labels, nil, nil), research.NewTruth(labels, t.wrong...)
	label := func(records []flowtable.Record) { joiner.Flows(records); truth.Flows(records) }
	if err := t.trace(ctx, path, made, label); err != nil {
		return err
	}
	said := made[at].(*ensemble.Detector)
	t.features = said.FeatureNames()
	for _, h := range truth.Hosts() {
		c, known := said.Case(h), false
		if c.Positive, known = truth.Host(h); known {
			t.cases = append(t.cases, c)
		}
	}
	for _, c := range said.FlowCases() {
		c.Positive = truth.Flow(c.FlowID)
		t.flows = append(t.flows, c)
	}
	return nil
}

// folds is how many times cases are held out.
const folds = 5

// fold deals addresses out to the folds: those with which something is wrong first, so that each fold has its part.
func fold(cases []ensemble.Case) {
	wrong := map[detect.Host]bool{}
	for _, c := range cases {
		wrong[c.Host] = wrong[c.Host] || c.Positive
	}
	var order []detect.Host
	for h := range wrong {
		order = append(order, h)
	}
	slices.SortFunc(order, func(a, b detect.Host) int {
		if wrong[a] != wrong[b] {
			if wrong[a] {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(a.Version, b.Version), cmp.Compare(a.Addr.Hi, b.Addr.Hi), cmp.Compare(a.Addr.Lo, b.Addr.Lo))
	})
	at := map[detect.Host]int{}
	for i, h := range order {
		at[h] = i % folds
	}
	for i := range cases {
		cases[i].Fold = at[cases[i].Host]
	}
}

// fit writes the calibration of the cases and says how good it is.
func (t *ensembleTraining) fit() error {
	fold(t.cases)
	fold(t.flows)
	c := &ensemble.Calibration{Features: t.features}
	var err error
	if c.Host, err = ensemble.Train(t.cases); err != nil {
		return fmt.Errorf("fit hosts: %w", err)
	}
	if c.Flow, err = ensemble.Train(t.flows); err != nil { // a few hosts may do without it
		c.Flow = nil
		t.logger(t.config).Warn("flows get no probability", "problem", err)
	}
	c.Manifest = t.manifest()
	if err := t.write(c.Seal()); err != nil {
		return err
	}
	return t.print([]byte(calibrationText(c)))
}

// calibrationText says what was fitted.
func calibrationText(c *ensemble.Calibration) string {
	text := stackText("hosts", c.Features, c.Host)
	if c.Flow != nil {
		text += "\n" + stackText("flows", c.Features, c.Flow)
	}
	return text
}

func stackText(of string, features []string, s *ensemble.Stack) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d wrong, %d others\nfeature                         weight\n", of, s.Positives, s.Negatives)
	for i, name := range features {
		if s.Weights[i] > 0 {
			fmt.Fprintf(&b, "%-30s %7.3f\n", name, s.Weights[i])
		}
	}
	m := s.Measured
	fmt.Fprintf(&b, "of %s held out: Brier %.4f, log loss %.4f, expected calibration error %.4f\n", of, m.Brier, m.LogLoss, m.ECE)
	for _, bin := range m.Reliability {
		fmt.Fprintf(&b, "  %4d %s said %.4f, were %.4f\n", bin.N, of, bin.Probability, bin.Happened)
	}
	return b.String()
}
