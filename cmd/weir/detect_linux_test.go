package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"

	"github.com/weir-sensor/weir/internal/netnstest"
	"github.com/weir-sensor/weir/internal/sendtest"
)

// detectRun is weir live --detect with a blocklist, over the demo's packets, which are sent by act's call of its argument.
func detectRun(t *testing.T, list, dir, kept string, act func(send func(), heard func(text string))) (stderr string) {
	t.Helper()
	var log lockedBuffer
	ctx, stop := context.WithCancel(context.Background())
	a := &app{stdin: strings.NewReader(""), stdout: io.Discard, stderr: &log}
	status := make(chan int)
	go func() {
		status <- a.run(ctx, append([]string{"live", "-i", "wire1", "--shards", "2", "--out", dir, "--write-pcap", kept, "--detect", "--windows", "--features", "all",
			"--set", "detect.blocklist.lists=" + list, "--set", "detect.blocklist.skip_local=false"}, unhurried...))
	}()
	heard := func(text string) {
		t.Helper()
		until(t, text, func() bool { return strings.Contains(log.String(), text) })
	}
	heard("capturing")
	before, frames := received(t, "wire1"), demoFrames(t)
	act(func() {
		sender, err := sendtest.NewSender("wire0", false)
		if err == nil {
			err = sender.Send(frames)
		}
		if err != nil {
			t.Fatal(err)
		}
		defer sender.Close()
		until(t, "the frames to arrive", func() bool { return received(t, "wire1")-before == uint64(len(frames)) })
	}, heard)
	stop()
	if s := <-status; s != exitOK {
		t.Fatalf("status %d: %s", s, log.String())
	}
	return log.String()
}

// Live says what a replay of the same packets and lists says, in files and in the log; it ranks hosts, and its books add up.
// With other lists, or lists that changed meanwhile, there is nothing to compare, and weir parity says so.
func TestLiveDetects(t *testing.T) {
	if !netnstest.Inside(t) {
		return
	}
	netnstest.Pair(t, "wire0", "wire1")
	for _, name := range []string{"wire0", "wire1"} {
		netnstest.Run(t, "ip link set "+name+" mtu 9000 up")
	}
	dir, kept, list := t.TempDir(), t.TempDir(), writeList(t, demoServer+"\n")
	log := detectRun(t, list, dir, kept, func(send func(), _ func(string)) { send() })
	alerts := lines(t, filepath.Join(kept, "alerts.ndjson"))
	files, _ := filepath.Glob(filepath.Join(dir, "alerts-*.ndjson")) // one, but at the end of an hour
	var filed []map[string]any
	for _, file := range files {
		filed = append(filed, lines(t, file)...)
	}
	if !reflect.DeepEqual(filed, alerts) || len(alerts) == 0 {
		t.Errorf("got %d alerts and %d in files %v, want the same in both", len(alerts), len(filed), files)
	}
	for _, want := range []string{"what=blocklist/listed_server about=" + demoServer, "what=scan/port_scan"} {
		if !strings.Contains(log, want) {
			t.Errorf("the log has no %s", want)
		}
	}
	if hosts := lines(t, filepath.Join(dir, "hosts.ndjson")); len(hosts) == 0 || hosts[0]["rank"] != 1.0 {
		t.Errorf("hosts: got %v", hosts)
	}
	if flows := lines(t, filepath.Join(dir, "scored_flows.ndjson")); len(flows) == 0 || flows[0]["rank"] != 1.0 {
		t.Errorf("flows: got %v", flows)
	}
	if ports := lines(t, filepath.Join(dir, "ports.ndjson")); len(ports) == 0 {
		t.Error("no table of ports")
	}
	ledger, written := readLedger(t, dir), uint64(0)
	for _, d := range ledger.Detect.Detectors {
		written += d.Written
	}
	if ledger.Detect.Flows != ledger.Flows.Opened || written != uint64(len(alerts)) {
		t.Errorf("got %d flows judged of %d and %d alerts of %d", ledger.Detect.Flows, ledger.Flows.Opened, written, len(alerts))
	}
	status, stdout, stderr := command(t, nil, "parity", kept)
	for _, want := range []string{fmt.Sprintf("alerts: %d, no difference", len(alerts)), "flows: ", "windows: ", "hosts: ", "scored_flows: ", "ports: "} {
		if status != exitOK || !strings.Contains(stdout, want) {
			t.Errorf("parity: status %d, %s%s, want %s", status, stdout, stderr, want)
		}
	}
	if err := os.WriteFile(list, []byte("192.0.2.1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if status, _, stderr := command(t, nil, "parity", kept); status != exitFailed || !strings.Contains(stderr, "are other files than those of the run") {
		t.Errorf("parity with another list: status %d, %s", status, stderr)
	}
	kept = t.TempDir()
	detectRun(t, list, t.TempDir(), kept, func(send func(), heard func(string)) {
		if err := os.WriteFile(list, []byte("192.0.2.1\n192.0.2.2\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		heard("list bad: 1 -> 2 prefixes")
		send()
	})
	var m manifest
	if readJSON(t, filepath.Join(kept, "manifest.json"), &m); !m.Changed {
		t.Error("the manifest does not say that lists have changed")
	}
	status, stdout, stderr = command(t, nil, "parity", kept)
	if status != exitOK || !strings.Contains(stdout, "alerts: not compared") || !strings.Contains(stdout, "flows: ") {
		t.Errorf("parity of a run with two lists: status %d, %s%s", status, stdout, stderr)
	}
}
