package output

import (
	"bytes"
	stdcsv "encoding/csv"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/weir-sensor/weir/features"
	"github.com/weir-sensor/weir/packet"
)

func randomWindow(rng *rand.Rand) features.Window {
	w := features.Window{
		Client: packet.AddrFrom4([]byte{192, 0, 2, byte(rng.IntN(256))}), Target: packet.AddrFrom4([]byte{198, 51, 100, 7}), Version: 4,
		ClientPort: uint16(rng.Uint32()), TargetPort: 443, SegmentStart: rng.Int64N(4e18) - 1e18, First: rng.Int64N(4e18), Last: rng.Int64N(4e18),
		Packets: rng.Uint32(), Connections: rng.Uint32(), Truncated: rng.Float64(), Offload: rng.Float64(), Retransmitted: rng.Float64(), OneWay: 1,
	}
	if rng.IntN(3) == 0 {
		w.Client, w.Target, w.Version = packet.Addr{Hi: 0x20010db8 << 32, Lo: rng.Uint64()}, packet.Addr{Lo: 1}, 6
	}
	for i := range w.Features {
		w.Features[i] = []float64{0, 1e6, rng.Float64(), rng.ExpFloat64() * 1e9, 1 / 3.0}[rng.IntN(5)]
	}
	return w
}

// values are the window's values as a reader would want them, by column name.
func values(w *features.Window, cfg features.Config) map[string]any {
	at := func(ns int64) string { return time.Unix(0, ns).UTC().Format("2006-01-02T15:04:05.000000000Z") }
	v := map[string]any{
		"client": w.Client.Netip(w.Version).String(), "target": w.Target.Netip(w.Version).String(),
		"segment_start": at(w.SegmentStart), "first": at(w.First), "last": at(w.Last),
		"packets": float64(w.Packets), "connections": float64(w.Connections),
		"truncated": w.Truncated, "offload": w.Offload, "retransmitted": w.Retransmitted, "one_way": w.OneWay,
	}
	if cfg.By == features.ByFlow {
		v["client_port"], v["target_port"] = float64(w.ClientPort), float64(w.TargetPort)
	}
	for _, i := range cfg.Columns() {
		v[features.Names()[i]] = w.Features[i]
	}
	return v
}

// Every window reads back as what it was, from JSON and from CSV, with the columns that the configuration makes and in
// their order.
func TestWindowsReadBack(t *testing.T) {
	valid := compileSchema(t, windowSchemaPath)
	rng := rand.New(rand.NewPCG(3, 4))
	for _, change := range []func(*features.Config){
		func(*features.Config) {},
		func(c *features.Config) { c.By = features.ByFlow },
		func(c *features.Config) { c.Groups = []string{"entropy", "psh"} },
		func(c *features.Config) { c.Groups = nil },
	} {
		cfg := features.DefaultConfig()
		change(&cfg)
		var windows []features.Window
		for range 300 {
			windows = append(windows, randomWindow(rng))
		}
		var lines, rows bytes.Buffer
		for format, to := range map[Format]*bytes.Buffer{NDJSON: &lines, CSV: &rows} {
			s := NewWindows(NewStream(to, "test"), format, 3, cfg, nil)
			if err := s.Windows(windows); err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
		table, err := stdcsv.NewReader(&rows).ReadAll()
		if err != nil || len(table) != len(windows)+1 {
			t.Fatalf("got %d rows of CSV, error %v", len(table), err)
		}
		for i, line := range strings.Split(strings.TrimSuffix(lines.String(), "\n"), "\n") {
			if err := valid([]byte(line)); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			var got map[string]any
			if err := json.Unmarshal([]byte(line), &got); err != nil {
				t.Fatal(err)
			}
			want := values(&windows[i], cfg)
			if len(got) != len(want) || len(table[0]) != len(want) {
				t.Fatalf("got %d members and %d columns, want %d", len(got), len(table[0]), len(want))
			}
			last := -1
			for c, name := range table[0] {
				if got[name] != want[name] {
					t.Errorf("%s: got %v, want %v", name, got[name], want[name])
				}
				text := table[i+1][c]
				if number, ok := want[name].(float64); ok {
					if v, err := strconv.ParseFloat(text, 64); err != nil || v != number {
						t.Errorf("CSV: %s: got %s, want %v", name, text, number)
					}
				} else if text != want[name] {
					t.Errorf("CSV: %s: got %s, want %v", name, text, want[name])
				}
				at := strings.Index(line, `"`+name+`":`)
				if at <= last {
					t.Errorf("%s is out of order in %s", name, line)
				}
				last = at
			}
		}
	}
}

// Labels are the last columns, whatever is in them.
func TestWindowLabelsReadBack(t *testing.T) {
	valid := compileSchema(t, windowSchemaPath)
	cfg := features.DefaultConfig()
	rng := rand.New(rand.NewPCG(5, 6))
	rapid.Check(t, func(t *rapid.T) {
		labels := someLabels().Draw(t, "labels")
		w := randomWindow(rng)
		if labels != nil {
			w.Label = rapid.Uint32Range(0, uint32(len(labels.Rows))).Draw(t, "label")
		}
		texts := map[Format]*bytes.Buffer{NDJSON: {}, CSV: {}}
		for format, to := range texts {
			s := NewWindows(NewStream(to, "test"), format, 1, cfg, labels)
			if err := errors.Join(s.Windows([]features.Window{w}), s.Close()); err != nil {
				t.Fatal(err)
			}
		}
		if err := valid(texts[NDJSON].Bytes()); err != nil {
			t.Errorf("%s: %v", texts[NDJSON], err)
		}
		got, want := parseNDJSON(t, texts[NDJSON].Bytes()), modelLabels(labels, w.Label)
		columns := WindowColumns(cfg, labels)
		if len(got) != len(columns) || len(got) < len(want) {
			t.Fatalf("got %d columns, %d described", len(got), len(columns))
		}
		for i, g := range got {
			if g.name != string([]rune(columns[i].Name)) {
				t.Errorf("column %d: got %q, want %q", i, g.name, columns[i].Name)
			}
		}
		for i, g := range got[len(got)-len(want):] {
			if g != want[i] {
				t.Errorf("label %d: got %q = %q, want %q = %q", i, g.name, g.value, want[i].name, want[i].value)
			}
		}
		rows, err := stdcsv.NewReader(texts[CSV]).ReadAll()
		if err != nil || len(rows) != 2 || len(rows[0]) != len(columns) {
			t.Fatalf("CSV: %v: %q", err, rows)
		}
		checkLabelsCSV(t, labels, w.Label, rows[0], rows[1])
	})
}
