package sensor_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/weir-sensor/weir/capture/pcapfile"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/output"
	"github.com/weir-sensor/weir/sensor"
)

// flowReference is what testdata/reference/flows.py wrote: an independent computation with numpy.
type flowReference struct {
	Features []string // the names of the values
	Captures []struct {
		Capture string
		Sample  []referenceFlow
	}
}

type referenceFlow struct {
	referenceKey
	ClientBy string    `json:"client_by"`
	Packets  [2]uint64 // up, down
	Values   []*float64
	SPLT     [][2]int64
	Bursts   [][2]int64
}

// referenceKey is a flow's 5-tuple, from client to server.
type referenceKey struct {
	Proto      uint8
	Client     string
	ClientPort uint16 `json:"client_port"`
	Server     string
	ServerPort uint16 `json:"server_port"`
}

func readFlowReference(t *testing.T) (ref flowReference) {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", "reference", "flows.json.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.NewDecoder(z).Decode(&ref); err != nil {
		t.Fatal(err)
	}
	return ref
}

// flowFeatureColumns returns the columns of the reference's values, which are all columns of flow features but the pairs and
// names.
func flowFeatureColumns(t *testing.T, names []string) (columns []output.Column) {
	t.Helper()
	for _, f := range output.FlowFeatures(flowtable.FeatureGroups()) {
		if f.Value != nil {
			columns = append(columns, f.Column)
		}
	}
	slices.SortFunc(columns, func(a, b output.Column) int {
		return slices.Index(names, a.Name) - slices.Index(names, b.Name)
	})
	if !slices.EqualFunc(columns, names, func(c output.Column, name string) bool { return c.Name == name }) {
		t.Fatalf("the columns are not those of the reference, %v", names)
	}
	return columns
}

// protoNumbers are the names of protocols in records whose number is not the name.
var protoNumbers = map[string]json.Number{"tcp": "6", "udp": "17", "icmp": "1", "icmp6": "58", "sctp": "132"}

// writtenFlows runs a capture through the pipeline without timeouts and returns the lines of its NDJSON, features and
// all, by 5-tuple.
func writtenFlows(t *testing.T, path string, shards int) map[referenceKey][]map[string]json.RawMessage {
	t.Helper()
	src, err := pcapfile.Open([]string{path}, pcapfile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	opt := neverEnding()
	opt.Config.Shards = shards
	opt.Flow.Features = []string{flowtable.AllFeatures}
	var text bytes.Buffer
	sink := output.NewFlows(output.NewStream(&text, "memory"), output.NDJSON, 1, output.Columns{Features: opt.Flow.Groups()})
	if _, err := sensor.Run(context.Background(), src, sink, opt); err != nil {
		t.Fatal(err)
	}
	if err := sink.Close(); err != nil {
		t.Fatal(err)
	}
	flows := map[referenceKey][]map[string]json.RawMessage{}
	for line := range bytes.Lines(text.Bytes()) {
		var columns map[string]json.RawMessage
		var key struct {
			Proto, Client, Server string
			ClientPort            uint16 `json:"client_port"`
			ServerPort            uint16 `json:"server_port"`
		}
		if err := json.Unmarshal(line, &columns); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(line, &key); err != nil {
			t.Fatal(err)
		}
		number, ok := protoNumbers[key.Proto]
		if !ok {
			number = json.Number(key.Proto)
		}
		proto, err := number.Int64()
		if err != nil {
			t.Fatal(err)
		}
		k := referenceKey{uint8(proto), key.Client, key.ClientPort, key.Server, key.ServerPort}
		flows[k] = append(flows[k], columns)
	}
	return flows
}

// TestFlowFeaturesEqualTheReferences: what is written of a flow's features is what a script computed from their
// definition, integers exactly, others to 1e-9.
func TestFlowFeaturesEqualTheReferences(t *testing.T) {
	shared := filepath.Dir(oracleData(t))
	ref := readFlowReference(t)
	columns := flowFeatureColumns(t, ref.Features)
	captures, flows, values, missing := 0, 0, 0, 0
	for _, c := range ref.Captures {
		path := filepath.Join(shared, c.Capture)
		if _, err := os.Stat(path); err != nil {
			missing++
			continue
		}
		captures++
		t.Run(c.Capture, func(t *testing.T) {
			written := writtenFlows(t, path, 1+captures%3)
			for i := range c.Sample {
				n := compareFlow(t, columns, &c.Sample[i], written[c.Sample[i].referenceKey])
				values += n
				if n > 0 {
					flows++
				}
			}
		})
	}
	t.Logf("%d values of %d flows in %d captures", values, flows, captures)
	if missing > 0 {
		t.Logf("%d captures are not at hand", missing)
	}
	if captures < 56 || flows < 1764 || values < 140_854 {
		t.Error("too few")
	}
}

// compareFlow returns how many values were compared: 0 where the flow was not written, or not as one record.
func compareFlow(t *testing.T, columns []output.Column, want *referenceFlow, written []map[string]json.RawMessage) int {
	t.Helper()
	if len(written) != 1 {
		t.Errorf("%+v: %d records", want.referenceKey, len(written))
		return 0
	}
	got := written[0]
	read := func(name string, v any) {
		t.Helper()
		if err := json.Unmarshal(got[name], v); err != nil {
			t.Fatalf("%+v: %s: %q: %v", want.referenceKey, name, got[name], err)
		}
	}
	var by string
	var packets [2]uint64
	read("client_by", &by)
	read("packets_up", &packets[0])
	read("packets_down", &packets[1])
	if by != want.ClientBy || packets != want.Packets {
		t.Errorf("%+v: client by %s, %d packets, want %s, %d", want.referenceKey, by, packets, want.ClientBy, want.Packets)
	}
	for i, c := range columns {
		var v *float64
		read(c.Name, &v)
		tolerance := 1e-9
		switch {
		case c.Type == output.Integer:
			tolerance = 0
		case strings.HasSuffix(c.Name, "entropy_z"): // the table has six digits of the deviation, nine of the mean
			tolerance = 5.5e-6
		}
		if !sameValue(v, want.Values[i], tolerance) {
			t.Errorf("%+v: %s: got %s, want %s", want.referenceKey, c.Name, got[c.Name], orNull(want.Values[i]))
		}
	}
	compared := 3 + len(columns)
	for name, pairs := range map[string][][2]int64{"splt": want.SPLT, "bursts": want.Bursts} {
		var v [][2]int64
		read(name, &v)
		if !slices.Equal(v, pairs) {
			t.Errorf("%+v: %s: got %v, want %v", want.referenceKey, name, v, pairs)
		}
		compared += 2 * len(pairs)
	}
	return compared
}

// sameValue compares to a tolerance, relative above 1; null with null.
func sameValue(got, want *float64, tolerance float64) bool {
	if got == nil || want == nil {
		return got == want
	}
	return math.Abs(*got-*want) <= tolerance*max(1, math.Abs(*want))
}

func orNull(v *float64) string {
	text, _ := json.Marshal(v)
	return string(text)
}
