package main

import (
	"encoding/binary"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-sensor/weir/internal/netnstest"
	"github.com/weir-sensor/weir/internal/sendtest"
)

const (
	soakRate = 20_000           // packets/s
	soakTick = time.Second / 50 // between two bursts
	// Long enough for tables to fill, short enough for files to be deleted in the smallest soak.
	soakRotation = 10 * time.Second
	soakHosts    = 1 << 16 // that ask once, or are scanned
)

// load sends a steady rate of packets: conversations that go on, questions without an answer that are flows of their own,
// and, for ten seconds of each minute, a scan of whole networks.
type load struct {
	sender                  *sendtest.Sender
	began                   time.Time
	sent                    uint64
	skipped                 uint64 // packets that were due while the sender did not get to run
	talk, questions, probes uint32
	conversations           [][]byte
}

func newLoad(t *testing.T) *load {
	t.Helper()
	sender, err := sendtest.NewSender("wire0", false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sender.Close() })
	l := &load{sender: sender, began: time.Now()}
	for i := range 2000 {
		client, server := [4]byte{10, 200, byte(i >> 8), byte(i)}, [4]byte{198, 51, 100, byte(i)}
		l.conversations = append(l.conversations, segment(client, server, 40000, 443, 200), segment(server, client, 443, 40000, 1000))
	}
	return l
}

// segment returns the frame of a TCP segment with ACK and PSH.
func segment(src, dst [4]byte, srcPort, dstPort uint16, payload int) []byte {
	f := []byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0}
	f = binary.BigEndian.AppendUint16(f, uint16(40+payload))
	f = append(f, 0, 0, 0x40, 0, 64, 6, 0, 0)
	f = append(append(f, src[:]...), dst[:]...)
	f = binary.BigEndian.AppendUint16(f, srcPort)
	f = binary.BigEndian.AppendUint16(f, dstPort)
	f = append(f, 0, 0, 0, 0, 0, 0, 0, 1, 0x50, 0x18, 0xff, 0xff, 0, 0, 0, 0)
	for i := range payload {
		f = append(f, byte(i*i))
	}
	return f
}

// due sends what is due by now, but never more than that of a quarter of a second: the rate stays steady also where the
// sender was held up.
func (l *load) due() error {
	up := time.Since(l.began)
	due := uint64(up.Seconds()*soakRate) - l.skipped
	if most := l.sent + soakRate/4; due > most {
		l.skipped, due = l.skipped+due-most, most
	}
	var frames [][]byte
	for ; l.sent < due; l.sent++ {
		switch kind := l.sent % 20; {
		case kind == 0:
			frames = append(frames, datagram(l.questions%soakHosts))
			l.questions++
		case kind < 8 && up%time.Minute < 10*time.Second:
			frames = append(frames, probe(1<<20+l.probes%soakHosts))
			l.probes++
		default:
			frame := l.conversations[l.talk%uint32(len(l.conversations))]
			binary.BigEndian.PutUint32(frame[38:], l.talk)
			frames = append(frames, frame)
			l.talk++
		}
	}
	return l.sender.Send(frames)
}

// sample is what is measured once a second.
type sample struct {
	rss        float64        // bytes
	goroutines map[string]int // by the functions that began them
	behind     uint64         // packets sent, and not in the ledger
}

// measure looks at the sensor. What was sent meanwhile is on its way.
func measure(t *testing.T, weir *process, url string, sent uint64) sample {
	t.Helper()
	text, err := os.ReadFile("/proc/" + strconv.Itoa(weir.Process.Pid) + "/statm")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(text))[1]) // resident, see proc_pid_statm(5)
	if err != nil {
		t.Fatal(err)
	}
	_, scraped := fetch(t, url+"/metrics")
	counted := total(t, scraped, "weir_packets_total")
	if counted > sent {
		t.Fatalf("got %d packets, sent %d", counted, sent)
	}
	if lost := total(t, scraped, "weir_capture_dropped_packets_total") + total(t, scraped, "weir_output_lost_records_total"); lost > 0 {
		t.Fatalf("%d packets and records lost", lost)
	}
	return sample{float64(pages * os.Getpagesize()), weir.goroutines(t), sent - counted}
}

// sweep removes the complete files, whose records it counts.
func sweep(t *testing.T, dir, kind string) (records uint64) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, kind+"-*.ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err == nil {
			err = os.Remove(file)
		}
		if err != nil {
			t.Fatal(err)
		}
		records += uint64(strings.Count(string(text), "\n"))
	}
	return records
}

// count returns how many goroutines there were, without that of main.
func count(goroutines map[string]int) (n int) {
	for _, of := range goroutines {
		n += of
	}
	return n
}

func meanRSS(samples []sample) (mean float64) {
	for _, s := range samples {
		mean += s.rss / float64(len(samples))
	}
	return mean
}

// lasting returns the least number of goroutines that each function had in any of the samples: what a scrape begins and ends,
// such as client_golang's collectors or a question to the shards, is not among them, and what has come to stay is.
func lasting(samples []sample) map[string]int {
	least := maps.Clone(samples[0].goroutines)
	for _, s := range samples {
		for by, n := range least {
			if least[by] = min(n, s.goroutines[by]); least[by] == 0 {
				delete(least, by)
			}
		}
	}
	return least
}

// make soak: under a steady load the sensor's memory and goroutines stay as they are, and its ledger keeps up with the
// sender. WEIR_SOAK says how long.
func TestLiveSoak(t *testing.T) {
	duration, err := time.ParseDuration(os.Getenv("WEIR_SOAK"))
	if err != nil || duration < 30*time.Second {
		t.Skip("needs WEIR_SOAK, such as 30m: make soak")
	}
	if !netnstest.InsideFor(t, duration+2*time.Minute) {
		return
	}
	netnstest.Pair(t, "wire0", "wire1")
	dir := t.TempDir()
	weir := startWeir(t, "live", "-i", "wire1", "--shards", "2", "--out", dir, "--windows", "--features", "all",
		"--set", "output.rotate.every="+soakRotation.String(), "--set", "telemetry.listen=127.0.0.1:0")
	url := weir.address(t)
	load := newLoad(t)
	tick := time.NewTicker(soakTick)
	defer tick.Stop()
	var samples []sample
	var flows, windows uint64
	for time.Since(load.began) < duration {
		<-tick.C
		if err := load.due(); err != nil {
			t.Fatal(err)
		}
		if time.Since(load.began) < time.Duration(len(samples)+1)*time.Second {
			continue
		}
		s := measure(t, weir, url, load.sent)
		samples = append(samples, s)
		if s.behind > soakRate {
			t.Errorf("after %v: the ledger is %d packets behind", time.Since(load.began), s.behind)
		}
		if len(samples)%60 == 0 {
			t.Logf("%3d min: %.1f MB, %d goroutines, %d packets sent, %d not in the ledger yet", len(samples)/60, s.rss/1e6,
				count(s.goroutines), load.sent, s.behind)
		}
		if len(samples)%10 == 0 {
			flows, windows = flows+sweep(t, dir, "flows"), windows+sweep(t, dir, "windows")
		}
	}
	weir.interrupt(t)
	flows, windows = flows+sweep(t, dir, "flows"), windows+sweep(t, dir, "windows")
	var books liveLedger
	readJSON(t, filepath.Join(dir, "ledger.json"), &books)
	if err := books.Check(); err != nil || books.Packets != load.sent || books.Flow != load.sent {
		t.Errorf("got %d packets, %d in flows, %v, sent %d", books.Packets, books.Flow, err, load.sent)
	}
	if flows != books.Flows.Opened || windows != books.Windows.Written {
		t.Errorf("got %d flows and %d windows in files, want %d and %d", flows, windows, books.Flows.Opened, books.Windows.Written)
	}
	flat(t, samples)
	t.Logf("%d packets, %d flows, %d windows", books.Packets, flows, windows)
}

// flat compares the last third of the samples with the one before.
func flat(t *testing.T, samples []sample) {
	t.Helper()
	thirds := slices.Collect(slices.Chunk(samples, len(samples)/3))
	middle, last := meanRSS(thirds[1]), meanRSS(thirds[2])
	t.Logf("resident memory: %.1f MB in the middle third, %.1f MB (%+.2f %%) in the last", middle/1e6, last/1e6, 100*(last/middle-1))
	if last > middle*1.02 || last < middle*0.98 {
		t.Error("resident memory is not within 2 %")
	}
	before, after := lasting(thirds[1]), lasting(thirds[2])
	t.Logf("goroutines: %v", after)
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("the goroutines that last are others (-middle third +last)\n%s", diff)
	}
}
