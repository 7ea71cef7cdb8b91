//go:build linux

package afpacket

import (
	"errors"
	"io"
	"math/rand/v2"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/weir-sensor/weir/capture"
	"github.com/weir-sensor/weir/internal/netnstest"
)

// readUntil reads a ring until done says so, and returns what came meanwhile.
func readUntil(t *testing.T, r *Ring, what string, done func(all []caught) bool) []caught {
	t.Helper()
	var all []caught
	b := capture.Batch{Frames: make([]capture.Frame, 0, 100)}
	for deadline := time.Now().Add(patience); !done(all); {
		if time.Now().After(deadline) {
			t.Fatalf("%s does not happen: %d frames, %+v", what, len(all), r.Stats())
		}
		if err := r.Read(&b); err != nil && !errors.Is(err, capture.ErrIdle) {
			t.Fatal(err)
		}
		all = appendCaught(all, &b, 0)
	}
	return all
}

// TestOverload sends far more than the rings hold, and nobody reads.
func TestOverload(t *testing.T) {
	cfg := testConfig()
	cfg.BlockSize, cfg.RingSize, cfg.Snaplen = 65536, 262144, 2048
	rings, s := start(t, 2, cfg, Options{})
	sent := frames(packets(rand.New(rand.NewPCG(7, 8)), 5000))
	send(t, s, sent...)
	for i, r := range rings {
		if s := r.Stats(); s.Ring != 262144 || s.RingFull != s.Ring || s.RingPeak != 0 {
			t.Errorf("ring %d: %+v, want it full, and a peak when it is read", i, s)
		}
	}
	got := drain(t, rings, 10)
	var delivered [2]uint64
	for _, g := range got {
		delivered[g.ring]++
	}
	var packets, dropped uint64
	for i, r := range rings {
		s := r.Stats()
		if s.Packets != delivered[i] || s.Dropped == 0 || s.Freezes == 0 || s.RingFull != 0 || s.RingPeak != s.Ring {
			t.Errorf("ring %d: %+v, read %d", i, s, delivered[i])
		}
		packets, dropped = packets+s.Packets, dropped+s.Dropped
		if err := r.Close(); err != nil || r.Stats() != s {
			t.Errorf("after Close, %v: %+v, before %+v", err, r.Stats(), s)
		}
	}
	if packets+dropped != uint64(len(sent)) || packets == 0 {
		t.Errorf("%d packets and %d dropped of %d sent", packets, dropped, len(sent))
	}
}

// TestStatsWhileReading asks from another goroutine, and interrupts from there.
func TestStatsWhileReading(t *testing.T) {
	rings, s := start(t, 1, testConfig(), Options{})
	sent := frames(packets(rand.New(rand.NewPCG(9, 10)), 2000))
	done := make(chan int)
	var read atomic.Int64
	go func() {
		b := capture.Batch{Frames: make([]capture.Frame, 0, 64)}
		for {
			switch err := rings[0].Read(&b); err {
			case nil, capture.ErrIdle:
				read.Add(int64(len(b.Frames)))
			case io.EOF:
				done <- int(read.Load())
				return
			default:
				t.Error(err)
				done <- int(read.Load())
				return
			}
		}
	}()
	for i := range sent {
		for deadline := time.Now().Add(patience); int64(i)-read.Load() > 300; runtime.Gosched() { // each may fill a block
			if time.Now().After(deadline) {
				t.Fatalf("%d frames read of %d", read.Load(), i)
			}
		}
		send(t, s, sent[i])
		if i%100 == 0 && rings[0].Stats().Packets > uint64(i+1) {
			t.Errorf("%d packets of %d sent", rings[0].Stats().Packets, i+1)
		}
	}
	rings[0].Interrupt()
	send(t, s, sent...) // too late
	if n := <-done; n != len(sent) || rings[0].Stats().Packets != uint64(n) {
		t.Errorf("%d frames read, %d sent, %+v", n, len(sent), rings[0].Stats())
	}
	b := capture.Batch{Frames: make([]capture.Frame, 0, 1)}
	if err := rings[0].Read(&b); err != io.EOF {
		t.Errorf("after the end: %v, want io.EOF", err)
	}
}

// TestDownAndUp has the interface go down and come back while two rings capture: nothing ends, and each pair stays in
// the ring where it was.
func TestDownAndUp(t *testing.T) {
	rings, s := start(t, 2, testConfig(), Options{})
	var pairs [][]byte
	for i := range byte(64) {
		p := packet{src: netip.AddrFrom4([4]byte{10, 0, 0, i}), dst: netip.AddrFrom4([4]byte{10, 0, 1, i}), payload: 4, number: uint32(i)}
		pairs = append(pairs, p.frame())
	}
	ringOf := map[string]int{}
	for round := range uint64(3) {
		send(t, s, pairs...)
		before := map[string]int{}
		for i, r := range rings {
			want := r.Stats().Packets - r.delivered
			for _, g := range readUntil(t, r, "arrival", func(all []caught) bool { return uint64(len(all)) == want }) {
				before[string(g.data)] = i
			}
		}
		if len(before) != len(pairs) {
			t.Fatalf("round %d: %d frames of %d", round, len(before), len(pairs))
		}
		for frame, ring := range before {
			if was, ok := ringOf[frame]; ok && was != ring {
				t.Fatalf("round %d: a pair went from ring %d to %d", round, was, ring)
			}
			ringOf[frame] = ring
		}
		netnstest.Run(t, "ip link set near down")
		for _, r := range rings {
			readUntil(t, r, "outage", func([]caught) bool { return r.Stats().Outages == round+1 && r.down })
		}
		netnstest.Run(t, "ip link set near up")
		for _, r := range rings {
			readUntil(t, r, "return", func([]caught) bool { return !r.down })
		}
		netnstest.Carries(t, "far")
	}
}

// TestDeleted has the interface vanish: what was captured is delivered, then it is said.
func TestDeleted(t *testing.T) {
	cfg := testConfig()
	cfg.BlockTimeout = 100 * time.Millisecond // so that the block is still open
	rings, s := start(t, 1, cfg, Options{})
	sent := frames(packets(rand.New(rand.NewPCG(11, 12)), 50))
	send(t, s, sent...)
	netnstest.Run(t, "ip link del near")
	var got []caught
	b := capture.Batch{Frames: make([]capture.Frame, 0, 100)}
	var err error
	for deadline := time.Now().Add(patience); err == nil || errors.Is(err, capture.ErrIdle); err = rings[0].Read(&b) {
		got = appendCaught(got, &b, 0)
		if time.Now().After(deadline) {
			t.Fatal("no error")
		}
	}
	if err == nil || !strings.Contains(err.Error(), "near: the interface was deleted") {
		t.Errorf("got %v, want that the interface was deleted", err)
	}
	compare(t, got, sent)
	if again := rings[0].Read(&b); again != err {
		t.Errorf("then %v", again)
	}
}

// TestOpenAndClose does so a hundred times, half of them with an error, and leaves nothing behind.
func TestOpenAndClose(t *testing.T) {
	netnstest.Thread(t)
	netnstest.Pair(t, "near", "far")
	cfg := testConfig()
	cfg.RingSize = 2 << 20
	count := func() (descriptors, maps int) {
		list, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile("/proc/self/maps")
		if err != nil {
			t.Fatal(err)
		}
		return len(list), strings.Count(string(text), "socket:")
	}
	descriptors, maps := count()
	goroutines := runtime.NumGoroutine()
	for i := range 100 {
		rings, err := Open("near", 1+i%3, cfg, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if i%2 == 0 { // in the middle of it
			for _, r := range rings {
				r.Interrupt()
			}
		}
		for _, r := range rings {
			if err := errors.Join(r.Close(), r.Close()); err != nil {
				t.Fatal(err)
			}
		}
		hardware := cfg
		hardware.Timestamps = HardwareTimestamps
		if _, err := Open("near", 2, hardware, Options{}); err == nil || !strings.Contains(err.Error(), "hardware timestamps") {
			t.Fatalf("hardware timestamps of a veth: %v", err)
		}
	}
	if d, m := count(); d != descriptors || m != maps {
		t.Errorf("descriptors %d, were %d; rings %d, were %d", d, descriptors, m, maps)
	}
	for deadline := time.Now().Add(patience); runtime.NumGoroutine() > goroutines; runtime.Gosched() { // some are about to end
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines, were %d", runtime.NumGoroutine(), goroutines)
		}
	}
}

// TestTwoSensors has two fanout groups on one interface: each gets everything.
func TestTwoSensors(t *testing.T) {
	first, s := start(t, 2, testConfig(), Options{})
	second := openRings(t, "near", 2, testConfig(), Options{})
	sent := frames(packets(rand.New(rand.NewPCG(13, 14)), 300))
	send(t, s, sent...)
	compare(t, drain(t, first, 50), sent)
	compare(t, drain(t, second, 50), sent)
}

// TestReadAllocates reads small blocks. There are frames for as many calls, in full blocks or in all blocks.
func TestReadAllocates(t *testing.T) {
	rings, s := start(t, 1, testConfig(), Options{})
	send(t, s, frames(packets(rand.New(rand.NewPCG(15, 16)), 3000))...)
	b := capture.Batch{Frames: make([]capture.Frame, 0, 8)}
	n := testing.AllocsPerRun(300, func() {
		err := capture.ErrIdle
		for errors.Is(err, capture.ErrIdle) { // until the kernel hands over the last block
			err = rings[0].Read(&b)
		}
		if err != nil {
			t.Fatal(err)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations for each call that has frames", n)
	}
	drain(t, rings, 100)
	rings[0].end, rings[0].settled = nil, false
	rings[0].interrupted.Store(false)
	if n := testing.AllocsPerRun(5, func() { rings[0].Read(&b) }); n != 0 {
		t.Errorf("%v allocations for each call that waits", n)
	}
}

// TestNow is the clock of the packets' timestamps.
func TestNow(t *testing.T) {
	rings, s := start(t, 1, testConfig(), Options{})
	before := rings[0].Now()
	send(t, s, frames(packets(rand.New(rand.NewPCG(17, 18)), 1))...)
	after := rings[0].Now()
	got := readUntil(t, rings[0], "arrival", func(all []caught) bool { return len(all) == 1 })
	if got[0].Time < before || got[0].Time > after {
		t.Errorf("a packet sent between %d and %d was stamped %d", before, after, got[0].Time)
	}
}

// TestCapabilityIsNamed opens rings as one who may not.
func TestCapabilityIsNamed(t *testing.T) {
	netnstest.Thread(t)
	netnstest.Run(t, "ip link set lo up")
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		t.Fatal(err)
	}
	data[0].Effective &^= 1 << unix.CAP_NET_RAW // of this thread, which ends with the test
	if err := unix.Capset(&header, &data[0]); err != nil {
		t.Fatal(err)
	}
	_, err := Open("lo", 1, testConfig(), Options{})
	if err == nil || !strings.Contains(err.Error(), "open lo: no permission") ||
		!strings.Contains(err.Error(), "CAP_NET_RAW") {
		t.Errorf("got %v, want the capability and how to grant it", err)
	}
}
