package flowtable

import (
	"time"

	"github.com/weir-sensor/weir/packet"
	"github.com/weir-sensor/weir/payload"
)

// Interest says of which records the features are looked at where they are not written, and which ones: where any of its
// limits is met. Others are none's. The zero Interest is of no records.
type Interest struct {
	Silence  time.Duration // TCP, two packets of the client one after the other so far apart or more: its Interval, and SPLT; 0: none
	Packets  int           // TCP, so many packets with payload or more and a first packet that is known: SPLT and Packet; 0: none
	Whole    Framings      // of those: the client's first packet, by which it is seen to be the client, begins so; of others Length and Framing are all of Packet
	Framings Framings      // a first packet that begins so: its Framing; of UDP no other first packet is known
	Hellos   payload.Hello // UDP, any of these is known: Hello
}

// Framings is a set of framings.
type Framings uint32

const _ = uint(32 - payload.Framings) // there is room for all

// FramingsOf returns a set.
func FramingsOf(framings ...payload.Framing) (set Framings) {
	for _, f := range framings {
		set |= 1 << f
	}
	return set
}

// Has says whether the set has a framing.
func (s Framings) Has(f payload.Framing) bool { return s>>f&1 != 0 }

// Or returns the interest of either.
func (i Interest) Or(o Interest) Interest {
	return Interest{
		Silence: least(i.Silence, o.Silence), Packets: least(i.Packets, o.Packets), Whole: i.Whole | o.Whole,
		Framings: i.Framings | o.Framings, Hellos: i.Hellos | o.Hellos,
	}
}

// least returns the lower of two limits, of which 0 is none.
func least[T int | time.Duration](a, b T) T {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// mayLookAt says whether the features of the flow's record may be of interest, by what the flow itself tells.
func (m *measures) mayLookAt(f *flow) bool {
	return f.told.any(firstDone) || f.told.hello != 0 || m.maySilent(f)
}

// looksAt says whether the features of the flow's record, whose client is the end up, are of interest.
func (m *measures) looksAt(place uint32, f *flow, up int) bool {
	i, told := m.interest, &f.told
	if m.maySilent(f) && f.packets[up] > 1 && m.sums.at(place)[up].longest >= uint64(i.Silence) {
		return true
	}
	if told.any(firstDone) {
		if f.proto == packet.ProtoTCP && i.Packets > 0 && int(told.told) >= i.Packets {
			return true
		}
		for d, p := range m.packet.stats.at(place) {
			if told.packet(d) == firstDone && i.Framings.Has(p.Framing) {
				return true
			}
		}
	}
	return told.hello&i.Hellos != 0
}

// timed says whether the intervals of the flow's end d may be of interest: a server's are not, where a SYN told which end that is.
func (m *measures) timed(f *flow, d int) bool {
	return m.interest == nil || f.bits&(byMask|clientIsB) != flowBits(1-d)*clientIsB
}

// maySilent says whether an end of the flow may have been silent for as long as is of interest: for no longer than the flow
// lasts, where all packets came in the order of their times.
func (m *measures) maySilent(f *flow) bool {
	least := int64(m.interest.Silence)
	return least > 0 && f.proto == packet.ProtoTCP && (f.end-f.start >= least || f.quality&Late != 0)
}
