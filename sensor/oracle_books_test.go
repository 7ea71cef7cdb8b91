package sensor_test

import (
	"bytes"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/weir-sensor/weir/capture/pcapfile"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
	"github.com/weir-sensor/weir/sensor"
)

// usual returns the default options with all tunnels opened.
func usual(shards, batch int) sensor.Options {
	return sensor.Options{
		Config: sensor.Config{Shards: shards, Batch: batch}, Flow: flowtable.DefaultConfig(),
		Decode: packet.Options{Checksums: true, Tunnels: packet.AllTunnels},
	}
}

// runPipe sends what r gives through the pipeline, as standard input would.
func runPipe(r io.Reader, opt sensor.Options) ([]flowtable.Record, sensor.Ledger, error) {
	src, err := pcapfile.Open([]string{"-"}, pcapfile.Options{Stdin: r})
	if err != nil {
		return nil, sensor.Ledger{}, err
	}
	defer src.Close()
	return runSource(src, opt)
}

// checkBooks fails where the ledger and the records do not add up.
func checkBooks(t *testing.T, name string, records []flowtable.Record, l *sensor.Ledger) {
	t.Helper()
	if err := l.Check(); err != nil {
		t.Errorf("%s: %v", name, err)
	}
	sum, written := uint64(0), uint64(0)
	for i := range records {
		sum += records[i].Packets[0] + records[i].Packets[1]
	}
	for _, n := range l.Flows.Written {
		written += n
	}
	if sum != l.Flow {
		t.Errorf("%s: %d packets in the records, %d in the ledger", name, sum, l.Flow)
	}
	if written != uint64(len(records)) || l.Flows.Open != 0 {
		t.Errorf("%s: %d records, %d in the ledger, %d open", name, len(records), written, l.Flows.Open)
	}
}

// TestBooksBalance: whatever the file, whole or cut off anywhere, every packet and every record is in the ledger once.
func TestBooksBalance(t *testing.T) {
	t.Parallel()
	data := oracleData(t)
	var packets, refused, runs atomic.Uint64
	sideBySide(manifest(t, data), func(path string) {
		whole, err := os.ReadFile(filepath.Join(data, path))
		if err != nil {
			t.Error(err)
			return
		}
		random := rand.New(rand.NewPCG(2, uint64(len(whole))))
		pieces := [][]byte{whole}
		for range 3 {
			pieces = append(pieces, whole[:random.IntN(len(whole)+1)])
		}
		for _, piece := range pieces {
			runs.Add(1)
			records, ledger, err := runPipe(bytes.NewReader(piece), usual(1, 64))
			if err != nil && !notCapture(err) {
				t.Errorf("%s: first %d bytes of %d: %v", path, len(piece), len(whole), err)
			}
			if err != nil {
				refused.Add(1)
			}
			checkBooks(t, path, records, &ledger)
			packets.Add(ledger.Packets)
		}
	})
	t.Logf("%d runs, %d refused as no capture, %d packets", runs.Load(), refused.Load(), packets.Load())
}

// TestHostileFiles: a file that is malformed or cannot be read at all ends in a clean result or a clean error, and does
// not make the program allocate.
func TestHostileFiles(t *testing.T) {
	data := oracleData(t)
	text, err := os.ReadFile(filepath.Join(data, "MANIFEST.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	files, unreadable, refused, most := 0, 0, 0, uint64(0)
	for _, row := range oracleRows(t, string(text)) {
		no := strings.Contains(row[8], "not readable by capinfos")
		if !no && row[9] != "malformed/fuzz" {
			continue
		}
		files++
		if no {
			unreadable++
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		records, ledger, err := runFile(filepath.Join(data, row[0]), usual(2, 256))
		runtime.ReadMemStats(&after)
		if err != nil {
			refused++
			if !notCapture(err) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s: %v", row[0], err)
			}
		}
		checkBooks(t, row[0], records, &ledger)
		used := after.TotalAlloc - before.TotalAlloc
		most = max(most, used)
		if used > 100<<20 {
			t.Errorf("%s: %d MiB allocated", row[0], used>>20)
		}
	}
	t.Logf("%d files, %d of them unreadable: %d refused; at most %d MiB allocated", files, unreadable, refused, most>>20)
	if unreadable < 20 || files < 250 {
		t.Error("too few files")
	}
}
