package main

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The sums of both tables are those of the flow records, whatever the format, the shards and the room there is.
func TestReplayAggregates(t *testing.T) {
	run := func(args ...string) (dir, stderr string) {
		t.Helper()
		dir = t.TempDir()
		status, _, stderr := command(t, nil, append([]string{"replay", "--aggregates", "--out", dir}, append(args, demo)...)...)
		if status != exitOK {
			t.Fatalf("%v: %s", args, stderr)
		}
		return dir, stderr
	}
	text, _ := run("--shards", "1")
	if got, want := names(t, text), []string{"aggregates.ndjson", "flows.ndjson", "ledger.json", "manifest.json", "steps.ndjson"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	flows := sums(t, filepath.Join(text, "flows.ndjson"), "")
	small, stderr := run("--set", "aggregate.max_tuples=20", "--set", "aggregate.max_pairs=3", "--set", "aggregate.max_ports=9")
	if !strings.Contains(stderr, "tables of aggregates were full") {
		t.Errorf("got %q, want a warning", stderr)
	}
	spans, _ := run("--set", "aggregate.span=1m")
	for _, dir := range []string{text, small, spans} {
		for file, entries := range map[string]string{"aggregates": "entries", "steps": "flows"} {
			if got := sums(t, filepath.Join(dir, file+".ndjson"), entries); got != flows {
				t.Errorf("%s: got %+v, want %+v", file, got, flows)
			}
		}
	}
	many, _ := run("--shards", "3")
	table, _ := run("--format", "csv")
	columns, _ := run("--format", "parquet")
	for _, file := range []string{"aggregates", "steps"} {
		lines := read(t, filepath.Join(text, file+".ndjson"))
		if !bytes.Equal(read(t, filepath.Join(many, file+".ndjson")), lines) {
			t.Errorf("%s: the bytes depend on the number of shards", file)
		}
		rows := bytes.Count(lines, []byte("\n"))
		records, err := csv.NewReader(bytes.NewReader(read(t, filepath.Join(table, file+".csv")))).ReadAll()
		if err != nil || len(records) != rows+1 {
			t.Errorf("%s: %d lines of CSV (%v), want %d", file, len(records), err, rows+1)
		}
		values, _ := column(t, filepath.Join(columns, file+".parquet"), "bytes_up")
		up := uint64(0)
		for _, v := range values {
			up += uint64(v.Int64())
		}
		if len(values) != rows || up != flows.up {
			t.Errorf("%s: %d rows of %d bytes in Parquet, want %d of %d", file, len(values), up, rows, flows.up)
		}
	}
}

// The five columns of the key are those of the flow records, for ICMP, too.
func TestAggregatesJoinFlows(t *testing.T) {
	dir := t.TempDir()
	if status, _, stderr := command(t, nil, "replay", "--aggregates", "--out", dir, demo); status != exitOK {
		t.Fatal(stderr)
	}
	count := func(file string) map[string]int {
		rows := map[string]int{}
		for line := range bytes.Lines(read(t, filepath.Join(dir, file))) {
			row := map[string]any{"entries": 1.0}
			if err := json.Unmarshal(line, &row); err != nil {
				t.Fatal(err)
			}
			id := fmt.Sprint(row["proto"], row["client"], " ", row["client_port"], row["server"], " ", row["server_port"])
			rows[id] += int(row["entries"].(float64))
		}
		return rows
	}
	flows, sums := count("flows.ndjson"), count("aggregates.ndjson")
	if !maps.Equal(flows, sums) {
		t.Errorf("flows have %d 5-tuples, aggregates %d, not the same", len(flows), len(sums))
	}
	if !slices.ContainsFunc(slices.Collect(maps.Keys(flows)), func(k string) bool { return strings.HasPrefix(k, "icmp") }) {
		t.Error("the capture has no ICMP")
	}
}

func TestAggregatesNeedADirectory(t *testing.T) {
	status, _, stderr := command(t, nil, "replay", "--aggregates", "--stdout", "flows", demo)
	if status != exitUsage || !strings.Contains(stderr, "--aggregates: there is nowhere to write them to") {
		t.Errorf("got %d, %q", status, stderr)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

type rowSums struct{ entries, up, down uint64 }

// sums adds up the lines of a file, and the numbers of a column that counts records; "": each line is one.
func sums(t *testing.T, path, entries string) (sum rowSums) {
	t.Helper()
	for lines := bufio.NewScanner(bytes.NewReader(read(t, path))); lines.Scan(); {
		var row map[string]json.RawMessage
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			t.Fatal(err)
		}
		number := func(name string) uint64 {
			n, err := strconv.ParseUint(string(row[name]), 10, 64)
			if err != nil {
				t.Fatal(path, name, err)
			}
			return n
		}
		if sum.entries++; entries != "" {
			sum.entries += number(entries) - 1
		}
		sum.up += number("bytes_up")
		sum.down += number("bytes_down")
	}
	return sum
}
