package flowtable

import (
	"math"
	"slices"

	"github.com/weir-sensor/weir/packet"
	"github.com/weir-sensor/weir/payload"
)

// groupSet is a set of the groups of FeatureGroups, the first one bit 0.
type groupSet uint8

const (
	lengthGroup groupSet = 1 << iota
	intervalGroup
	entropyGroup
	firstGroup
	spltGroup
	burstGroup
	packetGroup
)

const (
	// sumGroups are those for which a flow has sums.
	sumGroups = intervalGroup | entropyGroup | packetGroup
	// everyGroups are those for which packets without payload count, too.
	everyGroups = lengthGroup | intervalGroup | firstGroup
	// toldGroups are those for which packets with payload are told one by one.
	toldGroups = spltGroup | burstGroup
)

func groupSetOf(names []string) (set groupSet) {
	for i, known := range FeatureGroups() {
		if slices.Contains(names, known) {
			set |= 1 << i
		}
	}
	return set
}

// measures computes the features of a table's flows. What it keeps of a flow lies at the flow's place in slabs of its
// own, so that flows are no larger where features are off; but for their progress.
type measures struct {
	tcp      groupSet  // groups of TCP flows
	others   groupSet  // of all other flows: some of them
	interest *Interest // of what records there are features; nil: of all
	flows    *slab[flow]
	lengths  slab[[2]lengthSums]
	sums     slab[sums] // of sumGroups
	splt     slab[splt]
	firsts   firsts
	packet   firstPackets
	block    []Features // room for the features of the next records
}

// slab is memory for one T at each place of the flows' slab. T holds no pointers.
type slab[T any] struct{ chunks []*[chunkFlows]T }

func (s *slab[T]) at(place uint32) *T { return &s.chunks[place>>chunkBits][place&(chunkFlows-1)] }

// grow makes room for the place, which is at most one chunk beyond what there is.
func (s *slab[T]) grow(place uint32) {
	if int(place>>chunkBits) == len(s.chunks) {
		s.chunks = append(s.chunks, new([chunkFlows]T))
	}
}

// helloDatagrams is how many datagrams of a UDP flow with payload are looked at for a DTLS hello: with ICE, some of STUN come
// before it. It is at most SPLTPackets.
const helloDatagrams = 24

// splt holds a flow's first packets with payload.
type splt [SPLTPackets]struct {
	size int32  // negative from end b
	gap  uint32 // us
}

func newMeasures(cfg Config, shards int, flows *slab[flow]) *measures {
	groups := groupSetOf(cfg.Groups())
	if groups == 0 {
		return nil
	}
	return &measures{
		tcp: groups, others: groups,
		flows:  flows,
		firsts: newFirsts(max(1, (cfg.MaxFirstPayloads+shards-1)/shards), groups&entropyGroup != 0, flows),
		packet: firstPackets{meter: payload.NewMeter()},
	}
}

// spare leaves out what is not of interest. It comes before the first packet.
func (m *measures) spare(i Interest) {
	if m.tcp&intervalGroup == 0 {
		i.Silence = 0
	}
	m.interest, m.others = &i, m.tcp&packetGroup
	m.packet.interest = m.interest
}

// groups returns the groups of a flow of the protocol.
func (m *measures) groups(proto uint8) groupSet {
	if proto == packet.ProtoTCP {
		return m.tcp
	}
	return m.others
}

// open makes room at the place of a new flow.
func (m *measures) open(place uint32) {
	if m.tcp&sumGroups != 0 {
		m.sums.grow(place)
	}
	if m.tcp&lengthGroup != 0 {
		m.lengths.grow(place)
	}
	if m.tcp&toldGroups != 0 {
		m.splt.grow(place)
	}
	if m.tcp&firstGroup != 0 {
		m.firsts.states.grow(place)
	}
	if m.tcp&packetGroup != 0 {
		m.packet.stats.grow(place)
	}
	m.begin(place)
}

// begin lets the flow's means start.
func (m *measures) begin(place uint32) {
	if m.tcp&entropyGroup != 0 {
		s := m.sums.at(place)
		s[0].entropy, s[0].measured, s[1].entropy, s[1].measured = 0, 0, 0, 0
	}
}

// next lets the features start anew in another part of the flow, but for those of the flow's beginning.
func (m *measures) next(place uint32, f *flow) {
	m.forget(place, f)
	f.told = over
	m.begin(place)
}

// forget frees what the flow holds besides its places in the slabs.
func (m *measures) forget(place uint32, f *flow) {
	for d := range 2 {
		if f.told.first(d) == firstOpen {
			m.firsts.giveBack(m.firsts.states.at(place)[d].buffer)
		}
	}
}

// see says whether a packet counts in any of the groups. A packet of which not all is known does: it may lose a first packet.
func (g groupSet) see(in *Input) bool {
	return g&everyGroups != 0 || g != 0 && (in.PayloadLen > 0 || in.TCPFlags&packet.SYN != 0 ||
		in.Flags&(packet.HeaderCut|packet.FragFirst|packet.FragLater) != 0)
}

// fetch fetches what the packets from these ends of the flows at the places will need. Place 0 stands for none.
func (m *measures) fetch(places []uint32, in []Input, ends *[groupSize]int) {
	for i, place := range places {
		in, d := &in[i], ends[i]
		groups := m.groups(in.Proto)
		if place == 0 || groups&^packetGroup == 0 || !groups.see(in) {
			continue
		}
		f := m.flows.at(place)
		if groups&intervalGroup != 0 && m.timed(f, d) || groups&entropyGroup != 0 {
			fetch(&m.sums.at(place)[d].span)
		}
		if groups&lengthGroup != 0 {
			fetch(&m.lengths.at(place)[d].square.lo)
		}
		if groups&firstGroup != 0 && min(f.told.first(0), f.told.first(1)) < firstDone {
			fetch32(&m.firsts.states.at(place)[0].base)
		}
		if in.PayloadLen == 0 || f.told.told == SPLTPackets {
			continue
		}
		if groups&toldGroups != 0 {
			fetch32(&m.splt.at(place)[f.told.told].gap)
		}
		if groups&packetGroup != 0 && f.told.packet(d) < firstDone {
			fetch32(&m.packet.stats.at(place)[d].Squares)
		}
	}
}

// fetchAll fetches what the records of the flows at the places will need.
func (m *measures) fetchAll(places []uint32) {
	for _, place := range places {
		f := m.flows.at(place)
		if m.interest != nil && !m.mayLookAt(f) {
			continue
		}
		groups := m.groups(f.proto)
		if groups&(intervalGroup|entropyGroup) != 0 {
			s := m.sums.at(place)
			fetch(&s[0].span)
			fetch(&s[1].span)
		}
		if groups&lengthGroup != 0 {
			fetch(&m.lengths.at(place)[0].square.lo)
		}
		if groups&toldGroups != 0 {
			p := m.splt.at(place)
			for i := 0; i < int(f.told.told); i += 8 {
				fetch32(&p[i].gap)
			}
		}
		if groups&firstGroup != 0 {
			ends := m.firsts.states.at(place)
			fetch32(&ends[0].base)
			fetch32(&ends[1].base)
		}
		if groups&packetGroup != 0 {
			fetch32(&m.packet.stats.at(place)[0].Squares)
		}
	}
}

// add measures one packet from end d, before the flow has counted it.
func (m *measures) add(place uint32, f *flow, in *Input, d int) {
	groups := m.groups(f.proto)
	if !groups.see(in) {
		return
	}
	if groups&lengthGroup != 0 {
		m.lengths.at(place)[d].add(in.Length, f.packets[d] == 0)
	}
	if groups&intervalGroup != 0 && m.timed(f, d) {
		m.sums.at(place)[d].addInterval(in.Time, f.packets[d])
	}
	if groups&entropyGroup != 0 && in.PayloadCap > 0 {
		side := &m.sums.at(place)[d]
		side.entropy += in.Entropy
		side.measured++
	}
	told := &f.told
	if groups&firstGroup != 0 && (told.first(d) < firstDone || told.first(1-d) == firstOpen) {
		m.firsts.add(place, told, in, d)
	}
	if groups&packetGroup != 0 && told.packet(d) < firstDone {
		m.packet.add(f, d, &m.sums.at(place)[d].base, m.packet.stats.at(place), in)
	}
	if in.PayloadLen > 0 && told.told < SPLTPackets {
		m.tell(place, f, in, d, groups)
	}
}

// tell looks at one of the flow's first packets with payload.
func (m *measures) tell(place uint32, f *flow, in *Input, d int, groups groupSet) {
	told := &f.told
	if groups&toldGroups != 0 {
		m.splt.at(place).add(told.told, f, in, d)
	}
	if groups&packetGroup != 0 && f.proto == packet.ProtoUDP && told.told < helloDatagrams && in.Flags&(packet.FragFirst|packet.FragLater) == 0 {
		told.hello = told.hello.Then(in.Captured, int(in.PayloadLen))
	}
	told.told++
}

func (s *splt) add(i uint8, f *flow, in *Input, d int) {
	size := int32(min(in.PayloadLen, math.MaxInt32))
	if d == 1 {
		size = -size
	}
	gap := int64(0)
	if f.packets != [2]uint32{} {
		gap = max(0, in.Time-f.end)
	}
	s[i].size, s[i].gap = size, uint32(min(gap/1000, math.MaxUint32))
}

// features returns the features of the flow's record, whose client is the end up; nil where they are not of interest.
func (m *measures) features(place uint32, f *flow, up int) *Features {
	if m.interest != nil && !m.looksAt(place, f, up) {
		return nil
	}
	if len(m.block) == 0 {
		m.block = make([]Features, featureBlock)
	}
	r := &m.block[0]
	m.block = m.block[1:]
	groups, told := m.groups(f.proto), &f.told
	for i, d := range [2]int{up, 1 - up} {
		var lengths, intervals uint64 // values; none where the group is off
		var length lengthSums
		if groups&lengthGroup != 0 {
			lengths, length = uint64(f.packets[d]), m.lengths.at(place)[d]
		}
		var side sideSums
		if groups&(intervalGroup|entropyGroup) != 0 {
			side = m.sums.at(place)[d]
		}
		if groups&intervalGroup != 0 && m.timed(f, d) {
			intervals = uint64(max(f.packets[d], 1)) - 1
		}
		r.Length[i] = moments(lengths, f.bytes[d], length.square, uint64(length.least), uint64(length.most), 1)
		r.Interval[i] = moments(intervals, side.span, side.interval, side.shortest, side.longest, 1000)
		r.Entropy[i] = side.entropy / float64(side.measured)
		switch told.first(d) {
		case firstOpen:
			r.First[i] = m.firsts.ended(place, d)
		case firstDone:
			r.First[i] = m.firsts.states.at(place)[d].stats
		}
		if told.packet(d) == firstDone {
			r.Packet[i] = m.packet.stats.at(place)[d]
		}
	}
	r.Hello = told.hello
	if groups&toldGroups != 0 && f.bits&fixed == 0 {
		r.SPLT = told.told
		for i, p := range m.splt.at(place)[:told.told] {
			r.Sizes[i], r.Gaps[i] = p.size, p.gap
			if up == 1 {
				r.Sizes[i] = -p.size
			}
		}
	}
	return r
}

// featureBlock is how many records' features are allocated at a time.
const featureBlock = 64
