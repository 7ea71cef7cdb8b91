package packet

import (
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
)

// AppendCommunityID appends the flow's Community ID v1 ("1:" and a SHA-1 in base64, 30 bytes) to dst and returns the
// longer slice; it allocates only where dst has no room. Both directions of a flow give the same identifier, except
// that a one-way ICMP message (OneWay) has no other direction. version is 4 or 6; the ports are those of Packet, and
// count only for the protocols that have them (https://github.com/corelight/community-id-spec).
func AppendCommunityID(dst []byte, seed uint16, version, proto uint8, src, dstAddr Addr, srcPort, dstPort uint16,
	oneWay bool) []byte {
	sum := communitySum(seed, version, proto, src, dstAddr, srcPort, dstPort, oneWay)
	dst = append(dst, '1', ':')
	return base64.StdEncoding.AppendEncode(dst, sum[:])
}

// communitySum returns the SHA-1 that a Community ID shows: over the seed, the lesser endpoint's address and the
// other's, the protocol, a zero byte, and the two ports in the same order.
func communitySum(seed uint16, version, proto uint8, src, dst Addr, srcPort, dstPort uint16, oneWay bool) [20]byte {
	if !oneWay && (dst.Less(src) || dst == src && dstPort < srcPort) {
		src, dst = dst, src
		srcPort, dstPort = dstPort, srcPort
	}
	var buf [40]byte
	b := binary.BigEndian.AppendUint16(buf[:0], seed)
	b = src.appendTo(b, version)
	b = dst.appendTo(b, version)
	b = append(b, proto, 0)
	switch proto {
	case ProtoICMP, ProtoTCP, ProtoUDP, ProtoICMPv6, ProtoSCTP:
		b = binary.BigEndian.AppendUint16(b, srcPort)
		b = binary.BigEndian.AppendUint16(b, dstPort)
	}
	return sha1.Sum(b)
}

// appendTo appends the address's 4 or 16 bytes as they are on the wire.
func (a Addr) appendTo(b []byte, version uint8) []byte {
	if version == 4 {
		return binary.BigEndian.AppendUint32(b, uint32(a.Lo))
	}
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(b, a.Hi), a.Lo)
}
