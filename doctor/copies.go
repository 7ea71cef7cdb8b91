package doctor

import (
	"encoding/binary"
	"hash/maphash"
	"math/bits"
	"time"

	"github.com/weir-sensor/weir/capture"
	"github.com/weir-sensor/weir/packet"
)

// copyTime is how close two copies of a packet are.
const copyTime = 10 * time.Millisecond

// copySlots is how many packets are remembered at most: those of 10 ms at some millions a second.
const copySlots = 1 << 16

// copies finds packets that were seen twice. A packet stays where its sum says until another one needs the place.
type copies struct {
	seed  maphash.Seed
	slots []sighting

	eligible uint64 // packets of which a copy can be told from another packet that is equal
	same     uint64 // seen a second time as they were
	routed   uint64 // seen a second time with another hop count: on both sides of a router
}

type sighting struct {
	sum  uint64
	time int64
	len  uint32
	ttl  uint8
}

func newCopies() copies { return copies{seed: maphash.MakeSeed(), slots: make([]sighting, copySlots)} }

// add counts a packet. Left out are those that hosts send twice in the same words: without an IPv4 identification and
// without payload, as acknowledgements of IPv6.
func (c *copies) add(f *capture.Frame, p *packet.Packet, frame []byte) {
	ip := frame[p.IPOff:]
	ip = ip[:min(len(ip), int(p.Length))]
	if p.PayloadLen == 0 && (p.Version != 4 || binary.BigEndian.Uint16(ip[4:]) == 0) {
		return
	}
	c.eligible++
	now := sighting{sum: c.sum(ip, p.Version), time: f.Time, len: uint32(len(ip)), ttl: p.TTL}
	slot := &c.slots[now.sum%copySlots]
	if apart := now.time - slot.time; slot.sum == now.sum && slot.len == now.len && max(apart, -apart) <= int64(copyTime) {
		if slot.ttl == now.ttl {
			c.same++
		} else {
			c.routed++
		}
	}
	*slot = now
}

// sum is that of an IP packet without what a router changes: the hop count and the IPv4 header's checksum.
func (c *copies) sum(ip []byte, version uint8) uint64 {
	const header = 20 // the whole of it, or half of IPv6's
	var fixed [header]byte
	copy(fixed[:], ip)
	if version == 4 {
		fixed[8], fixed[10], fixed[11] = 0, 0, 0
	} else {
		fixed[7] = 0
	}
	return maphash.Bytes(c.seed, fixed[:]) ^ bits.RotateLeft64(maphash.Bytes(c.seed, ip[min(header, len(ip)):]), 1)
}
