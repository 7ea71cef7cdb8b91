package output

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/weir-sensor/weir/features"
	"github.com/weir-sensor/weir/flowtable"
)

var update = flag.Bool("update", false, "write the documents that are made from the code")

const (
	schemaPath       = "../docs/schema/flow.v1.json"
	windowSchemaPath = "../docs/schema/window.v1.json"
	alertSchemaPath  = "../docs/schema/alert.v1.json"
	flowsDoc         = "../docs/FLOWS.md"
	beginTable       = "<!-- columns: made from output/column.go by go test ./output -update -->\n"
	endTable         = "<!-- end of columns -->\n"
	beginFeatures    = "<!-- features: made from output/feature.go by go test ./output -update -->\n"
	endFeatures      = "<!-- end of features -->\n"
)

func TestFlowSchema(t *testing.T) { checkDocument(t, schemaPath, flowSchema(t)) }

func TestWindowSchema(t *testing.T) { checkDocument(t, windowSchemaPath, windowSchema(t)) }

func TestAlertSchema(t *testing.T) {
	checkDocument(t, alertSchemaPath, schema(t, "alert", "Something that somebody should look at: a line of alerts.ndjson.", AlertColumns(), AlertColumns()))
}

func TestAggregateSchemas(t *testing.T) {
	all, steps := AggregateColumns(), StepColumns()
	checkDocument(t, "../docs/schema/aggregate.v1.json", schema(t, "aggregate", "Flow records of a 5-tuple, summed up: a line of aggregates.ndjson.", all, all))
	checkDocument(t, "../docs/schema/step.v1.json", schema(t, "step", "Flow records of a client and a server within a step, summed up: a line of steps.ndjson.", steps, steps))
}

func TestAggregatesDocument(t *testing.T) {
	const path = "../docs/AGGREGATES.md"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, columns := range map[string][]Column{"aggregates": AggregateColumns(), "steps": StepColumns()} {
		begin, end := "<!-- "+name+": made from output/aggregates.go by go test ./output -update -->\n", "<!-- end of "+name+" -->\n"
		text = replaceBetween(t, text, begin, columnTable(columns), end)
	}
	checkDocument(t, path, text)
}

// columnTable is a Markdown table of columns without sources.
func columnTable(columns []Column) string {
	var b strings.Builder
	b.WriteString("| column | type | unit | meaning |\n| --- | --- | --- | --- |\n")
	for _, c := range columns {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", c.Name, kinds[c.Type], c.Unit, c.Doc)
	}
	return b.String()
}

func TestFlowsDocument(t *testing.T) {
	text, err := os.ReadFile(flowsDoc)
	if err != nil {
		t.Fatal(err)
	}
	text = replaceBetween(t, text, beginTable, flowTable(), endTable)
	checkDocument(t, flowsDoc, replaceBetween(t, text, beginFeatures, featureTable(), endFeatures))
}

// replaceBetween puts something else between two marks of the text.
func replaceBetween(t *testing.T, text []byte, begin, middle, end string) []byte {
	t.Helper()
	before, rest, ok := bytes.Cut(text, []byte(begin))
	_, after, ok2 := bytes.Cut(rest, []byte(end))
	if !ok || !ok2 {
		t.Fatalf("the document lacks the marks %q and %q", begin, end)
	}
	return slices.Concat(before, []byte(begin+middle+end), after)
}

// checkDocument compares the file with what it should be, or writes it with -update.
func checkDocument(t *testing.T, path string, want []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s is not what the code says (%v): run go test ./output -update", path, err)
	}
}

// flowTable is the Markdown table of the columns.
func flowTable() string {
	var b strings.Builder
	b.WriteString("| column | type | unit | null | meaning | source |\n| --- | --- | --- | --- | --- | --- |\n")
	for _, c := range FlowColumns(Columns{}) {
		null := ""
		if c.Nullable {
			null = "yes"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", c.Name, kinds[c.Type], c.Unit, null, c.Doc, c.Source)
	}
	return b.String()
}

// kinds are the types as the tables call them.
var kinds = [...]string{String: "string", Time: "time", Seconds: "decimal", Integer: "integer", Names: "array", Number: "number", Pairs: "pairs", Real: "number", Objects: "array of objects", Bool: "boolean"}

// featureTable is the Markdown table of the columns of flow features.
func featureTable() string {
	var b strings.Builder
	b.WriteString("| column | group | type | unit | range | meaning | formula and source |\n| --- | --- | --- | --- | --- | --- | --- |\n")
	for _, c := range FlowFeatures(flowtable.FeatureGroups()) {
		limits := "0 and more"
		switch {
		case c.Type == Pairs:
			limits = fmt.Sprintf("at most %d pairs", c.Max)
		case c.Max > 0:
			limits = fmt.Sprintf("0 to %d", c.Max)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s |\n", c.Name, c.Group, kinds[c.Type], c.Unit, limits, c.Doc, c.Source)
	}
	return b.String()
}

// property is a column in JSON Schema.
type property struct {
	Type        any       `json:"type"`
	Description string    `json:"description"`
	Format      string    `json:"format,omitempty"`
	Pattern     string    `json:"pattern,omitempty"`
	Enum        []any     `json:"enum,omitempty"` // nil is null
	Minimum     *int      `json:"minimum,omitempty"`
	Maximum     uint64    `json:"maximum,omitempty"`
	UniqueItems bool      `json:"uniqueItems,omitempty"`
	MinItems    uint64    `json:"minItems,omitempty"`
	MaxItems    uint64    `json:"maxItems,omitempty"`
	Items       *property `json:"items,omitempty"`
}

func newProperty(c Column) property {
	p := property{Type: c.Type.JSON(), Description: c.Doc, Pattern: c.Pattern, Enum: enum(c.Enum), Maximum: c.Max}
	if c.Unit != "" {
		p.Description += " Unit: " + c.Unit + "."
	}
	if c.Nullable {
		p.Type = []string{c.Type.JSON(), "null"}
		if c.Enum != nil {
			p.Enum = append(p.Enum, nil)
		}
	}
	switch c.Type {
	case Time:
		p.Format = "date-time"
		p.Pattern = `^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{9}Z$`
	case Seconds, Integer, Number:
		p.Minimum = new(int)
	case Names:
		p.Enum, p.UniqueItems, p.Pattern = nil, true, ""
		p.Items = &property{Type: "string", Description: "One of them.", Enum: enum(c.Enum), Pattern: c.Pattern}
	case Objects:
		p.Items = &property{Type: "object", Description: "One of them."}
	case Pairs:
		p.Maximum, p.MaxItems = 0, c.Max
		p.Items = &property{Type: "array", Description: "One pair.", MinItems: 2, MaxItems: 2,
			Items: &property{Type: "integer", Description: "In the order of the units."}}
	}
	return p
}

func enum(names []string) (values []any) {
	for _, name := range names {
		values = append(values, name)
	}
	return values
}

// flowSchema is the JSON Schema of one line of flows.ndjson, windowSchema of windows.ndjson: the properties in the
// columns' order. What is not in every run is not required: features of groups that are off, the ports of a window where
// windows are not by flow, and labels, which have any name.
func flowSchema(t *testing.T) []byte {
	return schema(t, "flow", "One bidirectional flow, or one part of it: a line of flows.ndjson.",
		FlowColumns(Columns{Features: flowtable.FeatureGroups()}), FlowColumns(Columns{}))
}

func windowSchema(t *testing.T) []byte {
	least, most := features.DefaultConfig(), features.DefaultConfig()
	least.Groups = nil
	most.By = features.ByFlow
	return schema(t, "window", "The packets of one window between two hosts: a line of windows.ndjson.",
		WindowColumns(most, nil), WindowColumns(least, nil))
}

func schema(t *testing.T, title, description string, columns, required []Column) []byte {
	t.Helper()
	var properties, names []string
	for _, c := range columns {
		properties = append(properties, fmt.Sprintf("%q:%s", c.Name, mustJSON(t, newProperty(c))))
	}
	for _, c := range required {
		names = append(names, c.Name)
	}
	label := newProperty((&Labels{Names: []string{""}}).columns()[0])
	text := fmt.Sprintf(`{"$schema":"https://json-schema.org/draft/2020-12/schema",`+
		`"$id":"https://github.com/weir-sensor/weir/docs/schema/%s.v1.json","title":%q,`+
		`"description":%q,`+
		`"type":"object","additionalProperties":false,"required":%s,"properties":{%s},"patternProperties":{"^label_":%s}}`,
		title, title, description, mustJSON(t, names), strings.Join(properties, ","), mustJSON(t, label))
	var b bytes.Buffer
	if err := json.Indent(&b, []byte(text), "", "  "); err != nil {
		t.Fatal(err)
	}
	b.WriteByte('\n')
	return b.Bytes()
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// compileSchema returns a function that judges lines by the checked-in schema.
func compileSchema(t *testing.T, path string) func(line []byte) error {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	schema, err := compiler.Compile(path)
	if err != nil {
		t.Fatal(err)
	}
	return func(line []byte) error {
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(line))
		if err != nil {
			return err
		}
		return schema.Validate(v)
	}
}

// A schema that accepts everything would prove nothing.
func TestSchemaRefuses(t *testing.T) {
	schema := compileSchema(t, schemaPath)
	r := conversation(1)[0]
	r.Label = 1
	good := string(written(t, &r, NDJSON, Columns{Features: flowtable.FeatureGroups(), Labels: &Labels{[]string{"app"}, [][]string{{"dns"}}}}))
	if err := schema([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, from, to string }{
		{"unknown member", `{"flow_id"`, `{"more":1,"flow_id"`},
		{"missing member", `"part":0,`, ``},
		{"null where it cannot be", `"part":0`, `"part":null`},
		{"negative count", `"packets_up":1`, `"packets_up":-1`},
		{"fraction of a count", `"packets_up":1`, `"packets_up":1.5`},
		{"port too large", `"server_port":443`, `"server_port":65536`},
		{"negative duration", `"duration":0`, `"duration":-1`},
		{"flags out of order", `"tcp_flags_up":"S"`, `"tcp_flags_up":"AS"`},
		{"unknown state", `"connecting"`, `"asleep"`},
		{"repeated remark", `["one_way"]`, `["one_way","one_way"]`},
		{"time without fraction", `.000000000Z`, `Z`},
		{"fraction of a length", `"len_min_up":40`, `"len_min_up":40.5`},
		{"negative length", `"len_min_up":40`, `"len_min_up":-40`},
		{"entropy above 8", `"entropy_mean_up":`, `"entropy_mean_up":8`},
		{"first payload too long", `"first_payload_up_length":517`, `"first_payload_up_length":1501`},
		{"splt null", `"splt":[`, `"splt":null,"label_x":[`},
		{"three in a pair", `"splt":[[`, `"splt":[[1,`},
		{"one in a pair", `"splt":[[`, `"splt":[[1],[`},
		{"fraction in a pair", `"splt":[[`, `"splt":[[1.5,1],[`},
		{"33 packets", `"splt":[`, `"splt":[` + strings.Repeat("[1,1],", 32)},
		{"26 bursts", `"bursts":[`, `"bursts":[` + strings.Repeat("[1,1],", 25)},
		{"label that is a number", `"label_app":"dns"`, `"label_app":7`},
		{"label by another name", `"label_app"`, `"app"`},
	} {
		bad := strings.Replace(good, c.from, c.to, 1)
		if bad == good {
			t.Errorf("%s: %s is not in %s", c.name, c.from, good)
		} else if schema([]byte(bad)) == nil {
			t.Errorf("%s: accepted: %s", c.name, bad)
		}
	}
}
