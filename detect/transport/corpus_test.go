package transport_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/weir-sensor/weir/capture/pcapfile"
	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/detect/transport"
	"github.com/weir-sensor/weir/features"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/learn"
	"github.com/weir-sensor/weir/research"
	"github.com/weir-sensor/weir/sensor"
)

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
	return c.Fit(transport.Blank(rows, transport.Passing()))
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

// What can be told of one run by what was fitted to the other.
func TestCorpus(t *testing.T) {
	rows := corpus(t)
	t.Run("flows", func(t *testing.T) { testFlows(t, rows) })
	t.Run("servers", func(t *testing.T) { testServers(t, rows) })
	t.Run("shapes", func(t *testing.T) { testShapes(t, rows) })
	t.Run("left out", func(t *testing.T) { testLeftOut(t, rows) })
}

// testFlows tells flows of one run apart.
func testFlows(t *testing.T, rows []row) {
	t.Helper()
	plain := pick(rows, func(r *row) bool { return !r.other })
	for _, run := range [][2]string{{"dev", "dev3"}, {"dev3", "dev"}} {
		train := pick(plain, func(r *row) bool { return r.run == run[0] })
		test := pick(plain, func(r *row) bool { return r.run == run[1] })
		c, err := classify(table(train, transport.StartPackets))
		if err != nil {
			t.Fatal(err)
		}
		f := judge(c, test, run)
		text, _ := json.Marshal(f)
		t.Logf("%s", text)
		if f.AUC < .995 || f.TPR.TPR.Value < .95 {
			t.Errorf("%v: AUC %v, TPR %v, want 0.995 and 0.95 at least", run, f.AUC, f.TPR.TPR.Value)
		}
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

// alerts takes alerts.
type alerts struct{ all []detect.Alert }

func (a *alerts) Alerts(all []detect.Alert) error {
	a.all = append(a.all, all...)
	return nil
}

// fitted writes the file of a model fitted to rows, of which folds are held out by server.
func fitted(t *testing.T, rows []row) string {
	t.Helper()
	data := table(rows, transport.StartPackets)
	m := &transport.Model{Features: transport.Contract(transport.StartSet, features.DefaultConfig()), Unused: transport.Passing(),
		Manifest: json.RawMessage("{}")}
	if err := m.Fit(data, learn.Folds(data.Group, data.Positive, 5, 1), .001, classify); err != nil {
		t.Fatal(err)
	}
	text, err := m.Seal()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "model.json")
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// testServers: fitted to one run, the detector calls the servers of transports of the other after five flows to each, and no others.
func testServers(t *testing.T, rows []row) {
	t.Helper()
	for _, run := range [][2]string{{"dev", "dev3"}, {"dev3", "dev"}} {
		cfg := transport.DefaultConfig()
		cfg.Model = fitted(t, pick(rows, func(r *row) bool { return !r.other && r.run == run[0] }))
		d, err := transport.New(cfg, features.DefaultConfig())
		if err != nil {
			t.Fatal(err)
		}
		test := pick(rows, func(r *row) bool { return r.run == run[1] })
		slices.SortStableFunc(test, func(a, b row) int { return cmp.Compare(a.record.Written, b.record.Written) })
		seen, is, out := map[string]int{}, map[string]bool{}, &alerts{}
		e := detect.NewEngine(detect.DefaultConfig(), []detect.Detector{d}, out)
		for i := range test {
			r := &test[i]
			is[r.server] = is[r.server] || r.positive
			if seen[r.server]++; seen[r.server] <= 5 {
				e.Flows([]flowtable.Record{r.record})
			}
		}
		e.End(test[len(test)-1].record.End)
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
		called := map[string]bool{}
		for _, a := range out.all {
			if a.Kind == "obfuscated_proxy" {
				called[fmt.Sprint(run[1], a.Subject.Addr, a.ServerPort)] = true
			}
		}
		found, wanted, wrong := 0, 0, 0
		for server, n := range seen {
			switch {
			case is[server] && n >= 5:
				wanted++
				if called[server] {
					found++
				}
			case !is[server] && called[server]:
				wrong++
			}
		}
		t.Logf("fitted to %s: of %s %d of %d servers of transports with 5 flows, %d of %d others", run[0], run[1], found, wanted, wrong, len(seen)-wanted)
		if found < wanted || wrong > 0 || wanted < 15 {
			t.Errorf("%v: %d of %d servers called, and %d others", run, found, wanted, wrong)
		}
	}
}

// testShapes: what alerts by its shape alone is what it is called, and is found.
func testShapes(t *testing.T, rows []row) {
	t.Helper()
	for _, run := range []string{"dev", "dev3"} {
		is, out, cfg := map[string]string{}, &alerts{}, transport.DefaultConfig()
		cfg.OpenVPN = true
		d, err := transport.New(cfg, features.DefaultConfig())
		if err != nil {
			t.Fatal(err)
		}
		e := detect.NewEngine(detect.DefaultConfig(), []detect.Detector{d}, out)
		for _, r := range pick(rows, func(r *row) bool { return r.run == run }) {
			is[r.server] = r.transport
			e.Flows([]flowtable.Record{r.record})
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
		kinds := map[string][]string{"meek_polls": {"meek-lite"}, "openvpn": {"openvpn-tcp"},
			"tls_in_tls": {"meek-lite", "trojan", "vmess-ws-tls", "simple-obfs-tls"}}
		found := map[string]map[string]bool{"meek_polls": {}, "openvpn": {}, "tls_in_tls": {}}
		for _, a := range out.all {
			want, shape := kinds[a.Kind]
			server := fmt.Sprint(run, a.Subject.Addr, a.ServerPort)
			if shape && !slices.Contains(want, is[server]) {
				t.Errorf("%s: %s said of %s", run, a.Kind, is[server])
			} else if shape {
				found[a.Kind][server] = true
			}
		}
		if len(found["meek_polls"]) != 1 || len(found["openvpn"]) != 3 || len(found["tls_in_tls"]) < 4 {
			t.Errorf("%s: %v, want the server of meek, three of OpenVPN, and four with TLS within TLS", run, found)
		}
	}
}

// testLeftOut: of transports that were left out of the training most flows are called, and of all that are called nine in ten within ten
// packets.
func testLeftOut(t *testing.T, rows []row) {
	t.Helper()
	for _, run := range [][2]string{{"dev", "dev3"}, {"dev3", "dev"}} {
		train := pick(rows, func(r *row) bool { return !r.other && r.run == run[0] })
		test := pick(rows, func(r *row) bool { return r.positive && r.run == run[1] })
		m, err := transport.LoadModel(fitted(t, train), features.DefaultConfig())
		if err != nil {
			t.Fatal(err)
		}
		early, called := 0, 0
		for i := range test {
			if c := decided(m, &test[i]); c > 0 {
				called++
				if c <= 10 {
					early++
				}
			}
		}
		t.Logf("fitted to %s: of %d flows %d called, %d of them within 10 packets", run[0], len(test), called, early)
		if 10*early < 9*called || called == 0 {
			t.Errorf("%v: %d of %d calls within ten packets", run, early, called)
		}
		bt := []string{"bittorrent-mse", "bittorrent-plain"}
		c, err := classify(table(pick(train, func(r *row) bool { return !slices.Contains(bt, r.transport) }), transport.StartPackets))
		if err != nil {
			t.Fatal(err)
		}
		other := table(pick(rows, func(r *row) bool { return r.run == run[1] && slices.Contains(bt, r.transport) }), transport.StartPackets)
		wrong := 0
		for _, s := range c.Scores(other) {
			wrong += class(s >= m.Thresholds.Score)
		}
		t.Logf("fitted to %s without BitTorrent: %d of its %d flows called", run[0], wrong, other.Len())
		for _, left := range random {
			c, err := classify(table(pick(train, func(r *row) bool { return r.transport != left }), transport.StartPackets))
			if err != nil {
				t.Fatal(err)
			}
			found, of := 0, 0
			data := table(test, transport.StartPackets)
			for i, s := range c.Scores(data) {
				if test[i].transport == left {
					of++
					found += class(s >= m.Thresholds.Score)
				}
			}
			t.Logf("fitted to %s without %s: %d of %d flows", run[0], left, found, of)
			if 10*found < 7*of {
				t.Errorf("%s left out: %d of %d flows called, want seven in ten at least", left, found, of)
			}
		}
	}
}

// decided returns after how many packets with payload a flow is called, 0 where it never is.
func decided(m *transport.Model, r *row) int {
	for n := transport.Earliest(&r.record); n <= transport.StartPackets; n++ {
		if m.Classifier.Predict(transport.AppendStart(nil, &r.record, n)) >= m.Thresholds.Score {
			return n
		}
	}
	return 0
}

func class(b bool) int {
	if b {
		return 1
	}
	return 0
}
