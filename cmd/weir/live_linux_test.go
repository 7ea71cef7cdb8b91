package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/weir-sensor/weir/capture"
	"github.com/weir-sensor/weir/capture/pcapfile"
	"github.com/weir-sensor/weir/internal/netnstest"
	"github.com/weir-sensor/weir/internal/sendtest"
)

// lockedBuffer is a buffer that one goroutine writes to and another looks at.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// patience is how long tests wait for what comes soon: so long that only what never comes fails, however busy the machine.
const patience = 2 * time.Minute

// until waits for a condition, and fails the test where it does not come about within patience.
func until(t *testing.T, what string, true func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !true(); runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatalf("waited %v for %s", patience, what)
		}
	}
}

// unhurried are arguments of a sensor that loses nothing where it is kept from its work for a minute. A ring has many blocks,
// for each block timeout may hand one over with a few packets in it; of the usual large ones it has 16.
var unhurried = []string{"--set", "afpacket.block_size=65536", "--set", "afpacket.snaplen=65280", "--set", "output.drain=1m"}

// demoFrames returns the frames of the demo capture.
func demoFrames(t *testing.T) (frames [][]byte) {
	t.Helper()
	src, err := pcapfile.Open([]string{demo}, pcapfile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	for b := (capture.Batch{Frames: make([]capture.Frame, 0, 1000)}); src.Read(&b) == nil; {
		for i := range b.Frames {
			frames = append(frames, bytes.Clone(b.Bytes(i)))
		}
	}
	return frames
}

// volumes sums packets and bytes by the 5-tuple that community_id stands for.
func volumes(t *testing.T, pattern string) map[string][2]uint64 {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: got %v, %v", pattern, files, err)
	}
	sums := map[string][2]uint64{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			var r struct {
				ID    string `json:"community_id"`
				Up    uint64 `json:"packets_up"`
				Down  uint64 `json:"packets_down"`
				BUp   uint64 `json:"bytes_up"`
				BDown uint64 `json:"bytes_down"`
			}
			if err := json.Unmarshal([]byte(line), &r); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			s := sums[r.ID]
			sums[r.ID] = [2]uint64{s[0] + r.Up + r.Down, s[1] + r.BUp + r.BDown}
		}
	}
	return sums
}

// What is sent over a wire is in the ledger and in the flows, as in a replay of the same packets, through each engine.
func TestLiveCountsEveryPacket(t *testing.T) {
	if !netnstest.Inside(t) {
		return
	}
	netnstest.Pair(t, "wire0", "wire1")
	for _, name := range []string{"wire0", "wire1"} {
		netnstest.Run(t, "ip link set "+name+" mtu 9000 up")
	}
	frames := demoFrames(t)
	replayed := t.TempDir()
	if status, _, stderr := command(t, nil, "replay", "--out", replayed, demo); status != 0 {
		t.Fatal(stderr)
	}
	want := volumes(t, filepath.Join(replayed, "flows.ndjson"))
	for _, args := range [][]string{{"--shards", "1"}, {"--shards", "2", "--windows", "--features", "all"}, {"--engine", "pcap"}} {
		dir, kept := t.TempDir(), t.TempDir()
		before := received(t, "wire1")
		ledger := liveRun(t, dir, append(args, "-i", "wire1", "--out", dir, "--write-pcap", kept), func() {
			sender, err := sendtest.NewSender("wire0", false)
			if err != nil {
				t.Fatal(err)
			}
			defer sender.Close()
			if err := sender.Send(frames); err != nil {
				t.Fatal(err)
			}
			until(t, "the frames to arrive", func() bool { return received(t, "wire1")-before == uint64(len(frames)) })
		})
		if ledger.Packets != uint64(len(frames)) || ledger.Capture.Dropped+ledger.Capture.Unread != 0 {
			t.Errorf("%v: got %d packets, capture %+v, want %d and none lost", args, ledger.Packets, ledger.Capture, len(frames))
		}
		got := volumes(t, filepath.Join(dir, "flows-*.ndjson"))
		for id, v := range want {
			if got[id] != v {
				t.Errorf("%v: %s: got %v packets and bytes, want %v", args, id, got[id], v)
			}
		}
		if len(got) != len(want) {
			t.Errorf("%v: got %d 5-tuples, want %d", args, len(got), len(want))
		}
		if status, stdout, stderr := command(t, nil, "parity", kept); status != 0 || !strings.Contains(stdout, "no difference") {
			t.Errorf("%v: got %d from a replay of the same packets, %s%s", args, status, stdout, stderr)
		}
		parityTells(t, kept)
	}
}

// All flows that are open at the end are written, though the queue before the files takes few of them at a time.
func TestLiveEndsWithMoreThanFits(t *testing.T) {
	if !netnstest.Inside(t) {
		return
	}
	netnstest.Pair(t, "wire0", "wire1")
	var frames [][]byte
	for n := range uint32(5000) {
		frames = append(frames, datagram(n))
	}
	dir := t.TempDir()
	ledger := liveRun(t, dir, []string{"-i", "wire1", "--out", dir, "--set", "output.queue=256", "--set", "flow.idle.udp=10m"}, func() {
		sender, err := sendtest.NewSender("wire0", false)
		if err != nil {
			t.Fatal(err)
		}
		defer sender.Close()
		if err := sender.Send(frames); err != nil {
			t.Fatal(err)
		}
		until(t, "the frames to arrive", func() bool { return received(t, "wire1") == uint64(len(frames)) })
	})
	if ledger.Flows.Opened != uint64(len(frames)) {
		t.Errorf("got %d flows, want %d", ledger.Flows.Opened, len(frames))
	}
}

// parityTells changes one record of a kept run: that is what weir parity has to say.
func parityTells(t *testing.T, kept string) {
	t.Helper()
	name := filepath.Join(kept, "flows.ndjson")
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	changed := bytes.Replace(text, []byte(`"packets_up":1,`), []byte(`"packets_up":77777,`), 1)
	if err := os.WriteFile(name, changed, 0o644); err != nil {
		t.Fatal(err)
	}
	status, stdout, stderr := command(t, nil, "parity", kept)
	if status != 1 || !strings.Contains(stdout, "1 only in live") || !strings.Contains(stdout, `"packets_up":77777,`) ||
		!strings.Contains(stdout, "1 only in replay") || strings.Count(stderr, "\n") != 1 {
		t.Errorf("with a record changed: got status %d, %s%s", status, stdout, stderr)
	}
}

// received returns how many packets the interface has received, once they have been given to whoever captures there: the end
// of a pair counts them before, and kernels up to 6.4 put the rest off where a CPU is busy.
func received(t *testing.T, name string) uint64 {
	t.Helper()
	n := statistic(t, name, "rx_packets")
	until(t, "the kernel's backlog to be empty", func() bool {
		text, _ := os.ReadFile("/proc/net/softnet_stat") // not there: another kernel
		for line := range strings.Lines(string(text)) {  // of a CPU
			const backlog = 11
			if f := strings.Fields(line); len(f) > backlog && strings.Trim(f[backlog], "0") != "" {
				return false
			}
		}
		return true
	})
	return n
}

// statistic returns a counter of an interface.
func statistic(t *testing.T, name, counter string) uint64 {
	t.Helper()
	text, err := os.ReadFile("/sys/class/net/" + name + "/statistics/" + counter)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// liveRun runs weir live while act does, and returns the ledger that it has written.
func liveRun(t *testing.T, dir string, args []string, act func()) (books liveLedger) {
	t.Helper()
	var stdout, stderr lockedBuffer
	ctx, stop := context.WithCancel(context.Background())
	a := &app{stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr}
	status := make(chan int)
	go func() { status <- a.run(ctx, slices.Concat([]string{"live"}, unhurried, args)) }()
	until(t, "the capture to begin", func() bool {
		if strings.Contains(stderr.String(), "weir: ") {
			t.Fatal(stderr.String())
		}
		return strings.Contains(stderr.String(), "capturing")
	})
	act()
	stop()
	if s := <-status; s != 0 {
		t.Fatalf("status %d: %s", s, stderr.String())
	}
	books = readLedger(t, dir)
	if o := books.Outputs["flow files"]; o != (outputBooks{Offered: books.Flows.Opened, Written: books.Flows.Opened, Files: o.Files}) || o.Files == 0 {
		t.Errorf("got %+v, want all %d records written", o, books.Flows.Opened)
	}
	return books
}

// readLedger reads ledger.json, which has to add up.
func readLedger(t *testing.T, dir string) (books liveLedger) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "ledger.json"))
	if err == nil {
		err = json.Unmarshal(text, &books)
	}
	if err == nil {
		err = books.Check()
	}
	if err != nil {
		t.Fatal(err)
	}
	return books
}

// A mistake on the command line of weir live, or on the machine.
func TestLiveUsageErrors(t *testing.T) {
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"live"}, "no interface given, want -i INTERFACE"},
		{[]string{"live", "-i", "lo"}, "nowhere to write to, want --out DIRECTORY, --stdout flows or --write-pcap DIRECTORY"},
		{[]string{"live", "-i", "lo", "--stdout", "alerts"}, `--stdout alerts without detectors, want --detect too`},
		{[]string{"live", "-i", "lo", "--out", "x", "--stdout", "windows"}, "windows go to one place"},
		{[]string{"live", "-i", "lo", "--engine", "dpdk", "--stdout", "flows"}, `--engine: got "dpdk", want afpacket or pcap`},
		{[]string{"live", "-i", "no-such-if", "--stdout", "flows"}, "open no-such-if: no such interface; there are "},
		{[]string{"live", "-i", "lo", "--filter", "tcp prt 80", "--stdout", "flows"}, `capture.filter: compile filter "tcp prt 80"`},
		{[]string{"live", "-i", "lo", "--out", "x", "--set", "privileges.user=no-such-user"},
			`privileges.user: got "no-such-user", want a user of this system; 'useradd --system no-such-user' makes one`},
		{[]string{"live", "-i", "lo", "--out", "x", "--set", "privileges.user=987654321"}, "want the name or number of a user of this system"},
		{[]string{"live", "-i", "lo", "--out", "x", "--set", "privileges.user=root"}, `privileges.user: got "root", want another user`},
		{[]string{"live", "-i", "lo,lo", "--out", "x"}, "-i: got lo twice, want each interface once"},
		{[]string{"live", "-i", "lo,", "--out", "x"}, "no interface given, want -i INTERFACE"},
		{[]string{"live", "-i", "lo", "-i", "any", "--engine", "pcap", "--out", "x"}, "-i: got lo, any, want any alone: it is all interfaces"},
		{[]string{"live", "-i", "lo,x", "--out", "x", "--set", "afpacket.timestamps=hardware"},
			"afpacket.timestamps: got hardware with the interfaces lo, x, want kernel"},
		{[]string{"live", "-i", "lo,x", "--engine", "pcap", "--out", "x", "--set", "pcap.timestamps=adapter_unsynced"},
			"pcap.timestamps: got adapter_unsynced with the interfaces lo, x, want host"},
		{[]string{"live", "-i", "lo,no-such-if", "--stdout", "flows"}, "open no-such-if: no such interface; there are "},
		{[]string{"live", "-i", "lo", "--windows", "--stdout", "flows"}, "--windows: there is nowhere to write windows to, want --out DIRECTORY or --stdout windows"},
		{[]string{"live", "-i", "lo", "--format", "csv", "--write-pcap", "x"}, "--format: what --write-pcap keeps is always NDJSON"},
		{[]string{"live", "-i", "any", "--stdout", "flows"}, "-i any: got the engine afpacket, want --engine pcap"},
		{[]string{"live", "lo"}, `unexpected argument "lo"`},
		{[]string{"live", "-i", "lo", "--out", "x", "--write-pcap", "x"}, "--write-pcap and --out: got x twice, want two directories"},
		{[]string{"parity"}, "want one directory of 'weir live --write-pcap'"},
		{[]string{"parity", "."}, "no ring-*.pcap there"},
		{[]string{"live", "-i", "lo", "--aggregates", "--stdout", "flows"}, "--aggregates: there is nowhere to write them to"},
	} {
		status, stdout, stderr := command(t, nil, test.args...)
		if status != 2 || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, test.want) {
			t.Errorf("%v: got status %d, %q, %q, want 2, nothing, one line with %q", test.args, status, stdout, stderr, test.want)
		}
	}
}
