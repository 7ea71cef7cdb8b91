package afpacket

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
)

// The frames of the tests are made byte by byte, by nothing that the package or the decoder uses.

// packet describes a frame. Its payload begins with a number, by which it is known again.
type packet struct {
	src, dst netip.Addr
	tags     []uint32 // TPID<<16 | TCI, outermost first
	fragment uint16   // flags and offset of an IPv4 header as they are there; IPv6 gets a fragment header unless 0
	number   uint32
	payload  int // bytes, 4 at least
}

// frame returns the Ethernet frame of a UDP packet. Fragments with an offset have no UDP header.
func (p packet) frame() []byte {
	f := []byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1}
	if p.dst.Less(p.src) {
		f[5], f[11] = 1, 2
	}
	for _, tag := range p.tags {
		f = binary.BigEndian.AppendUint32(f, tag)
	}
	if p.src.Is4() {
		f = append(f, 8, 0)
	} else {
		f = append(f, 0x86, 0xdd)
	}
	return append(f, p.ip()...)
}

// ip returns the packet without a link layer.
func (p packet) ip() []byte {
	var upper []byte
	if p.fragment&0x1fff == 0 {
		upper = binary.BigEndian.AppendUint16(upper, 1000)
		upper = binary.BigEndian.AppendUint16(upper, 2000)
		upper = binary.BigEndian.AppendUint16(upper, uint16(8+p.payload))
		upper = append(upper, 0, 0)
	}
	upper = binary.BigEndian.AppendUint32(upper, p.number)
	for i := range p.payload - 4 {
		upper = append(upper, byte(uint32(i)*7+p.number))
	}
	if p.src.Is4() {
		h := []byte{0x45, 0}
		h = binary.BigEndian.AppendUint16(h, uint16(20+len(upper)))
		h = binary.BigEndian.AppendUint16(h, uint16(p.number))
		h = binary.BigEndian.AppendUint16(h, p.fragment)
		h = append(h, 64, 17, 0, 0)
		h = append(append(h, p.src.AsSlice()...), p.dst.AsSlice()...)
		return append(h, upper...)
	}
	next := byte(17)
	if p.fragment != 0 {
		header := []byte{17, 0}
		header = binary.BigEndian.AppendUint16(header, p.fragment<<3|p.fragment>>13)
		upper = append(binary.BigEndian.AppendUint32(header, p.number), upper...)
		next = 44
	}
	h := binary.BigEndian.AppendUint16([]byte{0x60, 0, 0, 0}, uint16(len(upper)))
	h = append(h, next, 64)
	h = append(append(h, p.src.AsSlice()...), p.dst.AsSlice()...)
	return append(h, upper...)
}

// reverse is the packet that answers p.
func (p packet) reverse() packet {
	p.src, p.dst = p.dst, p.src
	return p
}

// tagSets are those that a frame may have: none, one, two.
var tagSets = [][]uint32{
	nil, {0x8100_0064}, {0x8100_e007}, {0x8100_0000}, {0x88a8_0064, 0x8100_0065}, {0x8100_0001, 0x8100_0002},
}

// packets returns n packets of all kinds, of many pairs in both directions.
func packets(rnd *rand.Rand, n int) []packet {
	list := make([]packet, n)
	for i := range list {
		p := packet{number: uint32(i + 1), payload: 4 + rnd.IntN(1300), tags: tagSets[rnd.IntN(len(tagSets))]}
		a, b := rnd.IntN(16), rnd.IntN(16)
		if rnd.IntN(3) > 0 {
			p.src = netip.AddrFrom4([4]byte{10, 0, 0, byte(a)})
			p.dst = netip.AddrFrom4([4]byte{10, 0, 1, byte(b)})
		} else {
			p.src = netip.AddrFrom16([16]byte{0: 0x20, 1: 1, 15: byte(a)})
			p.dst = netip.AddrFrom16([16]byte{0: 0x20, 1: 1, 7: 9, 15: byte(b)})
		}
		switch rnd.IntN(8) {
		case 0:
			p.fragment = 0x2000 // the first one
		case 1:
			p.fragment = 0x2000 | 100
		case 2:
			p.fragment = 200 // the last one
		}
		if rnd.IntN(2) == 0 {
			p = p.reverse()
		}
		list[i] = p
	}
	return list
}

func frames(list []packet) [][]byte {
	all := make([][]byte, len(list))
	for i, p := range list {
		all[i] = p.frame()
	}
	return all
}
