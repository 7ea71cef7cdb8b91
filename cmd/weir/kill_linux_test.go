package main

import (
	"bytes"
	"encoding/binary"
	"encoding/csv"
	"encoding/json"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/weir-sensor/weir/internal/netnstest"
	"github.com/weir-sensor/weir/internal/sendtest"
)

// datagram returns the frame of a DNS query, the nth from a source of its own, 10.0.0.0 + n.
func datagram(n uint32) []byte {
	f := []byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0,
		0x45, 0, 0, 46, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 0, 192, 0, 2, 1,
		0x9c, 0x40, 0, 53, 0, 26, 0, 0, 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', 'p', 'q', 'r'}
	binary.BigEndian.PutUint32(f[26:], 10<<24|n)
	return f
}

// stream sends datagrams at a steady rate, which end as flows a tenth of a second later.
type stream struct {
	t      *testing.T
	sender *sendtest.Sender
	pace   *time.Ticker
	sent   uint32
}

func newStream(t *testing.T) *stream {
	t.Helper()
	sender, err := sendtest.NewSender("wire0", false)
	if err != nil {
		t.Fatal(err)
	}
	s := &stream{t: t, sender: sender, pace: time.NewTicker(2 * time.Millisecond)}
	t.Cleanup(func() { s.pace.Stop(); sender.Close() })
	return s
}

// until sends 10,000 packets a second until something has come about.
func (s *stream) until(what string, true func() bool) {
	s.t.Helper()
	until(s.t, what, func() bool {
		<-s.pace.C
		var frames [][]byte
		for range 20 {
			frames = append(frames, datagram(s.sent))
			s.sent++
		}
		if err := s.sender.Send(frames); err != nil {
			s.t.Fatal(err)
		}
		return true()
	})
}

// victim is a sensor that is killed, and what it has said before.
type victim struct {
	format, dir string
	*process
	url      string
	offered  uint64 // records given to its output, longer than output.flush before it was killed
	written  uint64 // of those, in complete files
	complete map[string][]byte
}

const killedFlush = 200 * time.Millisecond // output.flush

func newVictim(t *testing.T, format, dir string) *victim {
	t.Helper()
	v := &victim{format: format, dir: dir}
	v.process = startWeir(t, append([]string{"live", "-i", "wire1", "--shards", "2", "--out", dir, "--format", format, "--set", "flow.idle.udp=100ms",
		"--set", "output.rotate.every=1s", "--set", "output.flush=" + killedFlush.String(), "--set", "output.queue=1000000",
		"--set", "telemetry.listen=127.0.0.1:0"}, unhurried...)...)
	v.url = v.address(t)
	return v
}

// files returns the complete files of flows, by name.
func (v *victim) files(t *testing.T) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	for _, name := range names(t, v.dir) {
		if strings.HasPrefix(name, "flows-") {
			text, err := os.ReadFile(filepath.Join(v.dir, name))
			if err != nil {
				t.Fatal(err)
			}
			files[name] = text
		}
	}
	return files
}

// partial returns the path of the incomplete file, "" where there is none.
func (v *victim) partial(t *testing.T) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(v.dir, ".flows-*.partial"))
	if err != nil || len(found) > 1 {
		t.Fatalf("got %v, %v, want one file at most", found, err)
	}
	return strings.Join(found, "")
}

// note takes down what the sensor has said.
func (v *victim) note(t *testing.T) {
	t.Helper()
	_, scraped := fetch(t, v.url+"/metrics")
	if lost := total(t, scraped, "weir_capture_dropped_packets_total") + total(t, scraped, "weir_output_lost_records_total"); lost > 0 {
		t.Fatalf("%s: %d packets and records lost at a moderate rate", v.format, lost)
	}
	v.offered = total(t, scraped, "weir_output_offered_records_total")
	v.written = total(t, scraped, "weir_output_written_records_total")
}

// flushed says whether what had been offered when it was noted has been given to the files. That is so once output.flush is
// over, if the machine lets the sensor run.
func (v *victim) flushed(t *testing.T) bool {
	t.Helper()
	_, scraped := fetch(t, v.url+"/metrics")
	return total(t, scraped, "weir_output_written_records_total")+total(t, scraped, "weir_output_unfinished_records") >= v.offered
}

// clients returns the numbers of the datagrams in complete files, in the order of the files. A line that is not whole
// fails the test.
func (v *victim) clients(t *testing.T) (numbers []uint32) {
	t.Helper()
	files := v.files(t)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		var addrs []string
		switch v.format {
		case "ndjson":
			for line := range bytes.Lines(files[name]) {
				var r struct {
					Client string
				}
				if err := json.Unmarshal(line, &r); err != nil || line[len(line)-1] != '\n' {
					t.Fatalf("%s: %q: %v", name, line, err)
				}
				addrs = append(addrs, r.Client)
			}
		case "csv":
			rows, err := csv.NewReader(bytes.NewReader(files[name])).ReadAll() // each as long as the first
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			at := slices.Index(rows[0], "client")
			for _, row := range rows[1:] {
				addrs = append(addrs, row[at])
			}
		case "parquet":
			values, _ := column(t, filepath.Join(v.dir, name), "client")
			for _, value := range values {
				addrs = append(addrs, value.String())
			}
		}
		for _, text := range addrs {
			addr, err := netip.ParseAddr(text)
			if err != nil {
				t.Fatalf("%s: client: %v", name, err)
			}
			b := addr.As4()
			numbers = append(numbers, binary.BigEndian.Uint32(b[:])-10<<24)
		}
	}
	return numbers
}

// A sensor that is killed and started again: no complete file is damaged, and what was written longer than output.flush
// ago is there, in order and whole, but for the Parquet file that was being written, which has no end.
func TestLiveKilled(t *testing.T) {
	if !netnstest.Inside(t) {
		return
	}
	netnstest.Pair(t, "wire0", "wire1")
	var victims []*victim
	for _, format := range []string{"ndjson", "csv", "parquet"} {
		victims = append(victims, newVictim(t, format, t.TempDir()))
	}
	sending := newStream(t)
	sending.until("complete files", func() bool {
		return !slices.ContainsFunc(victims, func(v *victim) bool { return len(v.files(t)) == 0 || v.partial(t) == "" })
	})
	for _, v := range victims {
		v.note(t)
	}
	noted := time.Now()
	sending.until("the flush interval to be over", func() bool {
		return time.Since(noted) > 2*killedFlush && !slices.ContainsFunc(victims, func(v *victim) bool { return !v.flushed(t) })
	})
	for _, v := range victims {
		v.complete = v.files(t)
		if err := v.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = v.Wait() // it was killed
	}
	killed := sending.sent
	for i, v := range victims {
		path := v.partial(t)
		if v.format != "parquet" && path != "" { // as if it had been killed in the middle of a write
			info, err := os.Stat(path)
			if err == nil {
				err = os.Truncate(path, max(0, info.Size()-20))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		next := newVictim(t, v.format, v.dir)
		next.offered, next.written, next.complete = v.offered, v.written, v.complete
		victims[i] = next
		if said := strings.Contains(next.stderr.String(), "a run that was killed left a file"); said != (path != "") {
			t.Errorf("%s: got %t that there was a file left\n%s", v.format, said, next.stderr.String())
		}
		if strings.Contains(next.stderr.String(), "<nil>") {
			t.Errorf("%s: a problem that is none\n%s", v.format, next.stderr.String())
		}
	}
	again := time.Now()
	sending.until("a second", func() bool { return time.Since(again) > time.Second })
	received(t, "wire1") // and what is under way gets to the rings
	for _, v := range victims {
		v.interrupt(t)
		v.survived(t, killed, sending.sent)
	}
}

// survived checks what there is after the first sensor was killed, when that many datagrams had been sent, and the second
// ended in order.
func (v *victim) survived(t *testing.T, killed, sent uint32) {
	t.Helper()
	files := v.files(t)
	for name, text := range v.complete {
		if !bytes.Equal(files[name], text) {
			t.Errorf("%s: %s, which was complete, has changed", v.format, name)
		}
	}
	if left := v.partial(t); left != "" && v.format != "parquet" {
		t.Errorf("%s: left %s", v.format, left)
	}
	numbers := v.clients(t)
	first := slices.IndexFunc(numbers, func(n uint32) bool { return n >= killed })
	if first < 0 || len(numbers)-first != int(sent-killed) {
		t.Fatalf("%s: got %d records, %d of the first run, want all %d of the second", v.format, len(numbers), first, sent-killed)
	}
	for i, n := range numbers {
		want := uint32(i)
		if i >= first {
			want = killed + uint32(i-first)
		}
		if n != want {
			t.Fatalf("%s: record %d is of datagram %d, want %d", v.format, i, n, want)
		}
	}
	least := v.offered
	if v.format == "parquet" {
		least = v.written
	}
	t.Logf("%s: %d sent, %d records known to be offered and %d written %v before the end, %d there", v.format, killed, v.offered,
		v.written, 2*killedFlush, first)
	if uint64(first) < least || least == 0 {
		t.Errorf("%s: got %d records of the run that was killed, want %d at least", v.format, first, least)
	}
}
