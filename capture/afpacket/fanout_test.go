//go:build linux

package afpacket

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"golang.org/x/net/bpf"
)

// hashPair is what spread computes, said in Go.
func hashPair(a, b netip.Addr, seed uint32) uint32 {
	one := func(addr netip.Addr) uint32 {
		var h uint32
		for word := range slices.Chunk(addr.AsSlice(), 4) {
			h = h*0x9e3779b1 + binary.BigEndian.Uint32(word)
		}
		h ^= seed
		h = (h ^ h>>16) * 0x9e3779b1
		h = (h ^ h>>15) * 0xb504f333
		return h ^ h>>16
	}
	return one(a) + one(b)
}

// TestSpread runs the program in another machine than the kernel's, over whole frames, as the kernel does for those
// that go out.
func TestSpread(t *testing.T) {
	const seed = 0x1234567
	vm, err := bpf.NewVM(append(spreadOutgoing(), spreadIP(seed)...))
	if err != nil {
		t.Fatal(err)
	}
	run := func(frame []byte) uint32 {
		h, err := vm.Run(frame)
		if err != nil {
			t.Fatal(err)
		}
		return uint32(h)
	}
	tags := append(slices.Clone(tagSets), []uint32{0x9100_0001}, []uint32{0x9100_0001, 0x9100_0002})
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 20000 {
		p := packet{payload: 4, number: rnd.Uint32(), tags: tags[rnd.IntN(len(tags))]}
		if rnd.IntN(2) == 0 {
			p.src, p.dst = v4(rnd.Uint32()), v4(rnd.Uint32())
		} else {
			p.src, p.dst = v6(rnd.Uint64(), rnd.Uint64()), v6(rnd.Uint64(), rnd.Uint64())
		}
		want := hashPair(p.src, p.dst, seed)
		p.fragment = []uint16{0, 0x2000, 0x2001, 0x1fff}[rnd.IntN(4)]
		if got := run(p.frame()); got != want {
			t.Fatalf("%+v: hash %#x, want %#x", p, got, want)
		}
		if got := run(p.reverse().frame()); got != want {
			t.Fatalf("%+v the other way: hash %#x, want %#x", p, got, want)
		}
		if cut := p.frame(); run(cut[:12+rnd.IntN(14)]) != 0 {
			t.Fatalf("%+v, cut within its addresses, has a hash", p)
		}
		p.tags = []uint32{0x8100_0001, 0x8100_0002, 0x8100_0003}
		if got := run(p.frame()); got != 0 {
			t.Fatalf("three tags in the frame: hash %#x, want 0", got)
		}
	}
	for _, etherType := range [][]byte{{8, 6}, {0x88, 0x47}, {0, 60}, {0x88, 0xcc}} {
		frame := append(make([]byte, 12), etherType...)
		if got := run(append(frame, make([]byte, 60)...)); got != 0 {
			t.Errorf("EtherType % x: hash %#x, want 0", etherType, got)
		}
	}
}

// TestSpreadRaw runs the program for frames without a link layer.
func TestSpreadRaw(t *testing.T) {
	vm, err := bpf.NewVM(spread(linkRaw, 9))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []packet{
		{src: v4(1), dst: v4(2), payload: 4}, {src: v6(1, 2), dst: v6(3, 4), payload: 4},
	} {
		for _, p := range []packet{p, p.reverse()} {
			if got, err := vm.Run(p.ip()); uint32(got) != hashPair(p.src, p.dst, 9) || err != nil {
				t.Errorf("%v: hash %#x, %v, want %#x", p.src, got, err, hashPair(p.src, p.dst, 9))
			}
		}
	}
	if got, _ := vm.Run(make([]byte, 60)); got != 0 {
		t.Errorf("neither IPv4 nor IPv6: hash %#x, want 0", got)
	}
}

// TestSpreadEvenly has neighbours talk to neighbours, whose addresses have the same sum, or differ by the same bits.
func TestSpreadEvenly(t *testing.T) {
	for name, pair := range map[string]func(i uint32) (netip.Addr, netip.Addr){
		"same difference": func(i uint32) (netip.Addr, netip.Addr) { return v4(0x0a000000 + i), v4(0x0a010000 + i) },
		"same sum":        func(i uint32) (netip.Addr, netip.Addr) { return v4(0x0a000000 + i), v4(0x0a010000 - i) },
		"one server":      func(i uint32) (netip.Addr, netip.Addr) { return v4(0x0a000000 + i), v4(0xc0a80001) },
		"IPv6":            func(i uint32) (netip.Addr, netip.Addr) { return v6(1, uint64(i)), v6(2, uint64(i)) },
	} {
		for _, rings := range []uint32{2, 3, 4, 8, 16} {
			const pairs = 10000
			count := make([]int, rings)
			for i := range uint32(pairs) {
				a, b := pair(i)
				count[hashPair(a, b, 77)%rings]++ // the program's hash, as TestSpread says
			}
			mean := pairs / int(rings)
			if slices.Min(count) < mean*8/10 || slices.Max(count) > mean*12/10 {
				t.Errorf("%s, %d rings: %v", name, rings, count)
			}
		}
	}
}

func v4(n uint32) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], n)
	return netip.AddrFrom4(b)
}

func v6(hi, lo uint64) netip.Addr {
	b := [16]byte{0: 0x20}
	binary.BigEndian.PutUint64(b[8:], lo)
	binary.BigEndian.PutUint32(b[4:], uint32(hi))
	return netip.AddrFrom16(b)
}
