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

// progressing is a reader that knows how many bytes it has read, and of how many; 0: of an unknown number.
type progressing interface{ Progress() (read, total int64) }

// captureProgress is the progress of captures.
type captureProgress struct{ *pcapfile.Reader }

func (c captureProgress) Progress() (read, total int64) {
	read, total, _ = c.Reader.Progress()
	return read, total
}

// startProgress shows how far the reader is, its rate and the time left, where w is a terminal. The function it
// returns ends that and clears the line.
func startProgress(w io.Writer, src progressing, what string) (stop func()) {
	if !terminal(w) {
		return func() {}
	}
	_, total := src.Progress()
	if total == 0 {
		total = -1 // a spinner
	}
	bar := progressbar.NewOptions64(total,
		progressbar.OptionSetWriter(w), progressbar.OptionShowBytes(true), progressbar.OptionClearOnFinish(),
		progressbar.OptionSetDescription(what), progressbar.OptionSetPredictTime(true), progressbar.OptionThrottle(100*time.Millisecond))
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
				read, _ := src.Progress()
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

// terminal says whether what is written to w is seen on a terminal.
func terminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}
