package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// model trains a model on the demo and returns its file.
func model(t *testing.T, args ...string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "model.json")
	status, _, stderr := command(t, nil, append([]string{"train", "--labels", demoLabels, "--out", out, demo}, args...)...)
	if status != 0 {
		t.Fatalf("train: status %d, %s", status, stderr)
	}
	return out
}

// A model of each set of features and each kind judges the capture it was made from; the answer is the same the second time.
func TestEval(t *testing.T) {
	for _, args := range [][]string{
		{"--model", "trees"}, {"--model", "logistic", "--features", "both"}, {"--model", "sgd", "--features", "windows", "--positive", "class=attack"},
	} {
		eval := []string{"eval", "--labels", demoLabels, "--model", model(t, args...), "--draws", "20", demo}
		if len(args) > 4 {
			eval = append(eval, args[4:]...)
		}
		var answers [2]string
		for i := range answers {
			status, stdout, stderr := command(t, nil, eval...)
			if status != 0 || !strings.Contains(stdout, "CovertMark sgd") || !strings.Contains(stdout, "Leak audit") {
				t.Fatalf("%v: status %d, %s\n%s", args, status, stderr, stdout)
			}
			answers[i] = stdout
		}
		if answers[0] != answers[1] {
			t.Errorf("%v: another answer the second time", args)
		}
	}
}

// The report as JSON and in a directory, with plots.
func TestEvalReport(t *testing.T) {
	file, dir := model(t), filepath.Join(t.TempDir(), "report")
	status, stdout, stderr := command(t, nil, "eval", "--labels", demoLabels, "--model", file, "--draws", "20", "--format", "json", "--out", dir, demo)
	if status != 0 {
		t.Fatalf("status %d, %s", status, stderr)
	}
	var answer struct {
		Manifest   struct{ Inputs, Labels []struct{ Name, XXH3 string } }
		Evaluation struct {
			Methods []struct {
				Name string
				AUC  [3]float64
			}
			Leak_audit []struct{ Column string }
		}
	}
	if err := json.Unmarshal([]byte(stdout), &answer); err != nil {
		t.Fatal(err)
	}
	if m := answer.Evaluation.Methods; len(m) < 8 || m[0].AUC[0] < .99 || len(answer.Manifest.Inputs) != 1 || answer.Manifest.Inputs[0].XXH3 == "" {
		t.Errorf("got %+v", answer)
	}
	for _, name := range []string{"report.txt", "report.md", "report.json", "roc.svg", "roc.png", "precision-recall.svg", "flows-until-decision.png",
		"pca.svg", "confusion-by-transport.svg", "confusion-by-application.png"} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || len(b) < 100 {
			t.Errorf("%s: %d bytes, %v", name, len(b), err)
		}
		if strings.HasSuffix(name, ".png") && !bytes.HasPrefix(b, []byte("\x89PNG")) || strings.HasSuffix(name, ".svg") && !bytes.Contains(b, []byte("<svg")) {
			t.Errorf("%s is no such file", name)
		}
	}
}

func TestEvalStrategies(t *testing.T) {
	for _, name := range []string{"entropy-distribution", "entropy-estimation", "length-clustering", "sgd"} {
		status, stdout, stderr := command(t, nil, "eval", "--labels", demoLabels, "--strategy", name, "--draws", "20", demo)
		if status != 0 || !strings.Contains(stdout, "CovertMark "+name) || !strings.Contains(stdout, "servers blocked") {
			t.Errorf("%s: status %d, %s\n%s", name, status, stderr, stdout)
		}
	}
}

func TestEvalErrors(t *testing.T) {
	dir := t.TempDir()
	file := model(t)
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	cut := write("cut.json", string(whole[:len(whole)/2]))
	changed := write("changed.json", strings.Replace(string(whole), `"fpr":0.001`, `"fpr":0.002`, 1))
	windows := model(t, "--features", "windows", "--positive", "class=attack")
	labels, err := os.ReadFile(demoLabels)
	if err != nil {
		t.Fatal(err)
	}
	header, _, _ := strings.Cut(string(labels), "\n")
	others := write("others.tsv", header+"\n"+strings.Repeat("1\t1\t2\t192.0.2.1\t1\t192.0.2.2\t2\ttcp"+strings.Repeat("\tx", strings.Count(header, "\t")-7)+"\n", 2))
	out := filepath.Join(dir, "model.json")
	eval := func(args ...string) []string {
		return append([]string{"eval", "--labels", demoLabels}, append(args, demo)...)
	}
	train := func(args ...string) []string {
		return append([]string{"train", "transport", "--labels", demoLabels, "--out", out}, append(args, demo)...)
	}
	for _, test := range []struct {
		args   []string
		status int
		want   string
	}{
		{eval(), 2, "--model, --strategy: want one of them"},
		{eval("--strategy", "guess"), 2, `--strategy: got "guess", want entropy-distribution, entropy-estimation, length-clustering or sgd`},
		{eval("--model", cut), 2, "truncated after"},
		{eval("--model", changed), 2, "the file was changed"},
		{eval("--model", filepath.Join(dir, "none.json")), 2, "none.json"},
		{eval("--model", windows, "--set", "window.packets=20"), 2, "features: got other units, bins or windows"},
		{eval("--model", file, "--format", "xml"), 2, `--format: got "xml", want text, json or markdown`},
		{eval("--model", file, "--base-rate", "1"), 2, "--base-rate: got 1, want more than 0 and less than 1"},
		{eval("--model", file, "--positive", "transport=none"), 1, "got 0 positive and 28 negative, want some of each"},
		{eval("--model", file, "--positive", "port=443"), 2, `--positive: got "port=443", want COLUMN=VALUE,...`},
		{[]string{"eval", "--model", file, demo}, 2, "--labels: want files that say what the flows are"},
		{[]string{"eval", "--labels", others, "--model", file, demo}, 1, "the labels match nothing"},
		{[]string{"eval", "--labels", demoLabels, "--model", file}, 2, "no capture given"},
		{[]string{"eval", "--labels", demoLabels, "--model", file, filepath.Join(dir, "none.pcap")}, 2, "none.pcap"},
		{[]string{"eval", "--labels", demoLabels, "--model", file, cut}, 1, "cut.json"},
		{train("--model", "forest"), 2, `--model: got "forest", want trees, logistic or sgd`},
		{train("--features", "packets"), 2, `--features: got "packets", want flows, windows or both`},
		{train("--split", "row"), 2, `--split: got "row", want server, host or capture`},
		{train("--fpr", "2"), 2, "--fpr: got 2, want 0 to 0.5"},
		{train("--negative", "class=pt"), 1, "want some of each"},
		{train("--positive", "workload=down"), 1, "want at least 10 of 2 groups each"},
		{[]string{"train", "--labels", others, "--out", out, demo}, 1, "the labels match nothing"},
		{[]string{"train", "transprot"}, 2, "did you mean transport?"},
		{[]string{"train", "--labels", demoLabels, "--out", out}, 2, "no capture given"},
		{[]string{"train", "--labels", demoLabels, demo}, 2, "--out: want the name of the file to write"},
	} {
		status, stdout, stderr := command(t, nil, test.args...)
		if status != test.status || !strings.Contains(stderr, test.want) || strings.Count(stderr, "\n") != 1 || stdout != "" {
			t.Errorf("%v: status %d, want %d; stderr %q, want %q", test.args, status, test.status, stderr, test.want)
		}
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("a model was written all the same")
	}
}
