package output

import (
	"bytes"
	stdcsv "encoding/csv"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
)

// The two forms of records without features and labels.
var plainNDJSON, plainCSV = newFlowForm(Columns{}, NDJSON), newFlowForm(Columns{}, CSV)

// parseNDJSON reads one line back with encoding/json, its members in their order.
func parseNDJSON(t rapid.TB, line []byte) []field {
	t.Helper()
	if bytes.Count(line, []byte("\n")) != 1 || line[len(line)-1] != '\n' {
		t.Fatalf("not one line: %q", line)
	}
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber()
	token := func() json.Token {
		v, err := d.Token()
		if err != nil {
			t.Fatalf("parse %s: %v", line, err)
		}
		return v
	}
	if got := token(); got != json.Delim('{') {
		t.Fatalf("begins with %v", got)
	}
	var fields []field
	for d.More() {
		f := field{name: token().(string)}
		if err := d.Decode(&f.value); err != nil {
			t.Fatalf("parse %s of %s: %v", f.name, line, err)
		}
		fields = append(fields, f)
	}
	token()
	return fields
}

func parseCSV(t rapid.TB, text []byte) [][]string {
	t.Helper()
	if bytes.ContainsAny(text, "\"\r ") {
		t.Fatalf("quotes or spaces in %q", text)
	}
	rows, err := stdcsv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatalf("parse %q: %v", text, err)
	}
	return rows
}

func TestEncodersAgreeWithModel(t *testing.T) {
	header := parseCSV(t, appendHeader(nil, FlowColumns(Columns{})))[0]
	schema := compileSchema(t, schemaPath)
	var e encoder // reused, so that what it remembers is tested
	rapid.Check(t, func(t *rapid.T) {
		r := records().Draw(t, "record")
		want := model(&r)

		line := plainNDJSON.append(&e, []byte("before"), &r)[len("before"):]
		if bytes.ContainsAny(line, " \t\r") {
			t.Fatalf("not compact: %q", line)
		}
		got := parseNDJSON(t, line)
		if len(got) != len(want) || len(want) != len(flowColumns) {
			t.Fatalf("got %d columns, want %d, the table has %d", len(got), len(want), len(flowColumns))
		}
		for i, g := range got {
			if g.name != want[i].name || !sameValue(g.value, want[i].value) {
				t.Errorf("NDJSON column %d: got %s = %v, want %s = %v", i, g.name, g.value, want[i].name, want[i].value)
			}
			if g.name != flowColumns[i].Name || g.value == nil && !flowColumns[i].Nullable {
				t.Errorf("column %d: %s = %v does not fit the table's %s", i, g.name, g.value, flowColumns[i].Name)
			}
		}
		if err := schema(line); err != nil {
			t.Errorf("%s: %v", line, err)
		}

		row := parseCSV(t, plainCSV.append(&e, nil, &r))[0]
		for i, w := range want {
			if header[i] != w.name || row[i] != csvField(w.value) {
				t.Errorf("CSV column %d: got %s = %q, want %s = %q", i, header[i], row[i], w.name, csvField(w.value))
			}
		}
	})
}

// sameValue compares a value that encoding/json read with the model's, which has more types.
func sameValue(got, want any) bool {
	list, ok := got.([]any)
	switch want := want.(type) {
	case []string:
		return ok && slices.EqualFunc(list, want, func(a any, b string) bool { return a == b })
	case [][2]int64:
		return ok && slices.EqualFunc(list, want, func(a any, b [2]int64) bool {
			pair, ok := a.([]any)
			return ok && len(pair) == 2 && pair[0] == modelNumber(b[0]) && pair[1] == modelNumber(b[1])
		})
	}
	return !ok && got == want
}

// The texts here were written by hand; the Community ID is the one in the specification's own baseline.
func TestAppendByHand(t *testing.T) {
	r := flowtable.Record{
		ID: 0xab, Proto: packet.ProtoTCP, Version: 4, HasVLAN: true, VLAN: 7,
		Client: addr("128.232.110.120"), ClientPort: 34855, Server: addr("66.35.250.204"), ServerPort: 80,
		Start: 1_071_580_904_891_921_000, End: 1_071_580_906_000_000_001, RTT: 1_000_000_010,
		State: flowtable.Established, ConnState: flowtable.S1, EndReason: flowtable.EndShutdown,
		Quality: flowtable.Gaps | flowtable.Late, Part: 2,
		Packets: [2]uint64{3, 0}, Bytes: [2]uint64{180, 0}, WireBytes: [2]uint64{222, 0}, Payload: [2]uint64{60, 0},
		TCPFlags: [2]uint8{packet.SYN | packet.PSH | packet.ACK, 0}, TTLMin: [2]uint8{63, 0},
		Retransmits: [2]uint32{1, 0},
	}
	want := `{"flow_id":"00000000000000ab","community_id":"1:LQU9qZlK+B5F3KDmev6m5PMibrg=",` +
		`"start":"2003-12-16T13:21:44.891921000Z","end":"2003-12-16T13:21:46.000000001Z","duration":1.108079001,` +
		`"proto":"tcp","client":"128.232.110.120","client_port":34855,"server":"66.35.250.204","server_port":80,` +
		`"client_by":"syn","vlan":7,"packets_up":3,"packets_down":0,"bytes_up":180,"bytes_down":0,` +
		`"wire_bytes_up":222,"wire_bytes_down":0,"payload_up":60,"payload_down":0,"tcp_flags_up":"SPA",` +
		`"tcp_flags_down":null,"state":"established","conn_state":"S1","history":"","end_reason":"shutdown","part":2,` +
		`"ttl_min_up":63,"ttl_min_down":null,"rtt":1.000000010,"retransmits_up":1,"retransmits_down":null,` +
		`"out_of_order_up":0,"out_of_order_down":null,"quality":["gaps","late"]}` + "\n"
	var e encoder
	if got := string(plainNDJSON.append(&e, nil, &r)); got != want {
		t.Errorf("NDJSON:\ngot  %swant %s", got, want)
	}
	want = "00000000000000ab,1:LQU9qZlK+B5F3KDmev6m5PMibrg=,2003-12-16T13:21:44.891921000Z," +
		"2003-12-16T13:21:46.000000001Z,1.108079001,tcp,128.232.110.120,34855,66.35.250.204,80,syn,7,3,0,180,0,222,0," +
		"60,0,SPA,,established,S1,,shutdown,2,63,,1.000000010,1,,0,,gaps|late\n"
	if got := string(plainCSV.append(&e, nil, &r)); got != want {
		t.Errorf("CSV:\ngot  %swant %s", got, want)
	}
}

func TestTimeLimits(t *testing.T) {
	var c clock
	for _, test := range []struct {
		ns   int64
		want string
	}{
		{0, "1970-01-01T00:00:00.000000000Z"},
		{-1, "1969-12-31T23:59:59.999999999Z"},
		{math.MinInt64, "1677-09-21T00:12:43.145224192Z"},
		{math.MaxInt64, "2262-04-11T23:47:16.854775807Z"},
		{951_782_399_000_000_000, "2000-02-28T23:59:59.000000000Z"},
		{951_782_400_000_000_000, "2000-02-29T00:00:00.000000000Z"},
	} {
		if got := string(c.append(nil, test.ns)); got != test.want {
			t.Errorf("%d: got %s, want %s", test.ns, got, test.want)
		}
	}
	if got, want := string(appendSeconds(nil, math.MaxUint64)), "18446744073.709551615"; got != want {
		t.Errorf("longest span: got %s, want %s", got, want)
	}
}

// longest returns the record with the longest text.
func longest() flowtable.Record {
	r := flowtable.Record{
		ID: math.MaxUint64, Proto: packet.ProtoTCP, Version: 6, HasVLAN: true, VLAN: math.MaxUint16,
		ClientPort: math.MaxUint16, ServerPort: math.MaxUint16, ClientBy: flowtable.BySYNACK,
		State: flowtable.Established, ConnState: flowtable.RSTOS0, EndReason: flowtable.EndShutdown, Quality: 31,
		Start: math.MinInt64, End: math.MaxInt64, RTT: math.MaxInt64, Part: math.MaxUint32,
	}
	r.Client = packet.Addr{Hi: math.MaxUint64, Lo: math.MaxUint64}
	r.Server = r.Client
	for i := range r.History {
		for letter := range 12 {
			r.History[i] |= 1 << (5 * letter)
		}
	}
	for d := range 2 {
		r.TCPFlags[d], r.TTLMin[d] = 255, 255
		r.Packets[d], r.Bytes[d], r.WireBytes[d], r.Payload[d] = 1<<64-1, 1<<64-1, 1<<64-1, 1<<64-1
		r.Retransmits[d], r.OutOfOrder[d] = 1<<32-1, 1<<32-1
	}
	return r
}

func TestLongestLineFits(t *testing.T) {
	var e encoder
	r := longest()
	for _, line := range [][]byte{plainNDJSON.append(&e, nil, &r), plainCSV.append(&e, nil, &r)} {
		if got, limit := len(line), maxFlowText-slack; got > limit {
			t.Errorf("%d bytes, want at most %d: %s", got, limit, line)
		}
	}
}

func TestAppendDoesNotAllocate(t *testing.T) {
	records := append(flood(16), longest())
	var e encoder
	text := make([]byte, 0, maxFlowText)
	i := 0
	if got := testing.AllocsPerRun(1000, func() {
		r := &records[i%len(records)]
		text = plainNDJSON.append(&e, text[:0], r)
		text = plainCSV.append(&e, text[:0], r)
		i++
	}); got != 0 {
		t.Errorf("%v allocations per record, want 0", got)
	}
}

func TestEnumsAreFlowtables(t *testing.T) {
	for _, test := range []struct {
		column int
		name   func(int) string
	}{
		{colClientBy, func(i int) string { return flowtable.ClientBy(i).String() }},
		{colState, func(i int) string { return flowtable.State(i).String() }},
		{colConnState, func(i int) string { return flowtable.ConnState(i).String() }},
		{colEndReason, func(i int) string { return flowtable.EndReason(i).String() }},
		{colQuality, func(i int) string { return flowtable.QualityNames[i] }},
	} {
		for i, name := range flowColumns[test.column].Enum {
			if got := test.name(i); got != name {
				t.Errorf("%s %d: flowtable says %s, the table %s", flowColumns[test.column].Name, i, got, name)
			}
		}
	}
	if got, want := len(flowColumns[colEndReason].Enum), int(flowtable.EndReasons); got != want {
		t.Errorf("%d end reasons in the table, flowtable has %d", got, want)
	}
	if got, want := strings.Join(flowColumns[colQuality].Enum, " "), strings.Join(flowtable.QualityNames[:], " "); got != want {
		t.Errorf("quality: got %s, want %s", got, want)
	}
}
