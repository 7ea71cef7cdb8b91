package doctor

import "github.com/weir-sensor/weir/packet"

const (
	// maxFlows is how many TCP connections are watched; later ones are not.
	maxFlows = 1 << 17
	// talks is how many acknowledging packets of one direction show that somebody answers.
	talks = 4
)

// flows are the TCP connections that were seen, by direction.
type flows struct {
	table     map[flowKey]flow
	unwatched uint64 // packets of connections for which there was no room
}

// flowKey has the smaller end first.
type flowKey struct {
	a, b         packet.Addr
	aPort, bPort uint16
	version      uint8
}

// flow is what was seen from the smaller end (0) and from the larger one (1).
type flow struct {
	packets, acks    [2]uint32
	tagged, untagged [2]bool
}

func newFlows() flows { return flows{table: map[flowKey]flow{}} }

func (t *flows) add(p *packet.Packet) {
	k, from := flowKey{p.Src, p.Dst, p.SrcPort, p.DstPort, p.Version}, 0
	if p.Dst.Less(p.Src) || p.Dst == p.Src && p.DstPort < p.SrcPort {
		k, from = flowKey{p.Dst, p.Src, p.DstPort, p.SrcPort, p.Version}, 1
	}
	f, known := t.table[k]
	if !known && len(t.table) == maxFlows {
		t.unwatched++
		return
	}
	f.packets[from]++
	if p.TCPFlags&(packet.ACK|packet.RST) == packet.ACK {
		f.acks[from]++
	}
	if p.Flags&packet.HasVLAN != 0 {
		f.tagged[from] = true
	} else {
		f.untagged[from] = true
	}
	t.table[k] = f
}

// judged is what the connections say together.
type judged struct {
	talking  int // connections in which somebody acknowledges what the other end must have sent
	oneWay   int // of those, without a packet of that other end
	twoWay   int // connections with packets of both ends
	halfTags int // of those, with VLAN tags in one direction alone
}

func (t *flows) judge() (j judged) {
	for _, f := range t.table {
		both := f.packets[0] > 0 && f.packets[1] > 0
		if max(f.acks[0], f.acks[1]) >= talks {
			j.talking++
			if !both {
				j.oneWay++
			}
		}
		if !both {
			continue
		}
		j.twoWay++
		if f.tagged[0] && !f.untagged[0] && !f.tagged[1] || f.tagged[1] && !f.untagged[1] && !f.tagged[0] {
			j.halfTags++
		}
	}
	return j
}
