package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/weir-sensor/weir/internal/netnstest"
)

// While the disk is full the run goes on and says so; when there is room again it writes, and what was lost is what the
// ledger says.
func TestLiveOnFullDisk(t *testing.T) {
	if !netnstest.Inside(t) {
		return
	}
	netnstest.Pair(t, "wire0", "wire1")
	for _, name := range []string{"wire0", "wire1"} {
		netnstest.Run(t, "ip link set "+name+" mtu 9000 up")
	}
	for _, format := range []string{"ndjson", "csv"} {
		dir := t.TempDir()
		if err := unix.Mount("weirtest", dir, "tmpfs", 0, "size=32m"); err != nil {
			t.Fatal(err)
		}
		defer unix.Unmount(dir, 0)
		fullDisk(t, dir, format)
	}
}

func fullDisk(t *testing.T, dir, format string) {
	var stderr lockedBuffer
	ctx, stop := context.WithCancel(context.Background())
	a := &app{stdin: strings.NewReader(""), stdout: io.Discard, stderr: &stderr}
	args := []string{"live", "-i", "wire1", "--out", dir, "--format", format}
	for _, set := range []string{"output.queue=256", "output.flush=20ms", "telemetry.listen=127.0.0.1:0", "flow.active_timeout=50ms",
		"flow.idle.tcp=50ms", "flow.idle.tcp_closed=50ms", "flow.idle.udp=50ms", "flow.idle.icmp=50ms"} {
		args = append(args, "--set", set)
	}
	status := make(chan int)
	go func() { status <- a.run(ctx, args) }()
	serving := regexp.MustCompile(`serving metrics" listen=(\S+)`)
	until(t, "the server", func() bool { return serving.MatchString(stderr.String()) })
	url := "http://" + serving.FindStringSubmatch(stderr.String())[1]
	metric := func(name string) uint64 {
		_, scraped := fetch(t, url+"/metrics")
		return total(t, scraped, name)
	}
	sendDemo(t)
	until(t, "records in the file", func() bool { return metric("weir_output_unfinished_records") > 0 })
	fillDisk(t, filepath.Join(dir, "ballast"))
	until(t, "records to be lost", func() bool {
		sendDemo(t)
		return metric("weir_output_stuck") > 0 && metric("weir_output_lost_records_total") > 0
	})
	if status, body := fetch(t, url+"/readyz"); status != 503 || !strings.HasPrefix(body, "stuck: flow files") {
		t.Errorf("got %d %q, want 503 and what is stuck", status, body)
	}
	if err := unix.Kill(os.Getpid(), unix.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	until(t, "it to say so", func() bool {
		said := stderr.String()
		return strings.Contains(said, `msg="an output takes no records" output="flow files"`) && strings.Contains(said, "no space left on device") &&
			strings.Contains(said, `msg="records were lost" output="flow files" records=`)
	})
	if err := os.Remove(filepath.Join(dir, "ballast")); err != nil {
		t.Fatal(err)
	}
	until(t, "the disk to be used again", func() bool { return metric("weir_output_stuck") == 0 })
	sendDemo(t)
	stop()
	if s := <-status; s != 0 {
		t.Fatalf("status %d: %s", s, stderr.String())
	}
	books := readLedger(t, dir)
	o := books.Outputs["flow files"]
	if o.Full == 0 || o.Failed != 0 || o.Offered != o.Written+o.Full || o.Offered != books.Flows.Opened {
		t.Errorf("got %+v of %d records, want some lost for a full queue, and all others written", o, books.Flows.Opened)
	}
	if n := wholeRecords(t, dir, format); n != o.Written {
		t.Errorf("the files have %d records, want %d", n, o.Written)
	}
	if !strings.Contains(stderr.String(), "records were lost in all") {
		t.Errorf("it does not say so: %s", stderr.String())
	}
}

// fillDisk writes a file until there is no room for more.
func fillDisk(t *testing.T, path string) {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for block := make([]byte, 1<<16); ; {
		n, err := file.Write(block)
		if n < len(block) && len(block) > 1 {
			block = block[:len(block)/2]
		} else if err != nil {
			return
		}
	}
}

// wholeRecords counts the records in the flow files, each of which has to be whole.
func wholeRecords(t *testing.T, dir, format string) (n uint64) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "flows-*."+format))
	if err != nil || len(files) == 0 {
		t.Fatalf("got %v, %v", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		commas := -1 // in the heading
		for line := range bytes.Lines(text) {
			switch {
			case format == "ndjson" && !json.Valid(line), !bytes.HasSuffix(line, []byte("\n")):
				t.Fatalf("%s: damaged: %.300q", file, line)
			case format == "csv" && commas < 0:
				commas = bytes.Count(line, []byte(","))
				continue
			case format == "csv" && bytes.Count(line, []byte(",")) != commas:
				t.Fatalf("%s: damaged: %.300q", file, line)
			}
			n++
		}
	}
	return n
}
