package output

import (
	"bytes"
	stdcsv "encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/payload"
)

func modelNumber(v int64) json.Number { return json.Number(strconv.FormatInt(v, 10)) }

// modelFeatures says what the columns of the groups are, written down anew: names, order, and encoding/json's numbers.
func modelFeatures(f *flowtable.Features, groups []string) []field {
	var fields []field
	way := [2]string{"_up", "_down"}
	known := f != nil
	if !known {
		f = &flowtable.Features{}
	}
	number := func(name string, known bool, v float64) {
		if known && !math.IsNaN(v) {
			text, err := json.Marshal(v)
			if err != nil {
				panic(err)
			}
			fields = append(fields, field{name, json.Number(text)})
		} else {
			fields = append(fields, field{name, nil})
		}
	}
	moments := func(name, way string, m flowtable.Moments) {
		number(name+"_mean"+way, known, m.Mean)
		number(name+"_std"+way, known, m.Std)
		number(name+"_min"+way, known, m.Min)
		number(name+"_max"+way, known, m.Max)
	}
	has := func(group string) bool { return slices.Contains(groups, group) }
	for d := 0; has("lengths") && d < 2; d++ {
		moments("len", way[d], f.Length[d])
	}
	for d := 0; has("intervals") && d < 2; d++ {
		moments("interval", way[d], f.Interval[d])
	}
	for d := 0; has("entropy") && d < 2; d++ {
		number("entropy_mean"+way[d], known, f.Entropy[d])
	}
	for d := 0; has("first_payload") && d < 2; d++ {
		s, name := f.First[d], "first_payload"+way[d]
		known := known && s.Length > 0
		number(name+"_length", known, float64(s.Length))
		number(name+"_entropy", known, s.Entropy)
		number(name+"_bits_set", known, s.BitsSet)
		number(name+"_printable", known, s.Printable)
		number(name+"_printable_run", known, float64(s.PrintableRun))
	}
	var splt, bursts [][2]int64
	for i := range int(f.SPLT) {
		splt = append(splt, [2]int64{int64(f.Sizes[i]), int64(f.Gaps[i])})
	}
	for i := 0; i < min(25, len(splt)); {
		var burst [2]int64
		up := splt[i][0] > 0
		for ; i < min(25, len(splt)) && splt[i][0] > 0 == up; i++ {
			burst = [2]int64{burst[0] + 1, burst[1] + splt[i][0]}
		}
		bursts = append(bursts, burst)
	}
	if has("splt") {
		fields = append(fields, field{"splt", splt})
	}
	if has("bursts") {
		fields = append(fields, field{"bursts", bursts})
	}
	for d := 0; has("first_packet") && d < 2; d++ {
		p, name := f.Packet[d], "first_packet"+way[d]
		n, known := float64(p.Length), known && p.Length > 0
		number(name+"_length", known, n)
		number(name+"_entropy", known, p.Entropy)
		number(name+"_entropy_z", known, p.EntropyZ())
		number(name+"_chi_square", known, 256*float64(p.Squares)/n-n)
		number(name+"_bits_set", known, float64(p.Ones)/n)
		number(name+"_printable", known, float64(p.Printable)/n)
		number(name+"_printable_run", known, float64(p.Run))
		number(name+"_printable_lead", known, float64(p.Lead))
		number(name+"_exempt", known, float64(p.Exempt))
		if known {
			fields = append(fields, field{name + "_framing", payload.FramingNames[p.Framing]})
		} else {
			fields = append(fields, field{name + "_framing", nil})
		}
	}
	return fields
}

// someFeatures draws nil, or features that a table could write and some that none would.
func someFeatures() *rapid.Generator[*flowtable.Features] {
	whole := rapid.Map(rapid.OneOf(rapid.Uint32Range(0, 1500), rapid.Uint32()), func(v uint32) float64 { return float64(v) })
	number := rapid.OneOf(rapid.Just(math.NaN()), rapid.SampledFrom(extremeNumbers), whole,
		rapid.Map(rapid.Uint32(), func(v uint32) float64 { return float64(v) / 1000 }), // nanoseconds in us
		rapid.Float64Range(0, 8), rapid.Float64Range(0, math.MaxFloat64))
	share := func(most float64) *rapid.Generator[float64] {
		return rapid.OneOf(rapid.SampledFrom([]float64{0, most, math.SmallestNonzeroFloat64}), rapid.Float64Range(0, most))
	}
	size := rapid.OneOf(rapid.Int32Range(-1500, -1), rapid.Int32Range(1, 1500), rapid.SampledFrom([]int32{math.MinInt32, math.MaxInt32}))
	return rapid.Custom(func(t *rapid.T) *flowtable.Features {
		if rapid.IntRange(0, 9).Draw(t, "features") == 0 {
			return nil
		}
		f := &flowtable.Features{SPLT: uint8(rapid.IntRange(0, flowtable.SPLTPackets).Draw(t, "packets"))}
		for d := range 2 {
			lengths := &f.Length[d]
			*lengths = flowtable.Moments{Mean: min(1<<32-1, number.Draw(t, "mean")), Std: min(1<<32-1, number.Draw(t, "std")),
				Min: whole.Draw(t, "min"), Max: whole.Draw(t, "max")}
			if rapid.IntRange(0, 4).Draw(t, "none") == 0 {
				*lengths = flowtable.Moments{Mean: math.NaN(), Std: math.NaN(), Min: math.NaN(), Max: math.NaN()}
			}
			f.Interval[d] = flowtable.Moments{Mean: number.Draw(t, "mean"), Std: number.Draw(t, "std"),
				Min: number.Draw(t, "min"), Max: number.Draw(t, "max")}
			f.Entropy[d] = rapid.OneOf(rapid.Just(math.NaN()), share(8)).Draw(t, "entropy")
			f.First[d] = payload.Stats{Length: rapid.IntRange(0, 1500).Draw(t, "length"), Entropy: share(8).Draw(t, "entropy"),
				BitsSet: share(8).Draw(t, "bits"), Printable: share(1).Draw(t, "printable"), PrintableRun: rapid.IntRange(0, 1500).Draw(t, "run")}
			f.Packet[d] = somePacket(t, share(8))
		}
		for i := range f.SPLT {
			f.Sizes[i], f.Gaps[i] = size.Draw(t, "size"), rapid.Uint32().Draw(t, "gap")
		}
		return f
	})
}

// somePacket draws a packet that is not known, or whose counts are possible.
func somePacket(t *rapid.T, entropy *rapid.Generator[float64]) payload.Packet {
	n := rapid.Uint16Range(0, payload.PacketBytes).Draw(t, "length")
	if n == 0 {
		return payload.Packet{}
	}
	return payload.Packet{Length: n, Entropy: entropy.Draw(t, "entropy"), Squares: rapid.Uint32Range(max(uint32(n), uint32(n)*uint32(n)/256+1), uint32(n)*uint32(n)).Draw(t, "squares"),
		Ones: rapid.Uint16Range(0, 8*n).Draw(t, "ones"), Printable: rapid.Uint16Range(0, n).Draw(t, "printable"),
		Run: rapid.Uint16Range(0, n).Draw(t, "run"), Lead: rapid.Uint16Range(0, n).Draw(t, "lead"),
		Exempt:  payload.Exemptions(rapid.IntRange(0, payload.AllExemptions).Draw(t, "exempt")),
		Framing: payload.Framing(rapid.IntRange(0, int(payload.Framings)-1).Draw(t, "framing"))}
}

// extremeNumbers are where the text of a number changes its shape, or is at its longest.
var extremeNumbers = []float64{0, 1, 9, 10, 99, 100, 0.1, 0.5, 0.001, 0.0005, 1.0 / 3, 2.0 / 3, 1e-5, 1e-6, 9.999999e-7, 1.2345678901234567e-6,
	1e-7, 1e-9, 1e-10, math.SmallestNonzeroFloat64, 0x1p-1022, 1 << 32, 1<<53 - 1, 1 << 53, 1<<53 + 2, 1<<63 - 1024, 1 << 63, 1 << 64,
	123456789012345680, 999999999999999900000, 1e21, 1e22, 1e23, math.MaxFloat64, 15023.5, 4294967295.999, 1e15, 1e15 + 0.5, 1234.567}

// anyText draws label names and values, the hostile ones among them.
func anyText() *rapid.Generator[string] {
	return rapid.OneOf(rapid.String(), rapid.StringN(0, 3, -1),
		rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }),
		rapid.SampledFrom([]string{"", " ", "a b", `"`, `""`, `\`, `\"`, ",", "\n", "\r", "\r\n", "a\r\nb", "\t", "\x00", "\x1b[31m", "|", "'", "=1+1",
			"null", "\u2028", "\u2029", "\u0085", "\x7f", "\xff", "a\xc3", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\ufffd", "é", "日本語", "😀", " lead", "trail ", "\ufeff"}))
}

func someLabels() *rapid.Generator[*Labels] {
	return rapid.Custom(func(t *rapid.T) *Labels {
		if rapid.Bool().Draw(t, "no labels") {
			return nil
		}
		l := &Labels{Names: rapid.SliceOfN(anyText(), 0, 3).Draw(t, "names")}
		for range rapid.IntRange(0, 3).Draw(t, "rows") {
			l.Rows = append(l.Rows, rapid.SliceOfN(anyText(), len(l.Names), len(l.Names)).Draw(t, "row"))
		}
		return l
	})
}

// modelLabels are the fields of a label as JSON has them: null where it says nothing, and what is not UTF-8 is replaced
// byte by byte.
func modelLabels(l *Labels, label uint32) []field {
	if l == nil {
		return nil
	}
	var fields []field
	for i, name := range l.Names {
		f := field{name: string([]rune("label_" + name))}
		if label > 0 && l.Rows[label-1][i] != "" {
			f.value = string([]rune(l.Rows[label-1][i]))
		}
		fields = append(fields, f)
	}
	return fields
}

// asCSV is the text as encoding/csv reads it back: it takes CR LF for LF.
func asCSV(s string) string { return strings.ReplaceAll(s, "\r\n", "\n") }

// checkLabelsCSV compares the last fields of a row with the label.
func checkLabelsCSV(t rapid.TB, l *Labels, label uint32, header, row []string) {
	t.Helper()
	if l == nil {
		return
	}
	for i, name := range l.Names {
		at := len(row) - len(l.Names) + i
		want := ""
		if label > 0 {
			want = asCSV(l.Rows[label-1][i])
		}
		if header[at] != asCSV("label_"+name) || row[at] != want {
			t.Errorf("CSV column %d: got %q = %q, want label_%q = %q", at, header[at], row[at], name, want)
		}
	}
}

// written is what the sink made of one record.
func written(t rapid.TB, r *flowtable.Record, format Format, columns Columns) []byte {
	t.Helper()
	var text bytes.Buffer
	s := NewFlows(NewStream(&text, "test"), format, 1, columns)
	if err := s.Flows([]flowtable.Record{*r}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return text.Bytes()
}

func TestFlowColumnsAgreeWithModel(t *testing.T) {
	schema := compileSchema(t, schemaPath)
	rapid.Check(t, func(t *rapid.T) {
		r := records().Draw(t, "record")
		r.Features = someFeatures().Draw(t, "features")
		groups := rapid.OneOf(rapid.Just(flowtable.FeatureGroups()), rapid.SliceOfDistinct(rapid.SampledFrom(flowtable.FeatureGroups()), rapid.ID)).Draw(t, "groups")
		columns := Columns{Features: groups, Labels: someLabels().Draw(t, "labels")}
		if columns.Labels != nil {
			r.Label = rapid.Uint32Range(0, uint32(len(columns.Labels.Rows))).Draw(t, "label")
		}
		plain := slices.Concat(model(&r), modelFeatures(r.Features, groups))
		want := slices.Concat(plain, modelLabels(columns.Labels, r.Label))
		described := FlowColumns(columns)

		line := written(t, &r, NDJSON, columns)
		if err := schema(line); err != nil {
			t.Errorf("%s: %v", line, err)
		}
		got := parseNDJSON(t, line)
		if len(got) != len(want) || len(described) != len(want) {
			t.Fatalf("got %d columns, %d described, want %d", len(got), len(described), len(want))
		}
		for i, g := range got {
			if g.name != want[i].name || !sameValue(g.value, want[i].value) {
				t.Errorf("NDJSON column %d: got %q = %v, want %q = %v", i, g.name, g.value, want[i].name, want[i].value)
			}
			if d := described[i]; g.name != string([]rune(d.Name)) || g.value == nil && !d.Nullable {
				t.Errorf("column %d: %q = %v does not fit the table's %q", i, g.name, g.value, d.Name)
			}
		}

		rows, err := stdcsv.NewReader(bytes.NewReader(written(t, &r, CSV, columns))).ReadAll()
		if err != nil || len(rows) != 2 {
			t.Fatalf("CSV: %d rows, %v", len(rows), err)
		}
		for i, w := range plain {
			if rows[0][i] != w.name || rows[1][i] != csvField(w.value) {
				t.Errorf("CSV column %d: got %s = %q, want %s = %q", i, rows[0][i], rows[1][i], w.name, csvField(w.value))
			}
		}
		checkLabelsCSV(t, columns.Labels, r.Label, rows[0], rows[1])
	})
}

// What is new comes after what was there: without it, every byte is as before.
func TestColumnsAreAppended(t *testing.T) {
	records := conversation(50)
	for _, format := range []Format{NDJSON, CSV} {
		plain := bytes.SplitAfter(expected(format, records), []byte("\n"))
		var wide bytes.Buffer
		s := NewFlows(NewStream(&wide, "test"), format, 1, Columns{Features: flowtable.FeatureGroups()})
		if err := s.Flows(records); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		for i, line := range bytes.SplitAfter(wide.Bytes(), []byte("\n")) {
			before := bytes.TrimRight(plain[i], "}\n")
			if !bytes.HasPrefix(line, before) || len(before) > 0 && len(line) == len(plain[i]) {
				t.Fatalf("%v: %s does not go on from %s", format, line, before)
			}
		}
	}
}

// The texts here were written by hand.
func TestFeaturesByHand(t *testing.T) {
	nan := math.NaN()
	f := &flowtable.Features{
		Length:   [2]flowtable.Moments{{Mean: 400.25, Std: 1e-7, Min: 40, Max: 65575}, {Mean: nan, Std: nan, Min: nan, Max: nan}},
		Interval: [2]flowtable.Moments{{Mean: 1502325.5, Std: nan, Min: 0.001, Max: 299999999.999}, {Mean: nan, Std: nan, Min: nan, Max: nan}},
		Entropy:  [2]float64{7.5, nan},
		First:    [2]payload.Stats{{Length: 517, Entropy: 4, BitsSet: 0.125, Printable: 1, PrintableRun: 517}, {}},
		Packet:   [2]payload.Packet{{Length: 4, Entropy: 2, Squares: 4, Ones: 13, Printable: 3, Run: 2, Lead: 1, Exempt: 5, Framing: payload.FramingText}, {}},
		Sizes:    [flowtable.SPLTPackets]int32{517, -1448, -52, 80},
		Gaps:     [flowtable.SPLTPackets]uint32{0, 15023, 1, math.MaxUint32},
		SPLT:     4,
	}
	records := flood(1)
	records[0].Features = f
	columns := Columns{Features: flowtable.FeatureGroups(), Labels: &Labels{Names: []string{"app"}}}
	want := `,"quality":["one_way"],"len_mean_up":400.25,"len_std_up":1e-7,"len_min_up":40,"len_max_up":65575,` +
		`"len_mean_down":null,"len_std_down":null,"len_min_down":null,"len_max_down":null,` +
		`"interval_mean_up":1502325.5,"interval_std_up":null,"interval_min_up":0.001,"interval_max_up":299999999.999,` +
		`"interval_mean_down":null,"interval_std_down":null,"interval_min_down":null,"interval_max_down":null,` +
		`"entropy_mean_up":7.5,"entropy_mean_down":null,"first_payload_up_length":517,"first_payload_up_entropy":4,` +
		`"first_payload_up_bits_set":0.125,"first_payload_up_printable":1,"first_payload_up_printable_run":517,` +
		`"first_payload_down_length":null,"first_payload_down_entropy":null,"first_payload_down_bits_set":null,` +
		`"first_payload_down_printable":null,"first_payload_down_printable_run":null,` +
		`"splt":[[517,0],[-1448,15023],[-52,1],[80,4294967295]],"bursts":[[1,517],[2,-1500],[1,80]],"first_packet_up_length":4,"first_packet_up_entropy":2,` +
		`"first_packet_up_entropy_z":0.1538146116236189,"first_packet_up_chi_square":252,"first_packet_up_bits_set":3.25,` +
		`"first_packet_up_printable":0.75,"first_packet_up_printable_run":2,"first_packet_up_printable_lead":1,"first_packet_up_exempt":5,` +
		`"first_packet_up_framing":"text","first_packet_down_length":null,"first_packet_down_entropy":null,` +
		`"first_packet_down_entropy_z":null,"first_packet_down_chi_square":null,"first_packet_down_bits_set":null,` +
		`"first_packet_down_printable":null,"first_packet_down_printable_run":null,"first_packet_down_printable_lead":null,` +
		`"first_packet_down_exempt":null,"first_packet_down_framing":null,"label_app":null}` + "\n"
	if got := string(written(t, &records[0], NDJSON, columns)); !strings.HasSuffix(got, want) {
		t.Errorf("NDJSON:\ngot  %swant ...%s", got, want)
	}
	want = ",one_way,400.25,1e-7,40,65575,,,,,1502325.5,,0.001,299999999.999,,,,,7.5,,517,4,0.125,1,517,,,,,," +
		"517:0|-1448:15023|-52:1|80:4294967295,1:517|2:-1500|1:80," +
		"4,2,0.1538146116236189,252,3.25,0.75,2,1,5,text,,,,,,,,,,,\n"
	if got := string(written(t, &records[0], CSV, columns)); !strings.HasSuffix(got, want) {
		t.Errorf("CSV:\ngot  %swant ...%s", got, want)
	}
}

func TestAppendNumber(t *testing.T) {
	check := func(t rapid.TB, v float64) {
		t.Helper()
		want, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if got := appendNumber(make([]byte, 0, maxNumberText), v); !bytes.Equal(got, want) || len(got) > maxNumberText {
			t.Errorf("%b: got %s, want %s", v, got, want)
		}
	}
	numbers := slices.Clone(extremeNumbers)
	for e := -80; e < 80; e++ { // where the next double below is nearer than the one above, and where digits change
		numbers = append(numbers, math.Ldexp(1, e), math.Ldexp(3, e), math.Pow10(e))
	}
	for _, v := range numbers {
		for _, v := range []float64{v, math.Nextafter(v, math.Inf(1)), math.Nextafter(v, 0)} {
			if !math.IsInf(v, 0) {
				check(t, v)
			}
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		check(t, math.Abs(rapid.Float64().Draw(t, "any")))
		check(t, math.Float64frombits(rapid.Uint64Range(0, math.Float64bits(math.MaxFloat64)).Draw(t, "bits")))
		check(t, rapid.Float64Range(0, 3e9).Draw(t, "usual"))
		n, sum := rapid.Uint64Range(1, 1e6).Draw(t, "n"), rapid.Uint64Range(0, 1e12).Draw(t, "sum")
		check(t, float64(sum)/float64(n))
		check(t, float64(sum)/1000)
	})
}

// widest returns features with the longest text.
func widest() *flowtable.Features {
	const long = 1.2345678901234567e-6
	f := &flowtable.Features{SPLT: flowtable.SPLTPackets, Entropy: [2]float64{long, long}}
	for d := range 2 {
		f.Length[d] = flowtable.Moments{Mean: long, Std: long, Min: math.MaxUint32, Max: math.MaxUint32}
		f.Interval[d] = flowtable.Moments{Mean: long, Std: long, Min: long, Max: long}
		f.First[d] = payload.Stats{Length: math.MaxInt, Entropy: long, BitsSet: long, Printable: long, PrintableRun: math.MaxInt}
		f.Packet[d] = payload.Packet{Length: 1499, Entropy: 7.000000000000001, Squares: 8785, Ones: 5999, Printable: 1111, Run: 1111, Lead: 1111,
			Exempt: payload.AllExemptions, Framing: payload.FramingBitTorrent}
	}
	for i := range f.Sizes {
		f.Sizes[i], f.Gaps[i] = math.MinInt32, math.MaxUint32
		if i%2 == 0 {
			f.Sizes[i] = math.MaxInt32
		}
	}
	return f
}

func TestLongestFeaturesFit(t *testing.T) {
	for _, format := range []Format{NDJSON, CSV} {
		f := newFlowForm(Columns{Features: flowtable.FeatureGroups()}, format)
		r := longest()
		r.Features = widest()
		line := f.append(&encoder{}, nil, &r)
		if got, limit := len(line), f.room-slack; got > limit || got < limit/2 {
			t.Errorf("%v: %d bytes, want at most %d, and not much less: %s", format, got, limit, line)
		}
	}
}

func TestWideFlowsDoNotAllocate(t *testing.T) {
	records := append(conversation(15), longest())
	records[15].Features = widest()
	records[3].Features = nil
	columns := Columns{Features: flowtable.FeatureGroups(), Labels: &Labels{Names: []string{"a", "b"}, Rows: [][]string{{"plain", "\"hos\xfftile\",\n"}}}}
	for i := range records {
		records[i].Label = uint32(i & 1)
	}
	for _, format := range []Format{NDJSON, CSV} {
		s := NewFlows(NewStream(io.Discard, "nowhere"), format, 1, columns)
		feed := func() {
			if err := s.Flows(records); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 * chunkRecords {
			feed()
		}
		if got := testing.AllocsPerRun(200, feed); got != 0 {
			t.Errorf("%v: %v allocations per %d records, want 0", format, got, len(records))
		}
	}
}

// Every group has columns, no name comes twice, and what the table says of a column fits its type.
func TestFeatureTable(t *testing.T) {
	seen := map[string]bool{}
	counts := map[string]int{}
	for _, f := range FlowFeatures(flowtable.FeatureGroups()) {
		if seen[f.Name] {
			t.Errorf("%s comes twice", f.Name)
		}
		seen[f.Name] = true
		counts[f.Group]++
		if isPairs, isText := f.Type == Pairs, f.Type == String; (f.Pairs != nil) != isPairs || (f.Text != nil) != isText ||
			(f.Value != nil) == (isPairs || isText) || f.Nullable == isPairs {
			t.Errorf("%s: type %v, Value set: %v, Pairs set: %v, Text set: %v, nullable: %v", f.Name, f.Type, f.Value != nil, f.Pairs != nil, f.Text != nil, f.Nullable)
		}
		if f.Doc == "" || f.Source == "" || f.Unit == "" {
			t.Errorf("%s is not described: %+v", f.Name, f.Column)
		}
	}
	if got, want := fmt.Sprint(counts), "map[bursts:1 entropy:2 first_packet:20 first_payload:10 intervals:8 lengths:8 splt:1]"; got != want {
		t.Errorf("columns: got %s, want %s", got, want)
	}
}
