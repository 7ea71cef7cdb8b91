package flowtable

import (
	"time"

	"github.com/weir-sensor/weir/packet"
)

// fragmentAge: a later fragment belongs to a first one this recent (RFC 791 suggests 15 s, RFC 8200 60 s).
const fragmentAge = 30 * time.Second

// fragments remembers the ports of first fragments, so that later ones, which have none, are counted in their flow.
type fragments struct {
	ports map[fragmentKey]fragmentPorts
	order []fragmentKey // a ring: the oldest is overwritten
	limit int           // of both
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

// resolve remembers a first fragment, or gives a later one the ports of its first: known is false for a later one whose
// first is not known. forgotten says that another first fragment had to go.
func (fr *fragments) resolve(p *packet.Packet, clock int64) (known, forgotten bool) {
	key := keyOf(p)
	first, ok := fr.ports[key]
	if p.Flags&packet.FragLater != 0 {
		if !ok || clock-first.clock > int64(fragmentAge) {
			return false, false
		}
		p.SrcPort, p.DstPort = first.src, first.dst
		p.Flags |= first.oneWay
		return true, false
	}
	now := fragmentPorts{src: p.SrcPort, dst: p.DstPort, oneWay: p.Flags & packet.OneWay, clock: clock}
	if !ok {
		if fr.ports == nil {
			fr.ports = make(map[fragmentKey]fragmentPorts)
		}
		if len(fr.order) < fr.limit {
			fr.order = append(fr.order, key)
		} else {
			delete(fr.ports, fr.order[fr.next])
			fr.order[fr.next] = key
			fr.next = (fr.next + 1) % fr.limit
			forgotten = true
		}
	}
	fr.ports[key] = now
	return true, forgotten
}
