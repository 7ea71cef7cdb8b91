package main

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-sensor/weir/detect/detectors"
)

var update = flag.Bool("update", false, "rewrite the part of docs/DETECTORS.md that is made from the code")

// docs/DETECTORS.md must say what the detectors say of themselves.
func TestDetectorsDocument(t *testing.T) {
	const path, mark = "../../docs/DETECTORS.md", "<!-- made from the code by go test ./cmd/weir -run DetectorsDocument -update -->\n"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, _, ok := bytes.Cut(text, []byte(mark))
	if !ok {
		t.Fatalf("%s lacks the line %q", path, mark)
	}
	want := string(head) + mark + "\n" + detectorsMarkdown()
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if diff := cmp.Diff(string(text), want); diff != "" {
		t.Errorf("%s differs from the code; go test ./cmd/weir -run DetectorsDocument -update rewrites it:\n%s", path, diff)
	}
}

// Every detector says all that its user needs.
func TestDetectorsSayEverything(t *testing.T) {
	for _, d := range detectors.Describe() {
		for name, text := range map[string]string{"Watches": d.Watches, "Idea": d.Idea, "Formula": d.Formula, "Cost": d.Cost,
			"Memory": d.Memory, "Wrong": d.Wrong, "Remedy": d.Remedy} {
			if strings.TrimSpace(text) == "" {
				t.Errorf("%s: its Info has no %s", d.Name, name)
			}
		}
	}
}
