package sensor_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/output"
	"github.com/weir-sensor/weir/sensor"
)

// timeSettings are the timeouts under which the output is compared: the default ones, and such that there are many
// records and parts.
var timeSettings = map[string]func(*flowtable.Config){
	"default": func(*flowtable.Config) {},
	"short": func(c *flowtable.Config) {
		c.ActiveTimeout = time.Second
		c.Idle = flowtable.IdleConfig{TCP: time.Second, TCPEmbryonic: 100 * time.Millisecond, TCPClosed: 10 * time.Millisecond,
			UDP: 50 * time.Millisecond, ICMP: 200 * time.Millisecond, Other: 10 * time.Millisecond}
	},
	"long parts": func(c *flowtable.Config) {
		c.ActiveTimeout = time.Second
		c.Idle = flowtable.IdleConfig{}
	},
}

// ndjson returns the output as it would be written.
func ndjson(records []flowtable.Record) []byte {
	var text bytes.Buffer
	sink := output.NewFlows(output.NewStream(&text, "memory"), output.NDJSON, 1, output.Columns{})
	if err := errors.Join(sink.Flows(records), sink.Close()); err != nil {
		panic(err)
	}
	return text.Bytes()
}

// sampleCaptures picks the longest capture below 3000 packets of each source and of each link type.
func sampleCaptures(t *testing.T, data string) (paths []string) {
	text, err := os.ReadFile(filepath.Join(data, "MANIFEST.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	type best struct {
		path    string
		packets int
	}
	of := map[string]best{}
	for _, row := range oracleRows(t, string(text)) {
		n, err := strconv.Atoi(row[2])
		if err != nil || n > 3000 {
			continue
		}
		source, _, _ := strings.Cut(row[0], "/")
		for _, kind := range []string{"source " + source, "link " + row[3]} {
			if n > of[kind].packets {
				of[kind] = best{row[0], n}
			}
		}
	}
	for _, b := range of {
		paths = append(paths, filepath.Join(data, b.path))
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

// TestSameBytes: the same capture gives the same bytes with any number of shards and any batch size, plain, compressed,
// and through a pipe that gives a few bytes at a time.
func TestSameBytes(t *testing.T) {
	t.Parallel()
	paths := []string{filepath.Join("..", "testdata", "demo.pcap.gz")}
	if _, err := os.Stat(paths[0]); err != nil {
		t.Fatal(err)
	}
	t.Run("demo", func(t *testing.T) { sameBytes(t, paths) })
	t.Run("captures", func(t *testing.T) { sameBytes(t, sampleCaptures(t, oracleData(t))) })
}

func sameBytes(t *testing.T, paths []string) {
	var runs, records, parts atomic.Uint64
	sideBySide(paths, func(path string) {
		file, err := os.ReadFile(path)
		if err != nil {
			t.Error(err)
			return
		}
		for name, set := range timeSettings {
			options := func(shards, batch int) sensor.Options {
				opt := usual(shards, batch)
				set(&opt.Flow)
				return opt
			}
			first, _, err := runFile(path, options(1, 4096))
			if err != nil {
				t.Errorf("%s: %v", path, err)
				return
			}
			want := ndjson(first)
			records.Add(uint64(len(first)))
			for i := range first {
				if first[i].Part > 0 {
					parts.Add(1)
				}
			}
			same := func(how string, got []flowtable.Record, err error) {
				runs.Add(1)
				if text := ndjson(got); err != nil || !bytes.Equal(text, want) {
					t.Errorf("%s, %s timeouts, %s: %d records, %d before; error %v; %s", path, name, how, len(got), len(first), err,
						firstDifference(text, want))
				}
			}
			for _, shards := range []int{1, 2, 8} {
				for _, batch := range []int{1, 256, 4096} {
					got, _, err := runFile(path, options(shards, batch))
					same(fmt.Sprintf("%d shards, batches of %d", shards, batch), got, err)
				}
			}
			got, _, err := runPipe(zipper(file), options(2, 256))
			same("compressed", got, err)
			got, _, err = runPipe(iotest.HalfReader(bytes.NewReader(file)), options(2, 256))
			same("from a pipe", got, err)
		}
	})
	t.Logf("%d captures, %d runs: %d records, %d of them later parts", len(paths), runs.Load(), records.Load(), parts.Load())
}

// zipper gives the bytes compressed, where they are not already.
func zipper(file []byte) io.Reader {
	if bytes.HasPrefix(file, []byte{0x1f, 0x8b}) || bytes.HasPrefix(file, []byte{0x28, 0xb5, 0x2f, 0xfd}) {
		return bytes.NewReader(file)
	}
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	w.Write(file) // never fails into memory
	w.Close()
	return &zipped
}

// firstDifference shows the first line that differs.
func firstDifference(got, want []byte) string {
	a, b := bytes.Split(got, []byte("\n")), bytes.Split(want, []byte("\n"))
	for i := range min(len(a), len(b)) {
		if !bytes.Equal(a[i], b[i]) {
			return fmt.Sprintf("line %d:\n got %s\nwant %s", i+1, a[i], b[i])
		}
	}
	return "one is the beginning of the other"
}
