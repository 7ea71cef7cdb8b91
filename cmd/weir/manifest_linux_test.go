package main

import (
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weir-sensor/weir/internal/netnstest"
)

// The manifest of a live run that an error stopped, here that its interface is gone, does not say that it is complete.
func TestLiveManifestOfBrokenRun(t *testing.T) {
	if !netnstest.Inside(t) {
		return
	}
	netnstest.Pair(t, "wire0", "wire1")
	dir, kept := t.TempDir(), t.TempDir()
	var log lockedBuffer
	a := &app{stdout: io.Discard, stderr: &log}
	status := make(chan int)
	go func() {
		status <- a.run(t.Context(), []string{"live", "-i", "wire1", "--out", dir, "--write-pcap", kept})
	}()
	until(t, "capturing", func() bool { return strings.Contains(log.String(), "msg=capturing") })
	netnstest.Run(t, "ip link del wire0")
	if s := <-status; s == exitOK {
		t.Fatal("status 0: " + log.String())
	}
	for _, d := range []string{dir, kept} {
		var m manifest
		if readJSON(t, filepath.Join(d, "manifest.json"), &m); m.Complete || len(m.Outputs) == 0 {
			t.Errorf("got %+v, want a manifest with outputs that is not complete", m)
		}
	}
}
