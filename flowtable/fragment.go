package flowtable

import (
	"time"

	"github.com/weir-sensor/weir/packet"
)

const (
	fragmentAge = 30 * time.Second // a later fragment belongs to a first one this recent (RFC 791 suggests 15 s, RFC 8200 60 s)
	fragmentCap = 8192             // first fragments remembered per shard; the oldest is forgotten
)

// fragments remembers the ports of first fragments, so that later ones, which have none, are counted in their flow.
type fragments struct {
	ports map[fragmentKey]fragmentPorts
	order [fragmentCap]fragmentKey // a ring: the oldest is overwritten
	next  int
}

type fragmentKey struct {
	src, dst packet.Addr
	id       uint32
	proto    uint8
	version  uint8
}

type fragmentPorts struct {
	src, dst uint16
	oneWay   packet.Flags
	clock    int64
}

func keyOf(p *packet.Packet) fragmentKey {
	return fragmentKey{src: p.Src, dst: p.Dst, id: p.FragID, proto: p.Proto, version: p.Version}
}

// resolve remembers a first fragment, or gives a later one the ports of its first. It returns false for a later one
// whose first is not known.
func (fr *fragments) resolve(p *packet.Packet, clock int64) bool {
	key := keyOf(p)
	known, ok := fr.ports[key]
	if p.Flags&packet.FragLater != 0 {
		if !ok || clock-known.clock > int64(fragmentAge) {
			return false
		}
		p.SrcPort, p.DstPort = known.src, known.dst
		p.Flags |= known.oneWay
		return true
	}
	now := fragmentPorts{src: p.SrcPort, dst: p.DstPort, oneWay: p.Flags & packet.OneWay, clock: clock}
	if !ok {
		if fr.ports == nil {
			fr.ports = make(map[fragmentKey]fragmentPorts, fragmentCap)
		}
		if len(fr.ports) == fragmentCap {
			delete(fr.ports, fr.order[fr.next])
		}
		fr.order[fr.next] = key
		fr.next = (fr.next + 1) % fragmentCap
	}
	fr.ports[key] = now
	return true
}
