package sensor

import (
	"hash/maphash"
	"time"

	"github.com/weir-sensor/weir/capture"
	"github.com/weir-sensor/weir/packet"
)

const (
	dedupPackets = 8                     // a copy is among the last packets
	dedupTime    = 10 * time.Millisecond // and this close
)

// recent remembers the last packets' IP bytes, to find the second copies that a mirror of two ports gives.
type recent struct {
	seed  maphash.Seed
	begun bool
	ring  [dedupPackets]sighting
	next  int
}

type sighting struct {
	sum  uint64
	len  int
	time int64
}

// seen says whether the frame's IP packet is one of the last ones again, and remembers it where not.
func (r *recent) seen(f *capture.Frame, frame []byte) bool {
	ip := ipBytes(f, frame)
	if ip == nil {
		return false
	}
	if !r.begun {
		r.seed, r.begun = maphash.MakeSeed(), true
	}
	now := sighting{maphash.Bytes(r.seed, ip), len(ip), f.Time}
	for _, old := range r.ring {
		if old.len == now.len && old.sum == now.sum && max(now.time-old.time, old.time-now.time) <= int64(dedupTime) {
			return true
		}
	}
	r.ring[r.next] = now
	r.next = (r.next + 1) % dedupPackets
	return false
}

// ipBytes returns the captured bytes of the frame's outermost IP packet, nil where there is none.
func ipBytes(f *capture.Frame, frame []byte) []byte {
	var p packet.Packet
	if packet.Decode(&p, f.Link, frame, f.Wire, packet.Options{}) != packet.OK {
		return nil
	}
	ip := frame[p.IPOff:]
	return ip[:min(len(ip), int(p.Length))]
}
