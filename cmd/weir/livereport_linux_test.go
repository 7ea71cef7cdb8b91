package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/weir-sensor/weir/internal/netnstest"
	"github.com/weir-sensor/weir/report"
)

// A live run reports when it is asked to, and at its end: each time on what came since the report before.
func TestLiveReports(t *testing.T) {
	if !netnstest.Inside(t) {
		return
	}
	netnstest.Pair(t, "wire0", "wire1")
	for _, name := range []string{"wire0", "wire1"} {
		netnstest.Run(t, "ip link set "+name+" mtu 9000 up")
	}
	var stderr lockedBuffer
	ctx, stop := context.WithCancel(context.Background())
	a := &app{stdin: strings.NewReader(""), stdout: io.Discard, stderr: &stderr}
	dir := filepath.Join(t.TempDir(), "reports")
	status := make(chan int)
	go func() {
		status <- a.run(ctx, []string{"live", "-i", "wire1", "--report", dir, "--windows", "--detect", "--set", "report.every=1h",
			"--set", "flow.idle.tcp=50ms", "--set", "flow.idle.tcp_closed=50ms", "--set", "flow.idle.tcp_embryonic=50ms", "--set", "flow.idle.udp=50ms", "--set", "flow.idle.icmp=50ms"})
	}()
	until(t, "it to capture", func() bool { return strings.Contains(stderr.String(), "msg=capturing") })
	sendDemo(t)
	if err := unix.Kill(os.Getpid(), unix.SIGUSR2); err != nil {
		t.Fatal(err)
	}
	until(t, "a report", func() bool { return strings.Contains(stderr.String(), "msg=report") })
	stop()
	if s := <-status; s != 0 {
		t.Fatalf("status %d: %s", s, stderr.String())
	}
	pages, err := filepath.Glob(filepath.Join(dir, "report-*", report.MarkdownName))
	if err != nil || len(pages) != 2 {
		t.Fatalf("got %d reports, want 2: %v\n%s", len(pages), err, stderr.String())
	}
	seen := false
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), "The ledger counts from the beginning of the run") {
			t.Errorf("%s does not say what its ledger is about", page)
		}
		seen = seen || strings.Contains(string(text), "10.20.8.174")
	}
	if !seen {
		t.Error("no report has a host of the traffic that was sent")
	}
}

// A run that has given up its privileges, as all do but in tests, makes the directories of its reports. The last one that cannot
// be written is an error.
func TestLiveReportsWithoutPrivileges(t *testing.T) {
	if !netnstest.Inside(t) {
		return
	}
	netnstest.Pair(t, "wire0", "wire1")
	for _, name := range []string{"wire0", "wire1"} {
		netnstest.Run(t, "ip link set "+name+" mtu 9000 up")
	}
	for _, name := range []string{"", "nobody"} {
		if _, err := user.Lookup(name); name != "" && err != nil {
			t.Logf("without user %s: %v", name, err)
			continue
		}
		base := t.TempDir()
		for _, path := range []string{base, filepath.Dir(base)} { // for others to enter
			if err := os.Chmod(path, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		dir := filepath.Join(base, "not", "there")
		args := append([]string{"live", "-i", "wire1", "--report", dir, "--set", "report.zone=Europe/Berlin", "--set", "privileges.user=" + name}, unhurried...)
		weir := startWeir(t, args...)
		sendDemo(t)
		if err := weir.Process.Signal(unix.SIGUSR2); err != nil {
			t.Fatal(err)
		}
		until(t, "a report", func() bool { return strings.Contains(weir.stderr.String(), "msg=report") })
		weir.interrupt(t)
		pages, err := filepath.Glob(filepath.Join(dir, "report-*", report.PageName))
		if err != nil || len(pages) != 2 || strings.Contains(weir.stderr.String(), "level=ERROR") {
			t.Errorf("user %q: got %v, %v, want two reports\n%s", name, pages, err, weir.stderr.String())
		}
		weir = startWeir(t, args...)
		if err := errors.Join(os.RemoveAll(dir), os.WriteFile(dir, nil, 0o644), weir.Process.Signal(os.Interrupt)); err != nil {
			t.Fatal(err)
		}
		if err := weir.Wait(); weir.ProcessState.ExitCode() != exitFailed || !strings.Contains(weir.stderr.String(), "weir: write report into "+dir) {
			t.Errorf("user %q, whose report cannot be written: got %v\n%s", name, err, weir.stderr.String())
		}
	}
}
