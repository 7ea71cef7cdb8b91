package features

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the documents that are made from the code")

const (
	featuresDoc  = "../docs/FEATURES.md"
	windowSchema = "../docs/schema/window.v1.json"
	beginTable   = "<!-- features: made from features/feature.go by go test ./features -update -->\n"
	endTable     = "<!-- end of features -->\n"
)

// The table of features in the document is that of the code.
func TestFeaturesDocument(t *testing.T) {
	text, err := os.ReadFile(featuresDoc)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := bytes.Cut(text, []byte(beginTable))
	_, after, ok2 := bytes.Cut(rest, []byte(endTable))
	if !ok || !ok2 {
		t.Fatalf("%s lacks the marks %q and %q", featuresDoc, beginTable, endTable)
	}
	want := bytes.Join([][]byte{before, []byte(beginTable + featureTable(t) + endTable), after}, nil)
	if *update {
		if err := os.WriteFile(featuresDoc, want, 0o644); err != nil {
			t.Fatal(err)
		}
	} else if !bytes.Equal(text, want) {
		t.Errorf("%s is not what the code says: run go test ./features -update", featuresDoc)
	}
}

// featureTable is the Markdown table of the features.
func featureTable(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("| feature | group | unit | range | formula | edge rule |\n| --- | --- | --- | --- | --- | --- |\n")
	for _, f := range Features() {
		if f.Group == "" {
			f.Group = "always"
		}
		row := []string{f.Name, f.Group, f.Unit, f.Range, f.Formula, f.Edge}
		for i, cell := range row {
			if cell == "" || strings.ContainsAny(cell, "|\n") {
				t.Errorf("%s: got column %d %q, want a text that fits a table", f.Name, i, cell)
			}
		}
		fmt.Fprintf(&b, "| %s |\n", strings.Join(row, " | "))
	}
	return b.String()
}

// The columns that the document explains by hand are those that the schema has before the features, in its order.
func TestFeaturesDocumentColumns(t *testing.T) {
	text, err := os.ReadFile(featuresDoc)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(text), "| column | unit | meaning |\n| --- | --- | --- |\n")
	if !ok {
		t.Fatalf("%s lacks the table of columns", featuresDoc)
	}
	var got []string
	for line := range strings.Lines(rest) {
		name, ok := strings.CutPrefix(line, "| ")
		if !ok {
			break
		}
		name, _, _ = strings.Cut(name, " ")
		got = append(got, name)
	}
	want := schemaColumns(t)
	if n := len(want) - WindowFeatures; n < 0 || !slices.Equal(want[n:], Names()) {
		t.Fatalf("%s: got columns %v, want the features at the end", windowSchema, want)
	} else if want = want[:n]; !slices.Equal(got, want) {
		t.Errorf("%s: got columns\n%v, want\n%v", featuresDoc, got, want)
	}
}

// schemaColumns returns the properties of a window in the schema, in their order.
func schemaColumns(t *testing.T) (names []string) {
	t.Helper()
	text, err := os.ReadFile(windowSchema)
	if err != nil {
		t.Fatal(err)
	}
	var schema struct{ Properties json.RawMessage }
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(schema.Properties))
	for _, err = d.Token(); d.More(); {
		name, nameErr := d.Token()
		var property json.RawMessage
		if err := d.Decode(&property); err != nil || nameErr != nil {
			t.Fatal(err, nameErr)
		}
		names = append(names, name.(string))
	}
	if err != nil {
		t.Fatal(err)
	}
	return names
}
