//go:build linux

package afpacket

import (
	"encoding/binary"
	"encoding/hex"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/bpf"

	decoder "github.com/weir-sensor/weir/packet"
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

// TestSpread runs the program over packets under VLAN tags.
func TestSpread(t *testing.T) {
	const seed = 0x1234567
	run := spreader(t, seed)
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

// spreader returns what runs the program over whole frames, as the kernel does for those that go out, in another machine
// than the kernel's.
func spreader(t *testing.T, seed uint32) func(frame []byte) uint32 {
	t.Helper()
	var r routine
	r.wholeFrame(seed)
	vm, err := bpf.NewVM(r.linked())
	if err != nil {
		t.Fatal(err)
	}
	return func(frame []byte) uint32 {
		h, err := vm.Run(frame)
		if err != nil {
			t.Fatal(err)
		}
		return uint32(h)
	}
}

// carriers wrap the IP packet, of version 4 or 6, of a frame without tags: what follows the Ethernet addresses.
var carriers = map[string]func(ip []byte) []byte{
	"plain":                     func(ip []byte) []byte { return append(etherTypeOf(ip), ip...) },
	"one label":                 func(ip []byte) []byte { return append(octets("8847 00010140"), ip...) },
	"multicast label":           func(ip []byte) []byte { return append(octets("8848 00010140"), ip...) },
	"four labels":               func(ip []byte) []byte { return append(octets("8847 00010040 00020040 00030040 00040140"), ip...) },
	"label behind a tag":        func(ip []byte) []byte { return append(octets("8100 0007 8847 00010140"), ip...) },
	"label behind two tags":     func(ip []byte) []byte { return append(octets("88a8 0007 8100 0008 8847 00010140"), ip...) },
	"PPPoE":                     func(ip []byte) []byte { return append(octets("8864 1100 1234 0000 00"+pppOf(ip)), ip...) },
	"PPPoE, short protocol":     func(ip []byte) []byte { return append(octets("8864 1100 1234 0000 "+pppOf(ip)), ip...) },
	"PPPoE behind a tag":        func(ip []byte) []byte { return append(octets("8100 0007 8864 1100 1234 0000 00"+pppOf(ip)), ip...) },
	"labels in PPPoE":           func(ip []byte) []byte { return append(octets("8864 1100 1234 0000 0281 00010040 00020140"), ip...) },
	"multicast labels in PPPoE": func(ip []byte) []byte { return append(octets("8864 1100 1234 0000 0283 00010140"), ip...) },
	"pseudowire":                func(ip []byte) []byte { return pseudowire("8847 00010140", "", ip) },
	"pseudowire, control word":  func(ip []byte) []byte { return pseudowire("8847 00010140 00000000", "", ip) },
	"pseudowire, tags":          func(ip []byte) []byte { return pseudowire("8847 00010140 00000000", "88a8 0001 8100 0002", ip) },
	"pseudowire of address 60":  func(ip []byte) []byte { return pseudowireFrom(0x60, "8847 00010140", "", ip) },
	"pseudowire of address 40":  func(ip []byte) []byte { return pseudowireFrom(0x40, "8847 00010140", "", ip) },
	"pseudowire of address 00":  func(ip []byte) []byte { return pseudowireFrom(0, "8847 00010140", "", ip) },
	"five labels": func(ip []byte) []byte {
		return append(octets("8847 00010040 00010040 00010040 00010040 00050140"), ip...)
	},
	"three tags, then a label": func(ip []byte) []byte { return append(octets("8100 0001 8100 0002 8100 0003 8847 00010140"), ip...) },
	"pseudowire in a pseudowire": func(ip []byte) []byte {
		return pseudowire("8847 00010140", "8847 00010140 020000000002 020000000001", ip)
	},
}

// deeper are the carriers that the program does not look through.
var deeper = []string{"five labels", "three tags, then a label", "pseudowire in a pseudowire"}

func octets(digits string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(digits, " ", ""))
	if err != nil {
		panic(err)
	}
	return b
}

func etherTypeOf(ip []byte) []byte {
	if ip[0]>>4 == 4 {
		return octets("0800")
	}
	return octets("86dd")
}

func pppOf(ip []byte) string {
	if ip[0]>>4 == 4 {
		return "21"
	}
	return "57"
}

// pseudowire is labels, an Ethernet header with tags, and the packet.
func pseudowire(labels, tags string, ip []byte) []byte { return pseudowireFrom(2, labels, tags, ip) }

// pseudowireFrom has a frame whose destination address begins with the byte.
func pseudowireFrom(first byte, labels, tags string, ip []byte) []byte {
	b := append(octets(labels), first, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1)
	return append(append(append(b, octets(tags)...), etherTypeOf(ip)...), ip...)
}

// TestSpreadCarried has packets under MPLS, PPPoE and pseudowires, which have the hash that they have without, and which
// the decoder finds too.
func TestSpreadCarried(t *testing.T) {
	const seed = 0x7654321
	run := spreader(t, seed)
	rnd := rand.New(rand.NewPCG(5, 6))
	for name, carry := range carriers {
		for range 500 {
			p := packet{payload: 4, number: rnd.Uint32(), src: v4(rnd.Uint32()), dst: v4(rnd.Uint32())}
			if rnd.IntN(2) == 0 {
				p.src, p.dst = v6(rnd.Uint64(), rnd.Uint64()), v6(rnd.Uint64(), rnd.Uint64())
			}
			want := hashPair(p.src, p.dst, seed)
			if slices.Contains(deeper, name) {
				want = 0
			}
			for _, p := range []packet{p, p.reverse()} {
				frame := append(p.frame()[:12], carry(p.ip())...)
				if got := run(frame); got != want {
					t.Fatalf("%s, %v to %v: hash %#x, want %#x", name, p.src, p.dst, got, want)
				}
				var d decoder.Packet
				if v := decoder.Decode(&d, linkEthernet, frame, uint32(len(frame)), decoder.Options{}); v != decoder.OK ||
					d.Src.Netip(d.Version) != p.src || d.Dst.Netip(d.Version) != p.dst {
					t.Fatalf("%s, %v to %v: the decoder says %v, %v to %v", name, p.src, p.dst, v, d.Src, d.Dst)
				}
			}
		}
	}
}

// TestSpreadDamaged has carried packets cut short and with a byte changed: where the program finds addresses, they are
// those that the decoder finds, if it finds any.
func TestSpreadDamaged(t *testing.T) {
	const seed = 0x1020304
	run := spreader(t, seed)
	rnd := rand.New(rand.NewPCG(7, 8))
	found := 0
	for _, name := range slices.Sorted(maps.Keys(carriers)) {
		for i := range 3000 {
			p := packet{payload: 4, number: rnd.Uint32(), src: v4(rnd.Uint32()), dst: v4(rnd.Uint32())}
			if i%2 == 0 {
				p.src, p.dst = v6(rnd.Uint64(), rnd.Uint64()), v6(rnd.Uint64(), rnd.Uint64())
			}
			frame := append(p.frame()[:12], carriers[name](p.ip())...)
			frame[12+rnd.IntN(min(40, len(frame)-12))] = byte(rnd.IntN(256))
			frame = frame[:max(14, len(frame)-rnd.IntN(3)*rnd.IntN(30))]
			var d decoder.Packet
			hash := run(frame)
			if decoder.Decode(&d, linkEthernet, frame, uint32(len(frame)), decoder.Options{}) != decoder.OK || hash == 0 {
				continue
			}
			found++
			if want := hashPair(d.Src.Netip(d.Version), d.Dst.Netip(d.Version), seed); hash != want {
				t.Fatalf("%s: hash %#x, want %#x for %v to %v: % x", name, hash, want, d.Src.Netip(d.Version), d.Dst.Netip(d.Version), frame)
			}
		}
	}
	if found < 10000 {
		t.Errorf("both found addresses in %d frames, want most of them", found)
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
