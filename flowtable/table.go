package flowtable

import (
	"math"
	"math/bits"

	"github.com/weir-sensor/weir/packet"
)

// Input is one decoded packet with what the capture says of it.
type Input struct {
	packet.Packet
	Time    int64  // the packet's own timestamp, ns
	Clock   int64  // the latest timestamp in the input up to and including this packet, ns
	Ordinal uint64 // the packet's place in the input
	Wire    uint32 // the frame's original length, bytes

	// What the flow features need of the payload, where their groups are on.
	Entropy  float64 // of Captured, bits per byte
	Captured []byte  // the captured payload, borrowed until Add returns
}

// moment is when a record is due that the packet brings about.
func (in *Input) moment() Moment { return Moment{in.Clock, in.Ordinal} }

// Counters are the table's part of the ledger: Opened = open flows + the sum of Written.
type Counters struct {
	Opened    uint64             // records begun: flows, and parts of flows after the first
	Written   [EndReasons]uint64 // records written
	Pressure  uint64             // of those evicted: before the table was full, because it was nearly
	Fragments uint64             // later fragments counted
	Orphans   uint64             // of those: without their first fragment, counted under port 0
	Forgotten uint64             // first fragments that were forgotten because others came
	GivenUp   uint64             // first payloads that were given up because others began
}

// Table is the flow table of one shard. It is used by one goroutine.
type Table struct {
	cfg      Config
	seeds    [4]uint64
	limit    int // flows that it may hold
	high     int // flows above which it is under pressure
	relief   int // flows below which it is not any more
	pressed  bool
	minIdle  int64 // the shortest idle timeout
	servers  [65536 / 64]uint64
	index    index
	flows    slab[flow]
	free     []uint32 // places given back, the latest last
	made     uint32   // places used so far
	links    []link
	exts     []ext // exts[0] is not used
	freeExts []uint32
	queues   [queueCount]queue
	nextDue  int64
	frags    fragments
	counters Counters
	measures *measures // nil where no features are wanted

	hashes   [groupSize]uint32
	pending  []Record // written, in no order
	settle   Moment   // records before this have been handed out
	order    []place  // scratch of handOut
	closing  []place  // what is left to Drain
	held     int      // records written since sharpen
	patience int      // how many they may be
	clock    int64    // the input's, as far as the table knows
	added    bool     // packets came since the last Advance
}

const (
	groupSize   = 32 // packets looked up side by side
	sweepBudget = 32 // flows looked at per packet while some are due
)

// NewTable returns an empty table that holds cfg.MaxFlows/shards flows. Seed makes the hash unpredictable; nothing that
// is written depends on it.
func NewTable(cfg Config, shards int, seed [4]uint64) *Table {
	limit := max(1, (cfg.MaxFlows+shards-1)/shards)
	t := &Table{
		cfg:      cfg,
		seeds:    seed,
		limit:    limit,
		high:     max(1, int(cfg.Pressure*float64(limit))),
		relief:   max(1, int(cfg.Relief*float64(limit))),
		patience: 1<<14 + limit/16,
		index:    newIndex(),
		exts:     make([]ext, 1, 64),
		nextDue:  noTime,
		settle:   Moment{Time: MinClock},
		frags:    fragments{limit: max(1, (cfg.MaxFragments+shards-1)/shards)},
	}
	t.measures = newMeasures(cfg, shards, &t.flows)
	for port := range 1024 {
		t.servers[port/64] |= 1 << (port % 64)
	}
	t.servers[0] &^= 1
	for _, port := range cfg.ServerPorts {
		t.servers[port/64] |= 1 << (port % 64)
	}
	t.initQueues()
	t.minIdle = noTime
	for _, q := range t.queues {
		if q.timeout != 0 {
			t.minIdle = min(t.minIdle, q.timeout)
		}
	}
	return t
}

// Spare has the table compute only features of interest, and none for other records. It comes before the first Add.
func (t *Table) Spare(i Interest) {
	if t.measures != nil {
		t.measures.spare(i)
	}
}

// timeouts returns the idle timeouts by class, ns.
func (t *Table) timeouts() [idleClasses]int64 {
	c := &t.cfg.Idle
	return [...]int64{int64(c.TCP), int64(c.TCPEmbryonic), int64(c.TCPClosed), int64(c.UDP), int64(c.ICMP), int64(c.Other)}
}

// Open returns the number of open flows.
func (t *Table) Open() int { return t.index.used }

// Counters returns the counters so far.
func (t *Table) Counters() Counters {
	c := t.counters
	if t.measures != nil {
		c.GivenUp = t.measures.firsts.givenUp
	}
	return c
}

func (t *Table) flow(place uint32) *flow {
	return t.flows.at(place)
}

// Add counts the packets, in the order of their Clock, each in its flow. It changes the ports of later fragments to
// those of their flow. It does not allocate but for growth.
func (t *Table) Add(in []Input) {
	t.added = t.added || len(in) > 0
	for len(in) > 0 {
		n := min(len(in), groupSize)
		t.addGroup(in[:n])
		in = in[n:]
	}
}

// addGroup finds the flows of all packets before it counts any, so that their cache misses overlap.
func (t *Table) addGroup(in []Input) {
	mask := uint32(len(t.index.slots) - 1)
	var places [groupSize]uint32
	var ends [groupSize]int
	for i := range in {
		p := &in[i].Packet
		if p.Flags&(packet.FragFirst|packet.FragLater) != 0 {
			t.resolveFragment(&in[i])
		}
		ends[i] = sender(p)
		t.hashes[i] = t.hash(p, ends[i])
		places[i] = uint32(t.index.slots[t.hashes[i]&mask])
	}
	for _, place := range places[:len(in)] {
		if place != 0 {
			fetchFlow(t.flow(place))
		}
	}
	if t.measures != nil {
		t.measures.fetch(places[:len(in)], in, &ends)
	}
	for i := range in {
		t.add(&in[i], t.hashes[i], ends[i])
	}
}

func (t *Table) resolveFragment(in *Input) {
	known, forgotten := t.frags.resolve(&in.Packet, in.Clock)
	if forgotten {
		t.counters.Forgotten++
	}
	if in.Flags&packet.FragLater != 0 {
		t.counters.Fragments++
		if !known {
			t.counters.Orphans++
		}
	}
}

// add counts one packet from end d.
func (t *Table) add(in *Input, hash uint32, d int) {
	t.clock = in.Clock
	if in.Clock >= t.nextDue {
		t.sweep(in.Clock, sweepBudget)
	}
	place, f := t.find(&in.Packet, hash, d)
	generation := uint32(0)
	if f != nil {
		switch reason, due := t.over(f, in, d); reason {
		case goesOn:
		case EndActive:
			t.cut(place, f, in)
		default:
			// Of a flow that time has ended nothing may be known any more, so nothing may depend on it.
			if f.start == in.Time && due == in.moment() {
				generation = t.generation(f) + 1
			}
			t.end(place, f, reason, due)
			f = nil
		}
	}
	if f == nil {
		place, f = t.insert(in, hash, d, generation)
	}
	if t.measures != nil {
		t.measures.add(place, f, in, d)
	}
	t.count(f, in, d)
	if f.proto == packet.ProtoTCP {
		t.tcpPacket(place, f, in, d)
	} else {
		t.plainPacket(f, &in.Packet, d)
	}
}

// sender returns which end of the key sent the packet: 0 for a, the one with the lower address and port. An ICMP
// message without a counterpart always comes from a, for its answer is another flow.
func sender(p *packet.Packet) int {
	if p.Flags&packet.OneWay == 0 && (p.Dst.Less(p.Src) || p.Src == p.Dst && p.DstPort < p.SrcPort) {
		return 1
	}
	return 0
}

// hash mixes the key of a packet from end d, the same for both directions, with the seeds.
func (t *Table) hash(p *packet.Packet, d int) uint32 {
	vlan := uint16(0)
	if t.cfg.KeyVLAN && p.Flags&packet.HasVLAN != 0 {
		vlan = p.VLAN + 1
	}
	if d == 0 {
		return t.mix(p.Src, p.Dst, p.SrcPort, p.DstPort, p.Proto, vlan)
	}
	return t.mix(p.Dst, p.Src, p.DstPort, p.SrcPort, p.Proto, vlan)
}

func (t *Table) mix(a, b packet.Addr, portA, portB uint16, proto uint8, vlan uint16) uint32 {
	h := fold(a.Lo^t.seeds[0], b.Lo^t.seeds[1])
	if a.Hi|b.Hi != 0 {
		h = fold(a.Hi^h, b.Hi^t.seeds[2])
	}
	h = fold(h^uint64(portA)<<48^uint64(portB)<<32^uint64(vlan)<<16^uint64(proto), t.seeds[3])
	return uint32(h)
}

// fold multiplies to 128 bits and folds the halves.
func fold(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}

// find returns the open flow of the packet, or nil.
func (t *Table) find(p *packet.Packet, hash uint32, d int) (uint32, *flow) {
	mask := uint32(len(t.index.slots) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		s := t.index.slots[i]
		if s == 0 {
			return 0, nil
		}
		if uint32(s>>32) != hash {
			continue
		}
		if f := t.flow(uint32(s)); f.matches(p, d, t.cfg.KeyVLAN) {
			return uint32(s), f
		}
	}
}

func (f *flow) matches(p *packet.Packet, d int, keyVLAN bool) bool {
	if d == 0 {
		if f.a != p.Src || f.b != p.Dst || f.portA != p.SrcPort || f.portB != p.DstPort {
			return false
		}
	} else if f.a != p.Dst || f.b != p.Src || f.portA != p.DstPort || f.portB != p.SrcPort {
		return false
	}
	kind := kindOf(p)
	if keyVLAN && ((f.bits^kind)&hasVLAN != 0 || f.vlan != p.VLAN) {
		return false
	}
	return f.proto == p.Proto && (f.bits^kind)&(version6|oneWay) == 0
}

// kindOf returns the packet's facts that a flow keeps as bits.
func kindOf(p *packet.Packet) (k flowBits) {
	if p.Version == 6 {
		k |= version6
	}
	if p.Flags&packet.OneWay != 0 {
		k |= oneWay
	}
	if p.Flags&packet.HasVLAN != 0 {
		k |= hasVLAN
	}
	return k
}

// goesOn: the packet belongs to the flow as it is.
const goesOn = EndReasons

// over says whether the flow ended, or is to be cut, before the packet, and when that was.
func (t *Table) over(f *flow, in *Input, d int) (EndReason, Moment) {
	if in.Clock-f.end >= t.minIdle {
		if due := t.deadline(f); due <= in.Clock {
			return f.idleReason(), Moment{due, f.ordinal}
		}
	}
	if f.proto == packet.ProtoTCP && in.TCPFlags&packet.SYN != 0 && f.newConnection(&in.Packet, d) {
		return EndTCP, in.moment()
	}
	if active := int64(t.cfg.ActiveTimeout); active != 0 && in.Clock-f.start >= active && in.Clock-t.opened(f) >= active {
		return EndActive, in.moment()
	}
	if f.packets[d] == math.MaxUint32 {
		return EndActive, in.moment()
	}
	return goesOn, Moment{}
}

// idleReason is the reason of a flow that was quiet for its timeout.
func (f *flow) idleReason() EndReason {
	if f.tcpBits&ended != 0 {
		return EndTCP
	}
	return EndIdle
}

// insert opens a flow for the packet.
func (t *Table) insert(in *Input, hash uint32, d int, generation uint32) (uint32, *flow) {
	if t.index.used >= t.high || t.pressed {
		t.makeRoom(in.moment())
	}
	p := &in.Packet
	place := t.takePlace()
	f := t.flow(place)
	*f = flow{a: p.Src, b: p.Dst, portA: p.SrcPort, portB: p.DstPort, vlan: p.VLAN, proto: p.Proto, bits: kindOf(p),
		hash: hash, rtt: -1}
	if d == 1 {
		f.a, f.b, f.portA, f.portB = f.b, f.a, f.portB, f.portA
		f.bits |= firstIsB
	}
	client, by := t.guessClient(p, d)
	f.setClient(client, by)
	t.open(f, in)
	if t.measures != nil {
		t.measures.open(place)
	}
	if generation > 0 {
		t.extOf(f).generation = generation
	}
	t.index.insert(hash, place)
	t.enqueue(place, f)
	return place, f
}

func (t *Table) takePlace() uint32 {
	if n := len(t.free); n > 0 {
		place := t.free[n-1]
		t.free = t.free[:n-1]
		return place
	}
	t.made++ // place 0 is never used: an empty slot of the index
	t.flows.grow(t.made)
	t.links = append(t.links, make([]link, int(t.made)+sentinels+1-len(t.links))...)
	return t.made
}

// guessClient decides, at a flow's first packet, from end d, who opened the flow.
func (t *Table) guessClient(p *packet.Packet, d int) (client int, by ClientBy) {
	if p.Proto == packet.ProtoTCP {
		switch p.TCPFlags & (packet.SYN | packet.ACK) {
		case packet.SYN:
			return d, BySYN
		case packet.SYN | packet.ACK:
			return 1 - d, BySYNACK
		}
	}
	if p.Proto == packet.ProtoTCP || p.Proto == packet.ProtoUDP || p.Proto == packet.ProtoSCTP {
		src, dst := t.serverPort(p.SrcPort), t.serverPort(p.DstPort)
		switch {
		case dst && !src:
			return d, ByPort
		case src && !dst:
			return 1 - d, ByPort
		}
	}
	return d, ByFirst
}

func (t *Table) serverPort(port uint16) bool { return t.servers[port/64]>>(port%64)&1 != 0 }

func (f *flow) setClient(client int, by ClientBy) {
	f.bits = f.bits&^(clientIsB|byMask) | flowBits(by)<<byShift
	if client == 1 {
		f.bits |= clientIsB
	}
}

// plainPacket follows a flow that is not TCP.
func (t *Table) plainPacket(f *flow, p *packet.Packet, d int) {
	if f.proto == packet.ProtoUDP {
		if p.Flags&packet.BadChecksum != 0 {
			t.badChecksum(f, d)
		}
		f.letter(letterData, d)
		return
	}
	f.histSeen |= 1 << (seenBit[letterData] + uint8(d))
}

func (t *Table) badChecksum(f *flow, d int) {
	e := t.extOf(f)
	e.badChecksum[d]++
	t.scaledLetter(f, letterChecksum, d, e.badChecksum[d])
}

// tcpPacket follows a TCP flow.
func (t *Table) tcpPacket(place uint32, f *flow, in *Input, d int) {
	p := &in.Packet
	if p.Flags&packet.FragLater != 0 {
		return // no header
	}
	f.flags[d] |= p.TCPFlags
	if p.TCPFlags&packet.SYN != 0 && f.bits&fixed == 0 {
		if p.TCPFlags&packet.ACK == 0 && f.bits.clientBy() > BySYN {
			f.setClient(d, BySYN)
		} else if p.TCPFlags&packet.ACK != 0 && f.bits.clientBy() > BySYNACK {
			f.setClient(1-d, BySYNACK)
		}
	}
	if p.Flags&packet.BadChecksum != 0 {
		t.badChecksum(f, d)
	}
	t.trackTCP(place, f, in, d)
}
