package main

import (
	"io"
	"os"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/weir-sensor/weir/capture/pcapfile"
)

// startProgress shows how far the reader is, its rate and the time left, where w is a terminal. The function it
// returns ends that and clears the line.
func startProgress(w io.Writer, src *pcapfile.Reader) (stop func()) {
	file, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return func() {}
	}
	_, total, _ := src.Progress()
	if total == 0 {
		total = -1 // a spinner
	}
	bar := progressbar.NewOptions64(total,
		progressbar.OptionSetWriter(w), progressbar.OptionShowBytes(true), progressbar.OptionClearOnFinish(),
		progressbar.OptionSetDescription("replay"), progressbar.OptionSetPredictTime(true), progressbar.OptionThrottle(100*time.Millisecond))
	done := make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() {
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				read, _, _ := src.Progress()
				_ = bar.Set64(read) // a bar that cannot be drawn is no reason to stop
			}
		}
	})
	return func() {
		close(done)
		running.Wait()
		_ = bar.Clear()
	}
}
