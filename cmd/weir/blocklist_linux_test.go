package main

import (
	"bytes"
	"context"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/weir-sensor/weir/internal/netnstest"
	"github.com/weir-sensor/weir/internal/sendtest"
)

// While packets come, a blocklist changes, is gone, and is there again: each time it is read, and no packet is lost. The
// listed server is in those that come last, for it is what the list says then that counts.
func TestLiveBlocklistReload(t *testing.T) {
	if !netnstest.Inside(t) {
		return
	}
	netnstest.Pair(t, "wire0", "wire1")
	for _, name := range []string{"wire0", "wire1"} {
		netnstest.Run(t, "ip link set "+name+" mtu 9000 up")
	}
	dir, list := t.TempDir(), writeList(t, "192.0.2.1\n192.0.2.300\n")
	var stderr lockedBuffer
	ctx, stop := context.WithCancel(context.Background())
	a := &app{stdin: strings.NewReader(""), stdout: io.Discard, stderr: &stderr, lookEvery: 10 * time.Millisecond}
	status := make(chan int)
	go func() {
		status <- a.run(ctx, append([]string{"live", "-i", "wire1", "--shards", "2", "--out", dir, "--detect=blocklist",
			"--set", "detect.blocklist.lists=" + list, "--set", "detect.blocklist.skip_local=false"}, unhurried...))
	}()
	until(t, "the capture to begin", func() bool { return strings.Contains(stderr.String(), "capturing") })
	frames := demoFrames(t)
	listed := netip.MustParseAddr(demoServer).AsSlice()
	others := slices.DeleteFunc(slices.Clone(frames), func(f []byte) bool { return bytes.Contains(f[:min(len(f), 50)], listed) })
	sent := make(chan error)
	go func() {
		sender, err := sendtest.NewSender("wire0", false)
		for range 10 {
			if err == nil {
				err = sender.Send(others)
			}
		}
		sent <- err
	}()
	until(t, "packets", func() bool { return received(t, "wire1") > 0 })
	heard := func(text string) {
		t.Helper()
		until(t, text, func() bool { return strings.Contains(stderr.String(), text) })
	}
	heard(`1 bad line: ` + list + `:2: \"192.0.2.300\": want an address`)
	write := func(text string) { // in one step, for a file that is half written is a list, too
		t.Helper()
		if err := os.WriteFile(list+".new", []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(list+".new", list); err != nil {
			t.Fatal(err)
		}
	}
	write("192.0.2.1\n192.0.2.2\n" + demoServer + "\n")
	heard("list bad: 1 -> 3 prefixes")
	if err := os.Remove(list); err != nil {
		t.Fatal(err)
	}
	heard("no such file or directory; the last one, of 3 prefixes, stays")
	write("198.51.100.0/24\n" + demoServer + "\n")
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil { // a reload that is asked for reads lists as well
		t.Fatal(err)
	}
	heard("list bad: 3 -> 2 prefixes")
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	until(t, "the frames to arrive", func() bool { return received(t, "wire1") == uint64(10*len(others)) })
	sendDemo(t)
	stop()
	if s := <-status; s != 0 {
		t.Fatalf("status %d: %s", s, stderr.String())
	}
	ledger := readLedger(t, dir)
	if want := uint64(10*len(others) + len(frames)); ledger.Packets != want || ledger.Capture.Dropped+ledger.Capture.Unread != 0 {
		t.Errorf("got %d packets, capture %+v, want %d and none lost", ledger.Packets, ledger.Capture, want)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "alerts*"))
	var alerts []byte
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		alerts = append(alerts, b...)
	}
	if want := "on list bad line 2 (" + demoServer + "/32)"; !strings.Contains(string(alerts), want) {
		t.Errorf("alerts %s, want %s in them", alerts, want)
	}
}
