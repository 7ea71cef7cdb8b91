package main

import (
	"bytes"
	"context"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/weir-sensor/weir/internal/netnstest"
	"github.com/weir-sensor/weir/internal/sendtest"
)

// Live sums up what it writes: into files that rotate, byte for byte as a replay of the same packets does, and its books,
// metrics and manifest know of them.
func TestLiveAggregates(t *testing.T) {
	if !netnstest.Inside(t) {
		return
	}
	netnstest.Pair(t, "wire0", "wire1")
	dir, kept := t.TempDir(), t.TempDir()
	var log lockedBuffer
	ctx, stop := context.WithCancel(context.Background())
	a := &app{stdin: strings.NewReader(""), stdout: io.Discard, stderr: &log}
	status := make(chan int)
	go func() {
		status <- a.run(ctx, append([]string{"live", "-i", "wire1", "--shards", "2", "--out", dir, "--write-pcap", kept, "--aggregates",
			"--set", "flow.idle.udp=50ms", "--set", "flow.idle.tcp_embryonic=50ms", "--set", "aggregate.step=1s", "--set", "aggregate.span=2s", "--set", "output.rotate.every=1s",
			"--set", "telemetry.listen=127.0.0.1:0"}, unhurried...))
	}()
	serving := regexp.MustCompile(`serving metrics" listen=(\S+)\n`)
	until(t, "the server", func() bool { return serving.MatchString(log.String()) })
	url := "http://" + serving.FindStringSubmatch(log.String())[1]
	var begun manifest
	if readJSON(t, filepath.Join(dir, "manifest.json"), &begun); begun.Complete {
		t.Error("the manifest of a run that goes on says that it is complete")
	}
	sender, err := sendtest.NewSender("wire0", false)
	if err != nil {
		t.Fatal(err)
	}
	defer sender.Close()
	sent := uint64(0)
	files := func(kind string) []string {
		t.Helper()
		names, err := filepath.Glob(filepath.Join(dir, kind+"-*.ndjson"))
		if err != nil {
			t.Fatal(err)
		}
		return names
	}
	until(t, "several files", func() bool {
		frames := [][]byte{datagram(uint32(sent / 500)), probe(uint32(sent / 300))}
		if err := sender.Send(frames); err != nil {
			t.Fatal(err)
		}
		sent += 2
		until(t, "them to arrive", func() bool { return received(t, "wire1") == sent })
		return len(files("steps")) > 1 && len(files("aggregates")) > 1
	})
	_, scraped := fetch(t, url+"/metrics")
	if !strings.Contains(scraped, `weir_output_written_records_total{output="step files"} `) {
		t.Error("the scrape has no step files")
	}
	stop()
	if s := <-status; s != exitOK {
		t.Fatalf("status %d: %s", s, log.String())
	}
	books := readLedger(t, dir)
	if books.Packets != sent {
		t.Errorf("got %d packets, sent %d", books.Packets, sent)
	}
	for kind, output := range map[string]string{"aggregates": aggregateFiles, "steps": stepFiles} {
		var got []byte
		for _, name := range files(kind) {
			got = append(got, read(t, name)...)
		}
		if want := read(t, filepath.Join(kept, kind+".ndjson")); !bytes.Equal(got, want) || len(want) == 0 {
			t.Errorf("%s: got\n%s\nwant\n%s", kind, got, want)
		}
		rows := uint64(bytes.Count(got, []byte("\n")))
		if o := books.Outputs[output]; o != (outputBooks{Offered: rows, Written: rows, Files: uint64(len(files(kind)))}) {
			t.Errorf("%s: the books have %+v, want %d rows in %d files", kind, o, rows, len(files(kind)))
		}
	}
	var m manifest
	readJSON(t, filepath.Join(dir, "manifest.json"), &m)
	want := []string{"aggregates-*.ndjson", "flows-*.ndjson", "ledger-*.ndjson", "steps-*.ndjson", "ledger.json"}
	if !m.Complete || !slices.Equal(m.Outputs, want) || !slices.Equal(m.Interfaces, []string{"wire1"}) || m.Config != begun.Config {
		t.Errorf("got manifest %+v, want it complete, of wire1 and %q", m, want)
	}
	parity, stdout, stderr := command(t, nil, "parity", kept)
	for _, kind := range []string{"aggregates: ", "steps: "} {
		if parity != exitOK || !regexp.MustCompile(kind+`[1-9]\d*, no difference`).MatchString(stdout) {
			t.Errorf("parity: status %d, %s%s, want %s", parity, stdout, stderr, kind)
		}
	}
}
