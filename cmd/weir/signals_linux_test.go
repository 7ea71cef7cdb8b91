package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/weir-sensor/weir/internal/netnstest"
	"github.com/weir-sensor/weir/sensor"
)

// Several signals in a row, as coreutils' timeout sends two, ask for one end in order, in which nothing is lost.
func TestSignalsInARow(t *testing.T) {
	if !netnstest.Inside(t) {
		return
	}
	netnstest.Pair(t, "wire0", "wire1")
	for _, name := range []string{"wire0", "wire1"} {
		netnstest.Run(t, "ip link set "+name+" mtu 9000 up")
	}
	for _, s := range []syscall.Signal{unix.SIGINT, unix.SIGTERM} {
		dir := t.TempDir()
		weir := startWeir(t, append([]string{"live", "-i", "wire1", "--out", dir}, unhurried...)...)
		sendDemo(t)
		pace := time.NewTicker(time.Millisecond)
		for range 50 {
			if err := weir.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
				t.Fatal(err)
			}
			<-pace.C
		}
		pace.Stop()
		if err := weir.Wait(); err != nil {
			t.Fatalf("%v: got %v, want an end in order\n%s", s, err, weir.stderr.String())
		}
		var ledger sensor.Ledger
		text, err := os.ReadFile(filepath.Join(dir, "ledger.json"))
		if err == nil {
			err = json.Unmarshal(text, &ledger)
		}
		if sent := uint64(len(demoFrames(t))); err != nil || ledger.Packets != sent {
			t.Errorf("%v: got %d packets, %v, want %d", s, ledger.Packets, err, sent)
		}
	}
}

// A replay that nobody reads cannot end in order: a second signal that comes late enough ends it.
func TestLateSignalKills(t *testing.T) {
	weir := newProcess(t, "replay", "--stdout", "flows", demo)
	read, write := pipe(t)
	weir.Stdout = write
	weir.start(t)
	write.Close()
	if _, err := read.Read(make([]byte, 1)); err != nil {
		t.Fatalf("no records: %v\n%s", err, weir.stderr.String())
	}
	first := time.Now()
	ended := make(chan error)
	go func() { ended <- weir.Wait() }()
	pace := time.NewTicker(10 * time.Millisecond)
	defer pace.Stop()
	for deadline := first.Add(patience); ; {
		_ = weir.Process.Signal(unix.SIGTERM)
		select {
		case err := <-ended:
			status := weir.ProcessState.Sys().(syscall.WaitStatus)
			if took := time.Since(first); !status.Signaled() || status.Signal() != unix.SIGTERM || took < oneRequest {
				t.Errorf("after %v got %v, want it killed after %v or a little more\n%s", took, err, oneRequest, weir.stderr.String())
			}
			return
		case <-pace.C:
			if time.Now().After(deadline) {
				t.Fatalf("no signal has ended it within %v", patience)
			}
		}
	}
}
