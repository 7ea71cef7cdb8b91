//go:build linux

package afpacket

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/weir-sensor/weir/capture"
	"github.com/weir-sensor/weir/internal/netnstest"
	"github.com/weir-sensor/weir/internal/sendtest"
)

// testConfig is for tests: small, and quick to give blocks away. A ring has 384 blocks: so many frames fit, also where the
// machine is so busy that the block timeout hands each of them over in a block of its own.
func testConfig() Config {
	c := DefaultConfig()
	c.RingSize, c.BlockSize, c.BlockTimeout, c.Poll = 384*BlockUnit, BlockUnit, 5*time.Millisecond, 20*time.Millisecond
	c.Snaplen = BlockUnit - blockOverhead
	return c
}

// patience is how long tests wait for what happens at once: so long that only what never comes fails.
const patience = 2 * time.Minute

// start opens rings on interface near of a veth pair in a namespace of the test's own, and a sender on far.
func start(t *testing.T, rings int, cfg Config, opt Options) ([]*Ring, *wire) {
	t.Helper()
	netnstest.Thread(t)
	netnstest.Pair(t, "near", "far")
	w := sender(t, "far", "near")
	return openRings(t, "near", rings, cfg, opt), w
}

// wire sends frames, and counts them where they arrive. The kernel gives a packet to sockets that were opened later
// first: what the counter has, the others have.
type wire struct {
	*sendtest.Sender
	counter *Ring
}

func openRings(t *testing.T, iface string, n int, cfg Config, opt Options) []*Ring {
	t.Helper()
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	rings, err := Open(iface, n, cfg, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, r := range rings {
			if err := r.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	return rings
}

// sender sends on one interface; what it sends is seen on another, or on the same.
func sender(t *testing.T, iface, seen string) *wire {
	t.Helper()
	cfg := testConfig()
	cfg.BlockSize, cfg.RingSize, cfg.Snaplen = BlockUnit, minBlocks*BlockUnit, MinSnaplen // it is never read
	w := &wire{counter: openRings(t, seen, 1, cfg, Options{})[0]}
	var err error
	if w.Sender, err = sendtest.NewSender(iface, false); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

// send returns when the frames have arrived, which a busy kernel puts off.
func send(t *testing.T, w *wire, frames ...[]byte) {
	t.Helper()
	before := w.arrived()
	if err := w.Send(frames); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(patience); w.arrived()-before < uint64(len(frames)); runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d frames arrive", w.arrived()-before, len(frames))
		}
	}
}

// relay sends frames and reads them, each time that half as many were sent as a ring has blocks: so no ring is full,
// however slow the machine.
func relay(t *testing.T, w *wire, rings []*Ring, take int, frames [][]byte) (all []caught) {
	t.Helper()
	b := capture.Batch{Frames: make([]capture.Frame, 0, take)}
	for some := range slices.Chunk(frames, len(rings[0].memory)/rings[0].size/2) {
		send(t, w, some...)
		for i, r := range rings {
			for deadline := time.Now().Add(patience); r.delivered < r.Stats().Packets; all = appendCaught(all, &b, i) {
				if err := r.Read(&b); err != nil && !errors.Is(err, capture.ErrIdle) || time.Now().After(deadline) {
					t.Fatalf("ring %d: %v after %d frames, %+v", i, err, r.delivered, r.Stats())
				}
			}
		}
	}
	return all
}

func (w *wire) arrived() uint64 {
	s := w.counter.Stats()
	return s.Packets + s.Dropped
}

// caught is a frame that was read, copied.
type caught struct {
	capture.Frame
	data []byte
	ring int
}

// drain interrupts the rings and returns what they still have.
func drain(t *testing.T, rings []*Ring, take int) []caught {
	t.Helper()
	for _, r := range rings {
		r.Interrupt()
	}
	var all []caught
	deadline := time.Now().Add(patience)
	b := capture.Batch{Frames: make([]capture.Frame, 0, take)}
	for i, r := range rings {
		for {
			err := r.Read(&b)
			if err == io.EOF {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("ring %d does not end: %v, stats %+v, delivered %d", i, err, r.Stats(), r.delivered)
			}
			if errors.Is(err, capture.ErrIdle) {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			all = appendCaught(all, &b, i)
		}
	}
	return all
}

func appendCaught(all []caught, b *capture.Batch, ring int) []caught {
	for j := range b.Frames {
		all = append(all, caught{b.Frames[j], bytes.Clone(b.Bytes(j)), ring})
	}
	return all
}

// compare says where what was caught is not what was sent, in the order of sending in each ring.
func compare(t *testing.T, got []caught, want [][]byte) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%d frames caught, %d sent", len(got), len(want))
	}
	left := map[string]int{}
	for _, w := range want {
		left[string(w)]++
	}
	for i, g := range got {
		if left[string(g.data)]--; left[string(g.data)] < 0 {
			t.Fatalf("frame %d was not sent: % x", i, g.data)
		}
		if int(g.Wire) != len(g.data) || int(g.Len) != len(g.data) {
			t.Fatalf("frame %d of %d bytes has lengths %d and, on the wire, %d", i, len(g.data), g.Len, g.Wire)
		}
	}
}

// TestSentIsReceived sends packets of all kinds, in both directions, and finds each of them in the rings, unchanged,
// once, and all of a pair in one ring.
func TestSentIsReceived(t *testing.T) {
	sentIsReceived(t, 1, 4096)
}

func TestSentIsReceivedOnTwoRings(t *testing.T) {
	sentIsReceived(t, 2, 7)
}

func sentIsReceived(t *testing.T, n, take int) {
	began := time.Now().UnixNano()
	rings, b := start(t, n, testConfig(), Options{Iface: 3})
	a := sender(t, "near", "near")
	list := packets(rand.New(rand.NewPCG(1, 2)), 4000)
	sent := frames(list)
	got := relay(t, b, rings, take, sent[:3000])
	got = append(got, relay(t, a, rings, take, sent[3000:])...) // these go out, they do not come in
	got = append(got, drain(t, rings, take)...)
	compare(t, got, sent)

	ringOf := map[[2]netip.Addr]int{}
	used := map[int]int{}
	for _, g := range got {
		p := list[number(g.data)-1]
		pair := [2]netip.Addr{p.src, p.dst}
		if p.dst.Less(p.src) {
			pair = [2]netip.Addr{p.dst, p.src}
		}
		if ring, ok := ringOf[pair]; ok && ring != g.ring {
			t.Fatalf("%v came from rings %d and %d", pair, ring, g.ring)
		}
		ringOf[pair] = g.ring
		used[g.ring]++
		if g.Iface != 3 || g.Link != 1 {
			t.Fatalf("frame of interface %d, link type %d, want 3 and 1", g.Iface, g.Link)
		}
		if g.Time < began || g.Time > time.Now().UnixNano() {
			t.Fatalf("frame of %d, test began %d", g.Time, began)
		}
	}
	for i, r := range rings {
		if used[i] < len(sent)/n/2 {
			t.Errorf("ring %d had %d of %d packets", i, used[i], len(sent))
		}
		if s := r.Stats(); s.Packets != uint64(used[i]) || s.Dropped != 0 || s.Freezes != 0 || s.Interface != "near" {
			t.Errorf("ring %d: %+v, read %d", i, s, used[i])
		}
	}
}

// number finds a packet's number behind whatever headers it has.
func number(frame []byte) int {
	at := 12
	for frame[at] == 0x81 || frame[at] == 0x88 && frame[at+1] == 0xa8 {
		at += 4
	}
	ip := frame[at+2:]
	var upper []byte
	first := true
	switch {
	case frame[at] == 8:
		upper = ip[20:]
		first = (int(ip[6])<<8|int(ip[7]))&0x1fff == 0
	case ip[6] == 44:
		upper = ip[48:]
		first = ip[42] == 0 && ip[43]&0xf8 == 0
	default:
		upper = ip[40:]
	}
	if first {
		upper = upper[8:]
	}
	return int(upper[0])<<24 | int(upper[1])<<16 | int(upper[2])<<8 | int(upper[3])
}

// TestCarriedPairsMeet has the packets of a pair plain and under every carrier, in both directions, coming in and going
// out: all of them meet in one ring.
func TestCarriedPairsMeet(t *testing.T) {
	rings, b := start(t, 2, testConfig(), Options{})
	a := sender(t, "near", "near")
	rnd := rand.New(rand.NewPCG(31, 32))
	const pairs = 16
	var in, out [][]byte
	for pair := range uint32(pairs) {
		p := packet{payload: 4, number: pair, src: v4(rnd.Uint32()), dst: v4(rnd.Uint32())}
		if pair%2 == 0 {
			p.src, p.dst = v6(rnd.Uint64(), rnd.Uint64()), v6(rnd.Uint64(), rnd.Uint64())
		}
		for name, carry := range carriers {
			if slices.Contains(deeper, name) {
				continue
			}
			in = append(in, append(p.frame()[:12], carry(p.ip())...))
			out = append(out, append(p.reverse().frame()[:12], carry(p.reverse().ip())...))
		}
	}
	got := slices.Concat(relay(t, b, rings, 64, in), relay(t, a, rings, 64, out), drain(t, rings, 64))
	if len(got) != len(in)+len(out) {
		t.Fatalf("%d frames caught, %d sent", len(got), len(in)+len(out))
	}
	var ringOf [pairs]map[int]int
	used := map[int]int{}
	for _, g := range got {
		pair := binary.BigEndian.Uint32(g.data[len(g.data)-4:])
		if ringOf[pair] == nil {
			ringOf[pair] = map[int]int{}
		}
		ringOf[pair][g.ring]++
		used[g.ring]++
	}
	for pair, rings := range ringOf {
		if len(rings) != 1 {
			t.Errorf("pair %d: packets by ring %v, want one ring", pair, rings)
		}
	}
	if len(used) != 2 {
		t.Errorf("packets by ring %v, want both used", used)
	}
}
