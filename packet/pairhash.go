package packet

import (
	"encoding/binary"
	"math/bits"
)

// HashPair returns a hash of two addresses that does not depend on their order. Its seed is fixed: it spreads host
// pairs over shards, the same ones in every run, and is not meant to withstand an adversary.
func HashPair(a, b Addr) uint32 {
	// Each address is mixed by itself, so that the sum tells {a, b} from {c, d} even where their xors are equal.
	h := mix(a) + mix(b)
	hi, lo := bits.Mul64(h, 0x9e3779b97f4a7c15)
	return uint32((hi ^ lo) >> 16)
}

// mix folds an address into 64 well-mixed bits by one wide multiplication.
func mix(a Addr) uint64 {
	hi, lo := bits.Mul64(a.Hi^0xa0761d6478bd642f, a.Lo^0xe7037ed1a0b428db)
	return hi ^ lo
}

// PairHash returns HashPair of the addresses that Decode reports for the frame of the original length wire: the same for both directions, for
// every fragment of a packet, and for the inner addresses where opt opens a tunnel. For a frame that Decode refuses
// it returns some number that depends on nothing but its arguments. It reads no more of a usual frame than the
// addresses, and like Decode neither allocates nor panics.
func PairHash(link uint16, frame []byte, wire uint32, opt Options) uint32 {
	off := 0
	version := 0
	switch link {
	case LinkEthernet:
		off, version = ethernetIP(frame)
	case LinkRaw, LinkRawBSD, LinkRawOBSD:
		if len(frame) > 0 {
			version = int(frame[0] >> 4)
		}
	case LinkSLL:
		if len(frame) >= 16 {
			off, version = 16, ipVersion(binary.BigEndian.Uint16(frame[14:]))
		}
	}
	switch version {
	case 4:
		if b := frame[off:]; len(b) >= 20 && (opt.Tunnels == 0 || b[9] == ProtoTCP) {
			return HashPair(AddrFrom4(b[12:16]), AddrFrom4(b[16:20]))
		}
	case 6:
		if b := frame[off:]; len(b) >= 40 && (opt.Tunnels == 0 || b[6] == ProtoTCP) {
			return HashPair(AddrFrom16(b[8:24]), AddrFrom16(b[24:40]))
		}
	}
	var p Packet
	opt.Checksums = false
	if Decode(&p, link, frame, wire, opt) != OK {
		return 0
	}
	return HashPair(p.Src, p.Dst)
}

// ethernetIP returns where the IP packet begins in an Ethernet frame that has nothing but VLAN tags before it, and
// its version, or version 0 for any other frame.
func ethernetIP(frame []byte) (off, version int) {
	for off = 14; off <= len(frame) && off <= 14+4*maxTags; off += 4 {
		switch t := binary.BigEndian.Uint16(frame[off-2:]); t {
		case etherVLAN, etherQinQ, etherQinQOld:
		default:
			return off, ipVersion(t)
		}
	}
	return 0, 0
}

// ipVersion returns the version of IP that an EtherType announces, or 0.
func ipVersion(etherType uint16) int {
	switch etherType {
	case etherIPv4:
		return 4
	case etherIPv6:
		return 6
	}
	return 0
}
