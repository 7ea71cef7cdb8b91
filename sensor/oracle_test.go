package sensor_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/weir-sensor/weir/capture"
	"github.com/weir-sensor/weir/capture/pcapfile"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/sensor"
)

// oracleData returns the directory of real captures with other tools' answers, or skips the test where there is none.
// They lie beside the module's root; WEIR_SHARED names another place for their parent.
func oracleData(t testing.TB) string {
	t.Helper()
	shared := os.Getenv("WEIR_SHARED")
	if shared == "" {
		shared = filepath.Join("..", "..", "shared")
	}
	dir := filepath.Join(shared, "data")
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("no real captures: %v (WEIR_SHARED names their parent directory)", err)
	}
	return dir
}

// oracleRows returns the rows of a tab-separated table below the data's directory, without its heading.
func oracleRows(t testing.TB, text string) [][]string {
	t.Helper()
	var rows [][]string
	for line := range strings.Lines(text) {
		rows = append(rows, strings.Split(strings.TrimRight(line, "\n"), "\t"))
	}
	if len(rows) < 2 {
		t.Fatal("empty table")
	}
	return rows[1:]
}

// manifest returns the paths of all files that the manifest lists as captures, below the data's directory.
func manifest(t testing.TB, data string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(data, "MANIFEST.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, row := range oracleRows(t, string(text)) {
		paths = append(paths, row[0])
	}
	return paths
}

// recordSink keeps all records.
type recordSink struct {
	records []flowtable.Record
}

func (s *recordSink) Flows(r []flowtable.Record) error {
	s.records = append(s.records, r...)
	return nil
}

func (*recordSink) Flush() error { return nil }
func (*recordSink) Close() error { return nil }
func (*recordSink) Abort() error { return nil }

// neverEnding returns options under which a flow ends only where TCP says so: one shard, no timeout.
func neverEnding() sensor.Options {
	opt := sensor.Options{Config: sensor.Config{Shards: 1, Batch: 256}, Flow: flowtable.DefaultConfig()}
	opt.Flow.MaxFlows = 10_000_000
	opt.Flow.ActiveTimeout = 0
	opt.Flow.Idle = flowtable.IdleConfig{}
	return opt
}

// runFile sends one capture file through the pipeline.
func runFile(path string, opt sensor.Options) ([]flowtable.Record, sensor.Ledger, error) {
	src, err := pcapfile.Open([]string{path}, pcapfile.Options{})
	if err != nil {
		return nil, sensor.Ledger{}, err
	}
	defer src.Close()
	return runSource(src, opt)
}

func runSource(src capture.Source, opt sensor.Options) ([]flowtable.Record, sensor.Ledger, error) {
	var sink recordSink
	ledger, err := sensor.Run(context.Background(), src, &sink, opt)
	return sink.records, ledger, err
}

// sideBySide calls f for each item, on all processors.
func sideBySide[T any](items []T, f func(T)) {
	var running sync.WaitGroup
	next := make(chan T)
	for range runtime.GOMAXPROCS(0) {
		running.Go(func() {
			for item := range next {
				f(item)
			}
		})
	}
	for _, item := range items {
		next <- item
	}
	close(next)
	running.Wait()
}

// notCapture says whether a file was refused as no capture at all.
func notCapture(err error) bool {
	var not *pcapfile.NotCaptureError
	return errors.As(err, &not)
}

// exceptions reads a list of known differences: a key of several columns, then the reason. Lines that begin with # are
// remarks.
func exceptions(t testing.TB, name string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "oracle", name))
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]string{}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\n")
		if line == "" || line[0] == '#' {
			continue
		}
		key, reason := splitLast(line)
		known[key] = reason
	}
	return known
}

// splitLast splits a line at its last tab.
func splitLast(line string) (before, after string) {
	i := strings.LastIndexByte(line, '\t')
	return line[:max(i, 0)], line[i+1:]
}

// directions returns the records' packets per directed flow as they were on the wire, up first.
func directions(r *flowtable.Record) [2]oracleKey {
	up := oracleKey{proto: r.Proto, src: r.Client.Netip(r.Version), dst: r.Server.Netip(r.Version)}
	if hasPorts(r.Proto) {
		up.srcPort, up.dstPort = r.ClientPort, r.ServerPort
	}
	return [2]oracleKey{up, {up.proto, up.dst, up.src, up.dstPort, up.srcPort}}
}
