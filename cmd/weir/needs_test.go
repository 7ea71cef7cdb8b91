package main

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/weir-sensor/weir/config"
	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/detect/detectors"
	"github.com/weir-sensor/weir/flowtable"
)

// withoutColumns returns records without the columns whose names match.
func withoutColumns(t *testing.T, records []byte, columns string) []byte {
	t.Helper()
	var out bytes.Buffer
	name := regexp.MustCompile(`^(` + columns + `)$`)
	for line := range bytes.Lines(records) {
		var row map[string]json.RawMessage
		if err := json.Unmarshal(line, &row); err != nil {
			t.Fatal(err)
		}
		for column := range row {
			if name.MatchString(column) {
				delete(row, column)
			}
		}
		if err := json.NewEncoder(&out).Encode(row); err != nil {
			t.Fatal(err)
		}
	}
	return out.Bytes()
}

// Without a column that a detector needs its alerts are not there, and it says why; with all columns they are, and it says nothing.
func TestDetectWithoutWhatDetectorsNeed(t *testing.T) {
	dir := t.TempDir()
	if status, _, stderr := command(t, nil, "replay", "--features", "all", "--out", dir, demo); status != exitOK {
		t.Fatal(stderr)
	}
	records := read(t, filepath.Join(dir, "flows.ndjson"))
	const nothing, less = "level=WARN msg=\"a detector says nothing of flows that lack what it looks at\"", "level=INFO msg=\"a detector finds less in flows that lack what it looks at\""
	const helps = ` helps="records of weir replay --features all or weir live --features all"`
	for _, test := range []struct{ detector, kind, columns, want string }{
		{"transport", "obfuscated_proxy", "splt", nothing + ` detector=transport lacks="splt features" flows=N of=N` + helps},
		{"transport", "obfuscated_proxy", "first_packet_.*", nothing + ` detector=transport lacks="first_packet features" flows=N of=N` + helps},
		{"transport", "obfuscated_proxy", "splt|first_packet_.*", nothing + ` detector=transport lacks="first_packet features, splt features" flows=N of=N` + helps},
		{"basic", "impossible_flags", "tcp_flags_.*", less + ` detector=basic lacks="TCP flags" flows=N of=N not_found="impossible flags"`},
		{"basic", "impossible_flags", "packets_.*|payload_.*", less + ` detector=basic lacks="packets, payload" flows=N of=N not_found="impossible flags, empty connections"`},
		{"exfiltration", "dns_tunnel", "packets_.*", less + ` detector=exfiltration lacks=packets flows=N of=N not_found="tunnels through DNS"`},
	} {
		detectOver := func(records []byte, more ...string) (alerts, said string) {
			file := write(t, filepath.Join(t.TempDir(), "flows.ndjson"), records)
			status, stdout, stderr := command(t, nil, append([]string{"detect", "--detect=" + test.detector, file}, more...)...)
			if status != exitOK {
				t.Fatalf("%s: %s", test.columns, stderr)
			}
			said = regexp.MustCompile(`(?m)^time=\S+ `).ReplaceAllString(stderr, "")
			return stdout, regexp.MustCompile(`\d+ of=2\d\d\d`).ReplaceAllString(strings.TrimSpace(said), "N of=N")
		}
		kind := test.detector + "/" + test.kind
		if alerts, said := detectOver(records); !strings.Contains(alerts, kind) || said != "" {
			t.Errorf("%s: with all columns got %q and\n%s", test.detector, said, alerts)
		}
		lacking := withoutColumns(t, records, test.columns)
		alerts, said := detectOver(lacking)
		if strings.Contains(alerts, kind) || said != test.want {
			t.Errorf("%s without %s: got\n%s\nwant\n%s\nand no %s in\n%s", test.detector, test.columns, said, test.want, kind, alerts)
		}
		whole := write(t, filepath.Join(t.TempDir(), "flows.ndjson"), bytes.Repeat(records, 2))
		if _, said := detectOver(lacking, whole); (said != "") != strings.HasPrefix(test.want, nothing) {
			t.Errorf("%s where a third is without %s: got %q", test.detector, test.columns, said)
		}
	}
}

// Records of others: what is said of a scan rests on flags, history or state, of which one is enough.
func TestDetectScansWithoutState(t *testing.T) {
	for columns, want := range map[string]string{
		"":                   `lacks="TCP flags" flows=31 of=31 not_found="half-open scans, NULL, FIN, Xmas and ACK scans"`,
		"conn_state":         `lacks="TCP flags" flows=31 of=31 not_found="half-open scans, NULL, FIN, Xmas and ACK scans"`,
		"conn_state|history": `lacks="TCP flags, TCP flags or history or state" flows=31 of=31 not_found="scans by TCP, half-open scans, NULL, FIN, Xmas and ACK scans"`,
	} {
		text := scanned()
		for column := range strings.SplitSeq(columns, "|") {
			if column != "" {
				text = strings.Replace(text, "\t"+column+"\t", "\tx_"+column+"\t", 1)
			}
		}
		_, stdout, stderr := command(t, nil, "detect", "--detect=scan", write(t, filepath.Join(t.TempDir(), "conn.log"), []byte(text)))
		if !strings.Contains(stderr, "detector=scan "+want) || strings.Contains(stdout, "scan/address_scan") != (columns != "conn_state|history") {
			t.Errorf("without %q: got\n%s%s\nwant %s", columns, stderr, stdout, want)
		}
	}
}

// A file without flows lacks nothing.
func TestDetectNothing(t *testing.T) {
	head, _, _ := strings.Cut(scanned(), "1000.5")
	file := write(t, filepath.Join(t.TempDir(), "conn.log"), []byte(head))
	if status, _, stderr := command(t, nil, "detect", file); status != exitOK || stderr != "" {
		t.Errorf("status %d, %s", status, stderr)
	}
}

// Every group of features that a detector has computed is among its needs, and each need is something that can be named.
func TestNeedsOfDetectors(t *testing.T) {
	c := config.Default()
	c.Detect.Detectors = []string{detectors.All}
	made, err := detectors.New(c.Detect, c.Window)
	if err != nil {
		t.Fatal(err)
	}
	needers := 0
	for _, d := range made {
		var groups []string
		if n, ok := d.(detect.Needer); ok {
			needers++
			for _, need := range n.Needs() {
				if need.Feature != "" {
					groups = append(groups, need.Feature)
				}
				kinds := 0
				for _, is := range []bool{need.Fields != 0, need.Feature != "", need.Windows} {
					if is {
						kinds++
					}
				}
				if kinds != 1 || need.String() == "" || need.Feature != "" && !slices.Contains(flowtable.FeatureGroups(), need.Feature) {
					t.Errorf("%s: need %+v, %s", d.Info().Name, need, need)
				}
			}
		}
		if user, ok := d.(detect.FeatureUser); ok && !slices.Equal(user.FlowFeatures(), groups) {
			t.Errorf("%s: needs features %v, has %v computed", d.Info().Name, groups, user.FlowFeatures())
		}
	}
	if needers < 6 {
		t.Errorf("got %d detectors that need something", needers)
	}
}
