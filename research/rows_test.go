package research

import (
	"bytes"
	"compress/gzip"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/weir-sensor/weir/detect/transport"
	"github.com/weir-sensor/weir/features"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/learn"
	"github.com/weir-sensor/weir/packet"
)

// checkedIn returns every third feature row of the labelled corpus, features and raw columns.
func checkedIn(t *testing.T) (rows, raw *learn.Rows) {
	t.Helper()
	f, err := os.Open("testdata/rows.csv.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	if rows, raw, err = ReadRows(z); err != nil {
		t.Fatal(err)
	}
	return rows, raw
}

// Nothing that is no feature tells transports from other traffic, and no feature does so alone: what a model finds there is
// not where, when or by whom the captures were made.
func TestLeakAudit(t *testing.T) {
	rows, raw := checkedIn(t)
	if p, n := rows.Count(); p < 100 || n < 1000 || len(raw.Columns) < 15 {
		t.Fatalf("%d positive, %d negative rows, %d raw columns", p, n, len(raw.Columns))
	}
	if want := transport.Columns(transport.Contract(transport.StartSet, features.DefaultConfig())); !slices.Equal(rows.Columns, want) {
		t.Errorf("the rows have the columns %v, a model %v: make model writes them again", rows.Columns, want)
	}
	for _, c := range slices.Concat(AuditColumns(raw, false), AuditColumns(rows, true)) {
		if c.Suspect {
			t.Errorf("%s: AUC %.4f, want %v or less", c.Column, c.AUC, Suspect)
		}
	}
}

// The audit sees a leak where there is one, in whichever direction, and among rows of which some have no value.
func TestAuditSeesLeaks(t *testing.T) {
	rows := &learn.Rows{Columns: []string{"port", "missing", "noise"}}
	for i := range 200 {
		y := i < 100
		known := math.NaN()
		if i%2 == 0 {
			known = indicator(y)
		}
		rows.Add([]float64{float64(443 - 100*class(y)), known, float64(i % 7)}, y, i)
	}
	got := AuditColumns(rows, false)
	if !got[0].Suspect || got[0].AUC != 1 || !got[1].Suspect || got[1].Known != 100 || got[2].Suspect {
		t.Errorf("got %+v", got)
	}
}

// flowCase returns a flow of a server whose first packets have those payload lengths.
func flowCase(server byte, positive bool, start int64, sizes ...int32) Case {
	f := &flowtable.Features{SPLT: uint8(len(sizes))}
	copy(f.Sizes[:], sizes)
	for d := range f.Packet {
		f.Packet[d].Length, f.Packet[d].Ones, f.Packet[d].Squares = 100, 400, 150
		f.Packet[d].Entropy = 6.4
	}
	r := &flowtable.Record{Client: packet.AddrFrom4([]byte{10, 0, 0, 1}), Server: packet.AddrFrom4([]byte{192, 0, 2, server}), ServerPort: 443,
		ClientPort: uint16(start), Version: 4, Proto: packet.ProtoTCP, Start: start, End: start + 1, RTT: 1000, Features: f}
	label := Label{Class: "benign", Transport: "https"}
	if positive {
		label = Label{Class: "pt", Family: "pt-random", Transport: "obfs4", Workload: "web"}
	}
	return Case{Flow: r, Label: label, Positive: positive}
}

// told returns a dataset of ten servers, five of each class, with eight flows each, told apart by the length of the first
// packet, but for one negative flow that looks like a positive one.
func told() *Dataset {
	d := &Dataset{Of: OfFlows, Spans: [][2]int64{{0, 43200e9}, {21600e9, 86400e9}}}
	for i := range 80 {
		positive := i%10 < 5
		size := int32(200 + i)
		if positive || i == 77 {
			size = int32(900 + i)
		}
		d.Cases = append(d.Cases, flowCase(byte(i%10), positive, int64(i), size, -300, 100, -200))
	}
	return d
}

func TestRowsComeBack(t *testing.T) {
	d, v := told(), VectorizerOf(transport.Contract(transport.StartSet, features.DefaultConfig()), transport.StartPackets)
	var b bytes.Buffer
	if err := WriteRows(&b, d, v); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "192.0.2") || strings.Contains(b.String(), "raw_server,") {
		t.Error("rows have addresses")
	}
	rows, raw, err := ReadRows(&b)
	if err != nil {
		t.Fatal(err)
	}
	want := d.Rows(v, "server")
	if !slices.Equal(rows.Columns, want.Columns) || !slices.Equal(rows.Positive, want.Positive) || !slices.Equal(rows.Group, want.Group) {
		t.Fatal("columns, classes or groups differ")
	}
	for i, x := range rows.X {
		if y := want.X[i]; math.IsNaN(x) != math.IsNaN(y) || math.Abs(x-y) > 1e-5*math.Abs(y) {
			t.Errorf("value %d: got %v, want %v", i, x, y)
		}
	}
	at := slices.Index(raw.Columns, "server_port")
	if at < 0 || raw.Row(3)[at] != 443 || raw.Len() != 80 {
		t.Errorf("raw columns %v", raw.Columns)
	}
	for _, bad := range []string{"", "a,b\n", "positive,transport,workload,server,capture,x\n1,a,b,c,0,1\n", "positive,transport,workload,server,capture,x\n1,a,b,0,0,z\n",
		"positive,transport,workload,server,capture,x\n1\n"} {
		if _, _, err := ReadRows(strings.NewReader(bad)); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}
