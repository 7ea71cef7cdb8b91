package main

import (
	"context"
	"encoding/binary"
	"maps"
	"os"
	"path/filepath"
	"runtime/metrics"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weir-sensor/weir/capture"
	"github.com/weir-sensor/weir/internal/netnstest"
	"github.com/weir-sensor/weir/internal/sendtest"
)

// probe returns a frame of a TCP handshake that is never answered: the nth has a source of its own, so that each is a
// flow, and they spread over the shards.
func probe(n uint32) []byte {
	f := []byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0,
		0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 0, 192, 0, 2, 1,
		0x9c, 0x40, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0xff, 0xff, 0, 0, 0, 0}
	binary.BigEndian.PutUint32(f[26:], 10<<24|n)
	return f
}

// slowSource delivers one batch each tick.
type slowSource struct {
	capture.Live
	tick <-chan time.Time
}

func (s slowSource) Read(b *capture.Batch) error {
	<-s.tick
	return s.Live.Read(b)
}

// slowWriter takes one Write each tick, and counts lines. Where there is no tick, it takes none until it is released.
type slowWriter struct {
	tick  <-chan time.Time
	free  chan struct{}
	lines atomic.Uint64
}

func (w *slowWriter) Write(b []byte) (int, error) {
	select {
	case <-w.tick:
	case <-w.free:
	}
	w.lines.Add(uint64(strings.Count(string(b), "\n")))
	return len(b), nil
}

// overload is a run of weir live whose first shard is slow, and so is the reader of its standard output, under more
// packets than it can take: each of them a new flow, for more flows than its tables hold.
type overload struct {
	t      *testing.T
	out    string
	stdout *slowWriter
	stderr lockedBuffer
	stop   context.CancelFunc
	status chan int
	url    string
	sent   uint64
	wire   func() wireCounters // since the beginning

	heap uint64        // most that a garbage collection has left, bytes
	slow time.Duration // longest that an answer took
}

// wireCounters are what the two ends of a veth pair have counted.
type wireCounters struct{ sent, lost, received uint64 }

func wireBooks(t *testing.T, near, far string) wireCounters {
	t.Helper()
	return wireCounters{statistic(t, near, "tx_packets"), statistic(t, near, "tx_dropped"), statistic(t, far, "rx_packets")}
}

func (w wireCounters) since(b wireCounters) wireCounters {
	return wireCounters{w.sent - b.sent, w.lost - b.lost, w.received - b.received}
}

const overloadLimit = 5_000 // flow.max_flows, window.max_pairs and output.queue

func startOverload(t *testing.T, drain string, stdout *slowWriter) *overload {
	t.Helper()
	o := &overload{t: t, out: t.TempDir(), stdout: stdout, status: make(chan int, 1)}
	limit := strconv.Itoa(overloadLimit)
	args := []string{"live", "-i", "wire1", "--shards", "2", "--stdout", "flows", "--out", o.out, "--windows"}
	for _, set := range []string{"sensor.batch=64", "afpacket.block_size=65536", "afpacket.ring_size=262144", "afpacket.snaplen=2048",
		"flow.max_flows=" + limit, "window.max_pairs=" + limit, "output.queue=" + limit, "output.drain=" + drain, "telemetry.listen=127.0.0.1:0"} {
		args = append(args, "--set", set)
	}
	pace := time.NewTicker(5 * time.Millisecond)
	t.Cleanup(pace.Stop)
	a := &app{stdin: strings.NewReader(""), stdout: stdout, stderr: &o.stderr, wrap: func(shard int, src capture.Live) capture.Live {
		if shard > 0 {
			return src
		}
		return slowSource{src, pace.C}
	}}
	before := wireBooks(t, "wire0", "wire1")
	o.wire = func() wireCounters { return wireBooks(t, "wire0", "wire1").since(before) }
	var ctx context.Context
	ctx, o.stop = context.WithCancel(context.Background())
	go func() { o.status <- a.run(ctx, args) }()
	until(t, "the server", func() bool { return servingAt.MatchString(o.stderr.String()) })
	o.url = "http://" + servingAt.FindStringSubmatch(o.stderr.String())[1]
	return o
}

// flood sends so many packets as fast as it can, and asks the run for its health meanwhile.
func (o *overload) flood(packets int) {
	sent := make(chan error)
	go func() { sent <- o.send(packets) }()
	for {
		select {
		case err := <-sent:
			if err != nil {
				o.t.Fatal(err)
			}
			return
		default:
			o.look()
		}
	}
}

// unread is the metric of the records that standard output's queue had no room for.
const unread = `weir_output_lost_records_total\{output="flows to standard output",reason="full"\}`

// floodUntilLost goes on until a metric of losses is not 0, which it is by now, unless the machine has kept the sensor or the
// sender from working.
func (o *overload) floodUntilLost(metric string) {
	until(o.t, metric, func() bool {
		if total(o.t, o.look(), metric) > 0 {
			return true
		}
		o.flood(10_000)
		return false
	})
}

func (o *overload) send(packets int) error {
	sender, err := sendtest.NewSender("wire0", false)
	if err != nil {
		return err
	}
	defer sender.Close()
	frames := make([][]byte, 256)
	for left := packets; left > 0; left -= len(frames) {
		frames = frames[:min(left, len(frames))]
		for i := range frames {
			frames[i] = probe(uint32(o.sent))
			o.sent++
		}
		if err := sender.Send(frames); err != nil {
			return err
		}
	}
	return nil
}

// look asks the run for its health and its metrics until these are of now, and measures it. It returns the metrics.
func (o *overload) look() (scraped string) {
	began := time.Now()
	until(o.t, "the shards to answer", func() bool {
		healthy, _ := fetch(o.t, o.url+"/healthz")
		status := 0
		status, scraped = fetch(o.t, o.url+"/metrics")
		return healthy == 200 && status == 200 && total(o.t, scraped, "weir_books_age_seconds") <= 2
	})
	o.slow = max(o.slow, time.Since(began))
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	o.heap = max(o.heap, live[0].Value.Uint64())
	return scraped
}

// end asks the run to end, and returns its ledger and how it ended.
func (o *overload) end() (books liveLedger, status int, took time.Duration) {
	received(o.t, "wire1") // and what is under way gets to the rings
	began := time.Now()
	o.stop()
	status = <-o.status
	took = time.Since(began)
	readJSON(o.t, filepath.Join(o.out, "ledger.json"), &books)
	return books, status, took
}

// stage is a place in the pipeline: what went in, and what has come out or is counted as lost.
type stage struct {
	what    string
	in, out uint64
}

// balance checks that nothing is lost between two stages without being counted.
func (o *overload) balance(books *liveLedger) {
	o.t.Helper()
	if err := books.Check(); err != nil {
		o.t.Error(err)
	}
	wire, c := o.wire(), books.Capture
	stages := []stage{
		{"sender to wire", o.sent, wire.sent + wire.lost},
		{"wire to interface", wire.sent, wire.received},
		{"interface to rings", wire.received, c.Received + c.Dropped},
		{"rings to shards", c.Received, books.Packets + c.Unread},
		{"shards to flows", books.Packets, books.Flow + books.Refused},
		{"flows to records", books.Flow, books.Flows.Opened}, // of one packet each
		{"records to flow files", books.Flows.Opened, books.Outputs["flow files"].Offered},
		{"records to standard output", books.Flows.Opened, books.Outputs["flows to standard output"].Offered},
		{"flow files", books.Outputs["flow files"].Written, filesLines(o.t, o.out)},
		{"standard output", books.Outputs["flows to standard output"].Written, o.stdout.lines.Load()},
		{"windows to files", books.Windows.Written, books.Outputs["window files"].Offered},
	}
	for _, name := range slices.Sorted(maps.Keys(books.Outputs)) {
		b := books.Outputs[name]
		stages = append(stages, stage{"queue of " + name, b.Offered, b.Written + b.Full + b.Failed})
	}
	for _, s := range stages {
		o.t.Logf("%-40s %9d %9d", s.what, s.in, s.out)
		if s.in != s.out {
			o.t.Errorf("%s: got %d, and %d accounted for", s.what, s.in, s.out)
		}
	}
	o.t.Logf("dropped by the rings %d, unread %d, heap %d MB at most, slowest answer %v", c.Dropped, c.Unread, o.heap>>20, o.slow)
}

// filesLines counts the records of the flow files.
func filesLines(t *testing.T, dir string) (n uint64) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "flows-*.ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		n += uint64(strings.Count(string(text), "\n"))
	}
	return n
}

// overloadPackets is how many packets the test sends; WEIR_OVERLOAD_PACKETS is another number, to run it harder by hand.
func overloadPackets(t *testing.T) int {
	text := os.Getenv("WEIR_OVERLOAD_PACKETS")
	if text == "" {
		return 400_000
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// maxOverloadHeap is more than what the limits of an overloaded run allow: without them, its windows take twice as much.
const maxOverloadHeap = 80 << 20

// A sensor with a shard and a reader that are too slow by far loses packets and records, and accounts for each; it answers
// all the time, needs no more memory than its limits allow, and ends when asked to.
func TestLiveOverload(t *testing.T) {
	if !netnstest.Inside(t) {
		return
	}
	netnstest.Pair(t, "wire0", "wire1")
	pace := time.NewTicker(5 * time.Millisecond)
	defer pace.Stop()
	o := startOverload(t, "1m", &slowWriter{tick: pace.C})
	o.flood(overloadPackets(t))
	o.floodUntilLost("weir_capture_dropped_packets_total")
	o.floodUntilLost(unread)
	books, status, took := o.end()
	o.balance(&books)
	if status != exitOK || took > time.Minute {
		t.Errorf("got status %d after %v, want 0 within seconds\n%s", status, took, o.stderr.String())
	}
	if full := books.Outputs["flows to standard output"].Full; books.Capture.Dropped == 0 || full == 0 {
		t.Errorf("got %d packets and %d records dropped, want some of both", books.Capture.Dropped, full)
	}
	if o.heap > maxOverloadHeap {
		t.Errorf("got %d MB in use, want %d at most", o.heap>>20, maxOverloadHeap>>20)
	}
	if !strings.Contains(o.stderr.String(), "packets were lost") || !strings.Contains(o.stderr.String(), "records were lost") {
		t.Errorf("the losses were not said:\n%s", o.stderr.String())
	}
}

// Where nobody reads standard output at all, the run goes on without, and ends with an error once output.drain is over.
func TestLiveOverloadNobodyReads(t *testing.T) {
	if !netnstest.Inside(t) {
		return
	}
	netnstest.Pair(t, "wire0", "wire1")
	free := make(chan struct{})
	defer close(free)
	o := startOverload(t, "1s", &slowWriter{free: free})
	o.flood(100_000)
	o.floodUntilLost(unread)
	books, status, took := o.end()
	o.balance(&books)
	lost := books.Outputs["flows to standard output"]
	if status != exitFailed || took > time.Minute || lost.Failed < overloadLimit || lost.Full == 0 {
		t.Errorf("got status %d after %v, %+v, want 1 after a second, and what was waiting lost\n%s", status, took, lost, o.stderr.String())
	}
}
