//go:build linux

package afpacket

import (
	"errors"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/weir-sensor/weir/internal/netnstest"
)

// TestRingLimits captures with the smallest and the largest that Validate takes of each size.
func TestRingLimits(t *testing.T) {
	for _, test := range []struct {
		name        string
		ring, block int
		snaplen     int
	}{
		{"smallest", minBlocks * BlockUnit, BlockUnit, BlockUnit - blockOverhead},
		{"not whole blocks", 5*BlockUnit - 1, BlockUnit, MinSnaplen},
		{"largest blocks", minBlocks * MaxBlockSize, MaxBlockSize, MaxBlockSize - blockOverhead},
		{"largest", MaxRingSize, MaxBlockSize, MinSnaplen},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.ring == MaxRingSize && os.Getenv("WEIR_LARGE") == "" {
				t.Skip("the kernel takes some ten seconds to clear 2 GiB: set WEIR_LARGE")
			}
			var machine unix.Sysinfo_t
			if err := unix.Sysinfo(&machine); err != nil || machine.Freeram*uint64(machine.Unit) < 4*uint64(test.ring) {
				t.Skipf("needs %d bytes of free memory: %v", 4*test.ring, err)
			}
			cfg := testConfig()
			cfg.RingSize, cfg.BlockSize, cfg.Snaplen = test.ring, test.block, test.snaplen
			cfg.BlockTimeout = MaxBlockTimeout // for four blocks are few where sending is held up
			rings, s := start(t, 1, cfg, Options{})
			sent := frames(packets(rand.New(rand.NewPCG(29, 30)), 30))
			send(t, s, sent...)
			got := drain(t, rings, 7)
			if len(got) != len(sent) {
				t.Fatalf("%d frames of %d", len(got), len(sent))
			}
			for i, g := range got {
				if int(g.Len) != min(len(sent[i]), test.snaplen) || int(g.Wire) != len(sent[i]) {
					t.Errorf("frame %d of %d bytes: captured %d of %d", i, len(sent[i]), g.Len, g.Wire)
				}
			}
			if size := rings[0].Stats().Ring; size != uint64(test.ring/test.block*test.block) {
				t.Errorf("a ring of %d bytes, want %d in whole blocks", size, test.ring)
			}
		})
	}
}

// TestBeyondLimits says in one line what is too small or too large.
func TestBeyondLimits(t *testing.T) {
	for _, test := range []struct {
		change func(c *Config)
		want   string
	}{
		{func(c *Config) { c.RingSize = 4*c.BlockSize - 1 }, "ring_size: got 16777215, want 16777216 (four blocks) to 2147483648"},
		{func(c *Config) { c.RingSize = MaxRingSize + 1 }, "ring_size: got 2147483649, want 16777216 (four blocks) to 2147483648"},
		{func(c *Config) { c.BlockSize = 0 }, "block_size: got 0, want a multiple of 65536 up to 16777216"},
		{func(c *Config) { c.BlockSize = MaxBlockSize + BlockUnit }, "block_size: got 16842752, want a multiple of 65536 up to 16777216"},
		{func(c *Config) { c.Snaplen = c.BlockSize - blockOverhead + 1 }, "snaplen: got 4194049, want 64 to 4194048 (what fits in a block)"},
		{func(c *Config) { c.BlockTimeout = MaxBlockTimeout + time.Millisecond }, "block_timeout: got 201ms, want 1ms to 200ms"},
	} {
		cfg := DefaultConfig()
		test.change(&cfg)
		if err := cfg.Validate(); err == nil || err.Error() != test.want {
			t.Errorf("got %v, want %s", err, test.want)
		}
	}
}

// TestTooManyRings asks for more rings than the process may have files: none is left open, so that fewer can be had.
func TestTooManyRings(t *testing.T) {
	netnstest.Thread(t)
	netnstest.Run(t, "ip link set lo up")
	var was unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &was); err != nil {
		t.Fatal(err)
	}
	few := unix.Rlimit{Cur: 20, Max: was.Max}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &few); err != nil {
		t.Fatal(err)
	}
	defer unix.Setrlimit(unix.RLIMIT_NOFILE, &was)
	cfg := testConfig()
	cfg.BlockSize, cfg.RingSize, cfg.Snaplen = BlockUnit, 2*BlockUnit, MinSnaplen
	for range 2 {
		_, err := Open("lo", 64, cfg, Options{})
		if !errors.Is(err, unix.EMFILE) || strings.Count(err.Error(), "\n") != 0 {
			t.Fatalf("got %v, want too many open files in one line", err)
		}
	}
	rings, err := Open("lo", 2, cfg, Options{})
	if err != nil {
		t.Fatalf("two rings after that: %v", err)
	}
	for _, r := range rings {
		r.Close()
	}
}
