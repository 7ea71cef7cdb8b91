//go:build linux

package afpacket

import (
	"errors"
	"os"
	"testing"
	"time"

	"github.com/weir-sensor/weir/capture"
	"github.com/weir-sensor/weir/internal/netnstest"
)

// TestSmallRings shows why minBlocks is four: a ring of less drops packets while blocks are free when the block timeout
// hands a block over, and none when packets fill the blocks. Where the reader is kept from reading, the ring is full at
// times (freezes), and nothing is shown: run it with real-time priority.
func TestSmallRings(t *testing.T) {
	if os.Getenv("WEIR_SMALL_RINGS") == "" {
		t.Skip("takes 20 s of a whole machine: set WEIR_SMALL_RINGS")
	}
	netnstest.Thread(t)
	netnstest.Pair(t, "near", "far")
	wire := sender(t, "far", "near")
	burst := make([][]byte, 64)
	for i := range burst {
		burst[i] = packet{payload: 60, src: v4(1), dst: v4(2)}.frame()
	}
	for _, blocks := range []int{2, 3, 4, 8} {
		for _, timeout := range []time.Duration{5 * time.Millisecond, MaxBlockTimeout} {
			cfg := testConfig()
			cfg.RingSize, cfg.BlockTimeout, cfg.Snaplen = blocks*cfg.BlockSize, timeout, 1000
			rings, err := Open("near", 1, cfg, Options{})
			if err != nil {
				t.Fatal(err)
			}
			ended := make(chan int)
			go func() { ended <- countBatches(rings[0]) }()
			for end := time.Now().Add(2 * time.Second); time.Now().Before(end); {
				if err := wire.Send(burst); err != nil {
					t.Fatal(err)
				}
				for pause := time.Now().Add(200 * time.Microsecond); time.Now().Before(pause); {
				}
			}
			rings[0].Interrupt()
			batches, s := <-ended, rings[0].Stats()
			t.Logf("%d blocks, handed over after %v at most: %d packets in %d hand-overs, %d dropped, %d times full, at most %d blocks waited",
				blocks, timeout, s.Packets, batches, s.Dropped, s.Freezes, s.RingPeak/uint64(cfg.BlockSize))
			if blocks >= minBlocks && s.Dropped > 0 && s.Freezes == 0 {
				t.Errorf("%d blocks: %d packets dropped by a ring that was never full", blocks, s.Dropped)
			}
			rings[0].Close()
		}
	}
}

// countBatches reads to the end, a block at a time.
func countBatches(r *Ring) (n int) {
	b := capture.Batch{Frames: make([]capture.Frame, 0, 1<<16)}
	for {
		switch err := r.Read(&b); {
		case err == nil:
			n++
		case !errors.Is(err, capture.ErrIdle):
			return n
		}
	}
}
