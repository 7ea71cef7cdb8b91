package main

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/weir-sensor/weir/output"
	"github.com/weir-sensor/weir/sensor"
)

// brokenFlows is a sink that cannot be completed.
type brokenFlows struct{ output.Sink }

var errBroken = errors.New("disk gone")

func (brokenFlows) Close() error { return errBroken }

// heldWindows remembers how it ended.
type heldWindows struct {
	output.WindowSink
	ended string
}

func (w *heldWindows) Close() error { w.ended += "close "; return nil }
func (w *heldWindows) Abort() error { w.ended += "abort "; return nil }

// Where the flows cannot be completed, the windows are given up: no file appears that looks complete.
func TestOutputsGiveUpTogether(t *testing.T) {
	w := &heldWindows{}
	o := outputs{flows: brokenFlows{}, windows: w}
	if err := o.close(); !errors.Is(err, errBroken) || w.ended != "abort " {
		t.Errorf("got %v, windows %q, want the flows' error and abort", err, w.ended)
	}
}

// First payloads that were given up are in the ledger and, since which ones depends on the number of shards, in the manifest.
func TestReplayGivesUpFirstPayloads(t *testing.T) {
	dir := t.TempDir()
	args := []string{"replay", "--features", "first_payload", "--set", "flow.max_first_payloads=1", "--shards", "2", "--out", dir, demo}
	if status, _, stderr := command(t, nil, args...); status != exitOK {
		t.Fatal(stderr)
	}
	var books sensor.Ledger
	var m manifest
	readJSON(t, filepath.Join(dir, "ledger.json"), &books)
	readJSON(t, filepath.Join(dir, "manifest.json"), &m)
	if n := books.Flows.GivenUpPayloads; n == 0 || m.Full == nil || *m.Full != (manifestTable{Payloads: n, Shards: 2}) {
		t.Errorf("got %d payloads given up, in the manifest %+v", n, m.Full)
	}
}
