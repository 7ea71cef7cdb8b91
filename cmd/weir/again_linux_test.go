package main

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/weir-sensor/weir/internal/netnstest"
)

// held is what a process has.
type held struct {
	goroutines, descriptors, rings int
	heap                           uint64 // bytes
}

func holds(t *testing.T) (h held) {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	runtime.GC() // what finalizers have let go
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return held{runtime.NumGoroutine(), len(list), strings.Count(string(maps), "socket:"), m.HeapAlloc}
}

// A hundred runs with everything on, some of them through libpcap or with several rings, leave nothing behind: after the
// first few, in which what is kept for good is made, nothing grows.
func TestLiveHundredTimes(t *testing.T) {
	if !netnstest.Inside(t) {
		return
	}
	send := twoWires(t)
	frames := demoFrames(t)[:100]
	run := func(i int) {
		args := []string{"--windows", "--features", "all", "--set", "telemetry.listen=127.0.0.1:0",
			"--set", "afpacket.ring_size=262144", "--set", "afpacket.block_size=65536", "--set", "afpacket.snaplen=9000",
			"--set", "afpacket.block_timeout=1ms", "--set", "afpacket.poll=1ms", "--set", "pcap.poll=1ms", "--set", "pcap.buffer=1048576",
			"--set", "flow.max_flows=1000", "--set", "window.max_pairs=1000"}
		second := func(frame []byte) bool { return frame[5]&1 == 0 }
		switch i % 10 {
		case 4:
			args = append(args, "-i", "rx0,rx1", "--engine", "pcap")
		case 9:
			args = append(args, "-i", "rx0,rx1", "--shards", "2")
		default: // the kernel takes its time to close each ring
			args = append(args, "-i", "rx0", "--shards", "1")
			second = func([]byte) bool { return false }
		}
		dir := filepath.Join(t.TempDir(), "out")
		ledger := liveRun(t, dir, append(args, "--out", dir), func() { send(frames, second) })
		if ledger.Packets+ledger.Capture.Dropped != uint64(len(frames)) {
			t.Fatalf("run %d: got %d packets, %+v, want %d", i, ledger.Packets, ledger.Capture, len(frames))
		}
	}
	for i := range 10 {
		run(i)
	}
	before := holds(t)
	for i := range 90 {
		run(i)
	}
	var after held
	for end := time.Now().Add(patience); ; runtime.Gosched() { // what is about to end is there for a moment
		after = holds(t)
		if after.goroutines <= before.goroutines && after.descriptors <= before.descriptors && after.rings == 0 && after.heap <= before.heap+1<<20 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("got %+v after a hundred runs, had %+v after ten", after, before)
		}
	}
	t.Logf("after ten runs %+v, after a hundred %+v", before, after)
}
