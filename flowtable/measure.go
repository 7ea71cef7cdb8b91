package flowtable

import (
	"math"
	"math/bits"
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
	// momentGroups are those for which a flow has sums.
	momentGroups = lengthGroup | intervalGroup | entropyGroup
	// everyGroups are those for which packets without payload count, too.
	everyGroups = lengthGroup | intervalGroup | firstGroup
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
// own, so that flows are no larger where features are off.
type measures struct {
	groups groupSet
	told   slab[progress]
	sums   slab[sums] // of momentGroups
	splt   slab[splt]
	firsts firsts
	packet firstPackets
	block  []Features // room for the features of the next records
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

// progress is how far a flow's first packets are told. It is apart from the sums, so that few cache lines hold that of many
// flows where nothing else is wanted.
type progress struct {
	first  [2]firstState
	packet [2]firstState // never firstOpen
	splt   uint8         // packets told, at most SPLTPackets

	hello     payload.Hello // with packetGroup, of UDP
	datagrams uint8         // with payload that were looked at for it, at most helloDatagrams
}

// helloDatagrams is how many datagrams of a UDP flow with payload are looked at for a DTLS hello: with ICE, some of STUN come
// before it.
const helloDatagrams = 24

// sums are what a flow's moments and means are made from.
type sums struct{ side [2]sideSums }

// sideSums are the sums of one end. Whole numbers make them exact, and the moments independent of rounding.
type sideSums struct {
	length    squares
	interval  squares
	span      uint64 // sum of the intervals, ns
	latest    int64  // time of the latest packet
	lengthMin uint32
	lengthMax uint32
	shortest  uint64 // interval, ns
	longest   uint64
	entropy   float64 // sum over the packets with captured payload, in their order
	measured  uint32  // how many these are
}

// splt holds a flow's first packets with payload.
type splt [SPLTPackets]struct {
	size int32  // negative from end b
	gap  uint32 // us
}

// squares is a sum of squares in 128 bits.
type squares struct{ hi, lo uint64 }

func (s *squares) add(v uint64) {
	hi, lo := bits.Mul64(v, v)
	var carry uint64
	s.lo, carry = bits.Add64(s.lo, lo, 0)
	s.hi += hi + carry
}

func newMeasures(cfg Config, shards int) *measures {
	groups := groupSetOf(cfg.Groups())
	if groups == 0 {
		return nil
	}
	return &measures{
		groups: groups,
		firsts: newFirsts(max(1, (cfg.MaxFirstPayloads+shards-1)/shards), groups&entropyGroup != 0),
		packet: firstPackets{meter: payload.NewMeter()},
	}
}

// open makes room at the place of a new flow, or of another part of one.
func (m *measures) open(place uint32) {
	m.told.grow(place)
	if m.groups&momentGroups != 0 {
		m.sums.grow(place)
		*m.sums.at(place) = sums{}
	}
	if m.groups&(spltGroup|burstGroup) != 0 {
		m.splt.grow(place)
	}
	if m.groups&firstGroup != 0 {
		m.firsts.states.grow(place)
	}
	if m.groups&packetGroup != 0 {
		m.packet.sides.grow(place)
	}
	*m.told.at(place) = progress{}
}

// next lets the features start anew in another part of the flow, but for those of the flow's beginning.
func (m *measures) next(place uint32) {
	m.forget(place)
	lost := [2]firstState{firstLost, firstLost}
	*m.told.at(place) = progress{first: lost, packet: lost, splt: SPLTPackets, datagrams: helloDatagrams}
	if m.groups&momentGroups != 0 {
		*m.sums.at(place) = sums{}
	}
}

// forget frees what the flow holds besides its places in the slabs.
func (m *measures) forget(place uint32) {
	for d, state := range m.told.at(place).first {
		if state == firstOpen {
			m.firsts.giveBack(m.firsts.states.at(place)[d].buffer)
		}
	}
}

// sees says whether a packet counts in any group. A packet of which not all is known does: it may lose a first packet.
func (m *measures) sees(in *Input) bool {
	return m.groups&everyGroups != 0 || in.PayloadLen > 0 || in.TCPFlags&packet.SYN != 0 ||
		in.Flags&(packet.HeaderCut|packet.FragFirst|packet.FragLater) != 0
}

// touch reads what the packets of the flows at the places will need, so that their cache misses overlap. Place 0 stands for
// none.
func (m *measures) touch(places []uint32, in []Input) (sum uint64) {
	for i, place := range places {
		if place == 0 || !m.sees(&in[i]) {
			continue
		}
		sum += uint64(m.told.at(place).splt)
		if m.groups&momentGroups != 0 {
			s := m.sums.at(place)
			sum += s.side[0].length.lo + s.side[1].length.lo
		}
	}
	for i, place := range places {
		if place == 0 || !m.sees(&in[i]) {
			continue
		}
		s := m.told.at(place)
		if m.groups&(spltGroup|burstGroup) != 0 && s.splt < SPLTPackets {
			sum += uint64(m.splt.at(place)[s.splt].gap)
		}
		if m.groups&firstGroup != 0 && min(s.first[0], s.first[1]) < firstDone {
			sum += uint64(m.firsts.states.at(place)[0].base)
		}
		if m.groups&packetGroup != 0 && min(s.packet[0], s.packet[1]) < firstDone {
			sum += uint64(m.packet.sides.at(place)[0].base)
		}
	}
	return sum
}

// touchAll reads what the records of the flows at the places will need.
func (m *measures) touchAll(places []uint32) (sum uint64) {
	for _, place := range places {
		told := int(m.told.at(place).splt)
		if m.groups&momentGroups != 0 {
			s := m.sums.at(place)
			sum += s.side[0].length.lo + s.side[0].longest + s.side[1].longest
		}
		if m.groups&(spltGroup|burstGroup) != 0 {
			p := m.splt.at(place)
			for i := 0; i < told; i += 8 {
				sum += uint64(p[i].gap)
			}
		}
		if m.groups&firstGroup != 0 {
			ends := m.firsts.states.at(place)
			sum += uint64(ends[0].base) + uint64(ends[1].base)
		}
		if m.groups&packetGroup != 0 {
			sum += uint64(m.packet.sides.at(place)[0].base)
		}
	}
	return sum
}

// add measures one packet from end d, before the flow has counted it.
func (m *measures) add(place uint32, f *flow, in *Input, d int) {
	if !m.sees(in) {
		return
	}
	if m.groups&momentGroups != 0 {
		m.addMoments(&m.sums.at(place).side[d], f.packets[d], in)
	}
	s := m.told.at(place)
	if m.groups&(spltGroup|burstGroup) != 0 && s.splt < SPLTPackets && in.PayloadLen > 0 {
		m.splt.at(place).add(s.splt, f, in, d)
		s.splt++
	}
	if m.groups&firstGroup != 0 && (s.first[d] < firstDone || s.first[1-d] == firstOpen) {
		m.firsts.add(place, &m.told, in, d)
	}
	if m.groups&packetGroup != 0 && s.packet[d] < firstDone {
		m.packet.add(&s.packet[d], &m.packet.sides.at(place)[d], in)
	}
	if m.groups&packetGroup != 0 && in.Proto == packet.ProtoUDP && in.PayloadLen > 0 && s.datagrams < helloDatagrams {
		s.datagrams++
		if in.Flags&(packet.FragFirst|packet.FragLater) == 0 {
			s.hello = s.hello.Then(in.Captured, int(in.PayloadLen))
		}
	}
}

// addMoments counts a packet in the sums of its end, of which so many came before.
func (m *measures) addMoments(side *sideSums, before uint32, in *Input) {
	if m.groups&lengthGroup != 0 {
		side.addLength(in.Length, before == 0)
	}
	if m.groups&intervalGroup != 0 {
		side.addInterval(in.Time, before)
	}
	if m.groups&entropyGroup != 0 && in.PayloadCap > 0 {
		side.entropy += in.Entropy
		side.measured++
	}
}

func (s *sideSums) addLength(length uint32, first bool) {
	s.length.add(uint64(length))
	if first || length < s.lengthMin {
		s.lengthMin = length
	}
	s.lengthMax = max(s.lengthMax, length)
}

// addInterval counts the time since the end's packet before, of which there were so many.
func (s *sideSums) addInterval(time int64, before uint32) {
	if before == 0 {
		s.latest = time
		return
	}
	span := uint64(max(0, time-s.latest))
	s.latest = max(s.latest, time)
	s.span += span
	s.interval.add(span)
	if before == 1 || span < s.shortest {
		s.shortest = span
	}
	s.longest = max(s.longest, span)
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

// features returns the features of the flow's record, whose client is the end up.
func (m *measures) features(place uint32, f *flow, up int) *Features {
	if len(m.block) == 0 {
		m.block = make([]Features, featureBlock)
	}
	r := &m.block[0]
	m.block = m.block[1:]
	s, none := m.told.at(place), sideSums{}
	for i, d := range [2]int{up, 1 - up} {
		side := &none
		if m.groups&momentGroups != 0 {
			side = &m.sums.at(place).side[d]
		}
		var lengths, intervals uint64 // values; none where the group is off
		if m.groups&lengthGroup != 0 {
			lengths = uint64(f.packets[d])
		}
		if m.groups&intervalGroup != 0 {
			intervals = uint64(max(f.packets[d], 1)) - 1
		}
		r.Length[i] = moments(lengths, f.bytes[d], side.length, uint64(side.lengthMin), uint64(side.lengthMax), 1)
		r.Interval[i] = moments(intervals, side.span, side.interval, side.shortest, side.longest, 1000)
		r.Entropy[i] = side.entropy / float64(side.measured)
		switch s.first[d] {
		case firstOpen:
			r.First[i] = m.firsts.ended(place, d)
		case firstDone:
			r.First[i] = m.firsts.states.at(place)[d].stats
		}
		if s.packet[d] == firstDone {
			r.Packet[i] = m.packet.sides.at(place)[d].stats
		}
	}
	r.Hello = s.hello
	if m.groups&(spltGroup|burstGroup) != 0 && f.bits&fixed == 0 {
		r.SPLT = s.splt
		for i, p := range m.splt.at(place)[:s.splt] {
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

// moments returns the moments of n whole numbers, in parts of unit, from their sum, the sum of their squares and their
// bounds. The variance is (n*sum(x^2) - sum(x)^2) / (n*(n-1)), its numerator computed exactly.
func moments(n, sum uint64, s squares, least, most uint64, unit float64) Moments {
	nan := math.NaN()
	if n == 0 {
		return Moments{nan, nan, nan, nan}
	}
	r := Moments{Mean: float64(sum) / float64(n) / unit, Std: nan, Min: float64(least) / unit, Max: float64(most) / unit}
	if n < 2 {
		return r
	}
	carry, w0 := bits.Mul64(n, s.lo)
	w2, w1 := bits.Mul64(n, s.hi)
	w1, carry = bits.Add64(w1, carry, 0)
	w2 += carry
	hi, lo := bits.Mul64(sum, sum)
	w0, carry = bits.Sub64(w0, lo, 0)
	w1, carry = bits.Sub64(w1, hi, carry)
	w2 -= carry
	numerator := math.Ldexp(float64(w2), 128) + math.Ldexp(float64(w1), 64) + float64(w0)
	r.Std = math.Sqrt(numerator/float64(n)/float64(n-1)) / unit
	return r
}
