package transport_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/weir-sensor/weir/capture/pcapfile"
	"github.com/weir-sensor/weir/detect/transport"
	"github.com/weir-sensor/weir/features"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/learn"
	"github.com/weir-sensor/weir/research"
	"github.com/weir-sensor/weir/sensor"
)

var update = flag.Bool("update", false, "fit the model that comes with weir again")

// random are the transports that the model is fitted to.
var random = []string{"obfs4-iat0", "obfs4-iat1", "obfs4-iat2", "obfs3", "scramblesuit", "shadowsocks", "vmess-tcp"}

// row is one labelled flow of the corpus.
type row struct {
	run, transport, server string
	positive, other        bool // of random; another transport
	record                 flowtable.Record
}

// keeper keeps the records that can be judged.
type keeper struct{ records []flowtable.Record }

func (k *keeper) Flows(records []flowtable.Record) error {
	for i := range records {
		if transport.Judgeable(&records[i]) {
			k.records = append(k.records, records[i])
		}
	}
	return nil
}
func (*keeper) Flush() error { return nil }
func (*keeper) Close() error { return nil }
func (*keeper) Abort() error { return nil }

// corpus returns the labelled flows of both runs.
func corpus(t *testing.T) (rows []row) {
	t.Helper()
	shared := os.Getenv("WEIR_SHARED")
	if shared == "" {
		t.Skip("WEIR_SHARED is not set: the labelled corpus is not at hand")
	}
	for _, run := range []string{"dev", "dev3"} {
		files, err := filepath.Glob(filepath.Join(shared, "corpus", run, "*.labels.tsv"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no labels of %s: %v", run, err)
		}
		for _, file := range files {
			if strings.Contains(file, "flood") || strings.Contains(file, "portscan") || strings.Contains(file, "_dns.") {
				continue // nothing of them has payload of TCP both ways
			}
			rows = append(rows, labelled(t, run, file)...)
		}
	}
	return rows
}

func labelled(t *testing.T, run, file string) (rows []row) {
	t.Helper()
	labels, err := research.LoadLabels(context.Background(), file)
	if err != nil {
		t.Fatal(err)
	}
	src, err := pcapfile.Open([]string{strings.Replace(file, ".labels.tsv", ".pcap.gz", 1)}, pcapfile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	var sink keeper
	cfg := flowtable.DefaultConfig()
	cfg.Features = transport.FlowGroups()
	_, err = sensor.Run(context.Background(), src, &sink, sensor.Options{Config: sensor.Config{Shards: 1, Batch: 4096}, Flow: cfg,
		LabelFlows: research.NewJoiner(labels, nil, nil).Flows})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range sink.records {
		if r.Label == 0 {
			continue
		}
		l := labels.FlowLabels().Rows[r.Label-1]
		positive := slices.Contains(random, l[2])
		rows = append(rows, row{run: run, transport: l[2], server: fmt.Sprint(run, r.Server, r.ServerPort), positive: positive,
			other: l[0] == "pt" && !positive, record: r})
	}
	return rows
}

// classify returns the classifier of rows.
func classify(rows *learn.Rows) (*learn.Model, error) {
	c := learn.DefaultTrees()
	c.Most, c.Depth, c.Rate, c.MinLeaf, c.Validation, c.Columns = 80, 3, .15, 10, 0, .4
	return c.Fit(rows)
}

// table makes rows of numbers of flows, grouped by server.
func table(rows []row, limit int) *learn.Rows {
	var servers []string
	for _, r := range rows {
		servers = append(servers, r.server)
	}
	out := &learn.Rows{Columns: transport.Columns(transport.Contract(transport.StartSet, features.DefaultConfig()))}
	for i, group := range learn.Numbers(servers) {
		out.Add(transport.AppendStart(nil, &rows[i].record, limit), rows[i].positive, group)
	}
	return out
}

func pick(rows []row, keep func(r *row) bool) (kept []row) {
	for i := range rows {
		if keep(&rows[i]) {
			kept = append(kept, rows[i])
		}
	}
	return kept
}

// heldOut are figures of flows that a model was not fitted to.
type heldOut struct {
	Train    string         `json:"train"`
	Test     string         `json:"test"`
	Positive int            `json:"positive"`
	Negative int            `json:"negative"`
	AUC      float64        `json:"auc"`
	TPR      learn.AtFPR    `json:"tpr_at_fpr_0.005"`
	Missed   map[string]int `json:"missed"`
	Called   map[string]int `json:"called"`
}

// The model that comes with weir, and its figures: fitted to one run it tells the flows of the other apart.
func TestCorpus(t *testing.T) {
	rows := corpus(t)
	plain := pick(rows, func(r *row) bool { return !r.other })
	var figures []heldOut
	for _, run := range [][2]string{{"dev", "dev3"}, {"dev3", "dev"}} {
		train := pick(plain, func(r *row) bool { return r.run == run[0] })
		test := pick(plain, func(r *row) bool { return r.run == run[1] })
		c, err := classify(table(train, transport.StartPackets))
		if err != nil {
			t.Fatal(err)
		}
		f := judge(c, test, run)
		figures = append(figures, f)
		text, _ := json.Marshal(f)
		t.Logf("%s", text)
		if f.AUC < .995 || f.TPR.TPR.Value < .95 {
			t.Errorf("%v: AUC %v, TPR %v, want 0.995 and 0.95 at least", run, f.AUC, f.TPR.TPR.Value)
		}
	}
	if *update {
		write(t, plain, figures)
	}
}

func judge(c *learn.Model, test []row, run [2]string) heldOut {
	data := table(test, transport.StartPackets)
	scores := c.Scores(data)
	roc := learn.NewROC(scores, data.Positive)
	f := heldOut{Train: run[0], Test: run[1], AUC: roc.AUC(), TPR: roc.TPRAtFPR(.005), Missed: map[string]int{}, Called: map[string]int{}}
	f.Positive, f.Negative = data.Count()
	for i, s := range scores {
		switch called := s >= f.TPR.Threshold; {
		case called && !test[i].positive:
			f.Called[test[i].transport]++
		case !called && test[i].positive:
			f.Missed[test[i].transport]++
		}
	}
	return f
}

// write fits the model to both runs. Threshold, evidence and calibration are those of one run judged by the other.
func write(t *testing.T, rows []row, figures []heldOut) {
	t.Helper()
	folds := make([]int, len(rows))
	for i, r := range rows {
		if r.run == "dev3" {
			folds[i] = 1
		}
	}
	m := &transport.Model{Features: transport.Contract(transport.StartSet, features.DefaultConfig())}
	if err := m.Fit(table(rows, transport.StartPackets), folds, .001, classify); err != nil {
		t.Fatal(err)
	}
	var err error
	if m.Manifest, err = json.Marshal(map[string]any{"fitted_to": "runs dev and dev3 of the labelled corpus", "positive": random,
		"held_out": figures}); err != nil {
		t.Fatal(err)
	}
	text, err := m.Seal()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes, %d trees, %+v, %+v", len(text), m.Classifier.Trees.Trees(), m.Thresholds, m.Evidence)
	if err := os.WriteFile("builtin.json", text, 0o644); err != nil {
		t.Fatal(err)
	}
}
