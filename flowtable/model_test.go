package flowtable

import (
	"cmp"
	"slices"

	"github.com/weir-sensor/weir/packet"
)

// model is the flow table said as plainly as possible: a list of flows, all of which are looked at for every packet.
// Of TCP it knows what ends a connection and what begins another, for segments as scenario makes them; the states,
// histories and sequence statistics of TCP have tests of their own.
type model struct {
	cfg       Config
	flows     []*modelFlow
	fragments map[modelFragment]modelPorts
	records   []Record
	counters  Counters
}

type modelEnd struct {
	addr packet.Addr
	port uint16
}

// modelKey has the ends in the order of their addresses and ports, but as sent where there is no counterpart.
type modelKey struct {
	ends    [2]modelEnd
	proto   uint8
	version uint8
	oneWay  bool
	vlan    int // -1 where there is none or where it does not count
}

type modelFlow struct {
	key       modelKey
	r         Record // with Client as ends[0] until it is written
	client    int
	fixed     bool
	opened    int64 // clocks
	seen      int64
	spoke     [2]bool
	tcp       [2]modelTCP
	handshook bool
	reset     bool
}

type modelTCP struct {
	sent, syn, fin, over, established bool
	start, ack, finEnd                uint32
}

type modelFragment struct {
	src, dst packet.Addr
	id       uint32
	proto    uint8
	version  uint8
}

type modelPorts struct {
	src, dst uint16
	oneWay   packet.Flags
	clock    int64
}

func newModel(cfg Config) *model {
	return &model{cfg: cfg, fragments: map[modelFragment]modelPorts{}}
}

func (m *model) add(in Input) {
	m.expire(in.Clock)
	m.fragment(&in)
	key, d := m.keyOf(&in.Packet)
	f := m.find(key)
	if f != nil && f.begins(&in.Packet, d) {
		m.end(f, EndTCP, in.Clock, in.Ordinal)
		f = nil
	}
	if active := int64(m.cfg.ActiveTimeout); f != nil && active != 0 && in.Clock-f.opened >= active {
		m.write(f, EndActive, in.Clock, in.Ordinal)
		f.r = Record{Part: f.r.Part + 1, Start: in.Time, End: in.Time, Ordinal: in.Ordinal,
			ClientBy: f.r.ClientBy, VLAN: f.r.VLAN, HasVLAN: f.r.HasVLAN}
		f.opened, f.fixed = in.Clock, true
		m.counters.Opened++
	}
	if f == nil {
		f = &modelFlow{key: key, opened: in.Clock, r: Record{Start: in.Time, End: in.Time, Ordinal: in.Ordinal,
			VLAN: in.VLAN, HasVLAN: in.Flags&packet.HasVLAN != 0}}
		f.client, f.r.ClientBy = m.opener(&in.Packet, d)
		m.flows = append(m.flows, f)
		m.counters.Opened++
	}
	m.count(f, &in, d)
	if in.Proto == packet.ProtoTCP && in.Flags&packet.FragLater == 0 {
		f.segment(&in.Packet, d)
	}
}

func (m *model) fragment(in *Input) {
	key := modelFragment{in.Src, in.Dst, in.FragID, in.Proto, in.Version}
	if in.Flags&packet.FragFirst != 0 {
		m.fragments[key] = modelPorts{in.SrcPort, in.DstPort, in.Flags & packet.OneWay, in.Clock}
	}
	if in.Flags&packet.FragLater == 0 {
		return
	}
	m.counters.Fragments++
	if first, ok := m.fragments[key]; ok && in.Clock-first.clock <= 30*second {
		in.SrcPort, in.DstPort = first.src, first.dst
		in.Flags |= first.oneWay
	} else {
		m.counters.Orphans++
	}
}

// keyOf returns the packet's key and which of its ends sent it.
func (m *model) keyOf(p *packet.Packet) (modelKey, int) {
	src, dst := modelEnd{p.Src, p.SrcPort}, modelEnd{p.Dst, p.DstPort}
	k := modelKey{ends: [2]modelEnd{src, dst}, proto: p.Proto, version: p.Version, oneWay: p.Flags&packet.OneWay != 0, vlan: -1}
	if m.cfg.KeyVLAN && p.Flags&packet.HasVLAN != 0 {
		k.vlan = int(p.VLAN)
	}
	order := cmp.Or(cmp.Compare(src.addr.Hi, dst.addr.Hi), cmp.Compare(src.addr.Lo, dst.addr.Lo), cmp.Compare(src.port, dst.port))
	if !k.oneWay && order > 0 {
		k.ends[0], k.ends[1] = dst, src
		return k, 1
	}
	return k, 0
}

func (m *model) find(key modelKey) *modelFlow {
	for _, f := range m.flows {
		if f.key == key {
			return f
		}
	}
	return nil
}

// opener says which end is the client, from a flow's first packet.
func (m *model) opener(p *packet.Packet, d int) (int, ClientBy) {
	if p.Proto == packet.ProtoTCP && p.TCPFlags&packet.SYN != 0 {
		if p.TCPFlags&packet.ACK != 0 {
			return 1 - d, BySYNACK
		}
		return d, BySYN
	}
	known := func(port uint16) bool { return port > 0 && port < 1024 || slices.Contains(m.cfg.ServerPorts, port) }
	ports := p.Proto == packet.ProtoTCP || p.Proto == packet.ProtoUDP || p.Proto == packet.ProtoSCTP
	if ports && known(p.SrcPort) != known(p.DstPort) {
		if known(p.DstPort) {
			return d, ByPort
		}
		return 1 - d, ByPort
	}
	return d, ByFirst
}

func (m *model) count(f *modelFlow, in *Input, d int) {
	r := &f.r
	r.Packets[d]++
	r.Bytes[d] += uint64(in.Length)
	r.WireBytes[d] += uint64(in.Wire)
	r.Payload[d] += uint64(in.PayloadLen)
	if r.Packets[d] == 1 || in.TTL < r.TTLMin[d] {
		r.TTLMin[d] = in.TTL
	}
	if in.Flags&packet.PayloadCut != 0 {
		r.Quality |= Truncated
	}
	if in.Flags&packet.NoLength != 0 || in.Length > m.cfg.MTU {
		r.Quality |= Offload
	}
	if in.Time < in.Clock {
		r.Quality |= Late
	}
	r.End = max(r.End, in.Time)
	f.seen = in.Clock
	f.spoke[d] = true
}

// segment follows a connection as far as its end and its direction are concerned.
func (f *modelFlow) segment(p *packet.Packet, d int) {
	self, peer := &f.tcp[d], &f.tcp[1-d]
	syn, ack, rst := p.TCPFlags&packet.SYN != 0, p.TCPFlags&packet.ACK != 0, p.TCPFlags&packet.RST != 0
	f.r.TCPFlags[d] |= p.TCPFlags
	if syn && !ack && !f.fixed && f.r.ClientBy > BySYN {
		f.client, f.r.ClientBy = d, BySYN
	}
	if syn && ack && !f.fixed && f.r.ClientBy > BySYNACK {
		f.client, f.r.ClientBy = 1-d, BySYNACK
	}
	switch {
	case syn && (!self.sent || self.established && !self.over):
		self.start, self.ack = p.Seq, p.Seq
		if !self.sent && ack {
			self.established, peer.established = true, peer.syn
		}
	case !self.sent:
		self.start, self.ack = p.Seq-1, p.Seq-1
	}
	if ack && !peer.sent {
		peer.start = p.Ack - 1
	} else if ack && p.Ack > peer.ack {
		peer.ack = p.Ack
	}
	if p.TCPFlags&packet.FIN != 0 {
		self.fin, self.finEnd = true, p.Seq+p.PayloadLen+1
	}
	f.reset = f.reset || rst && self.sent
	f.handshook = f.handshook || ack && !syn && !rst
	self.over = self.over || self.fin || rst
	// A bare acknowledgement of a SYN that nobody has answered is no sign of life of its sender.
	early := !self.sent && !syn && !self.over && p.PayloadLen == 0 && d != f.client && peer.syn && !peer.established && !peer.over
	self.syn = self.syn || syn
	self.sent = self.sent || !early
}

// begins says whether the packet is the SYN of another connection: one that this flow has not seen from that end and
// that its peer has not answered.
func (f *modelFlow) begins(p *packet.Packet, d int) bool {
	if p.Proto != packet.ProtoTCP || p.TCPFlags&packet.SYN == 0 || p.TCPFlags&packet.ACK != 0 {
		return false
	}
	self := &f.tcp[d]
	return self.start != p.Seq || f.closed() && !self.sent
}

func (f *modelFlow) closed() bool {
	a, b := &f.tcp[0], &f.tcp[1]
	return f.reset || a.fin && b.fin && a.ack >= a.finEnd && b.ack >= b.finEnd
}

func (m *model) timeout(f *modelFlow) int64 {
	c := m.cfg.Idle
	switch f.key.proto {
	case packet.ProtoTCP:
		switch {
		case f.closed():
			return int64(c.TCPClosed)
		case f.handshook:
			return int64(c.TCP)
		}
		return int64(c.TCPEmbryonic)
	case packet.ProtoUDP:
		return int64(c.UDP)
	case packet.ProtoICMP, packet.ProtoICMPv6:
		return int64(c.ICMP)
	}
	return int64(c.Other)
}

// expire ends the flows that have been idle for their timeout.
func (m *model) expire(clock int64) {
	for _, f := range slices.Clone(m.flows) {
		timeout := m.timeout(f)
		if timeout == 0 || clock-f.seen < timeout {
			continue
		}
		reason := EndIdle
		if f.closed() {
			reason = EndTCP
		}
		m.end(f, reason, f.seen+timeout, f.r.Ordinal)
	}
}

func (m *model) end(f *modelFlow, reason EndReason, due int64, order uint64) {
	m.write(f, reason, due, order)
	m.flows = slices.DeleteFunc(m.flows, func(g *modelFlow) bool { return g == f })
}

func (m *model) shutdown(clock int64) {
	m.expire(clock)
	for len(m.flows) > 0 {
		m.end(m.flows[0], EndShutdown, noTime, m.flows[0].r.Ordinal)
	}
	slices.SortFunc(m.records, compareRecords)
}

func compareRecords(a, b Record) int {
	return cmp.Or(cmp.Compare(a.Written, b.Written), cmp.Compare(a.Order, b.Order))
}

func (m *model) write(f *modelFlow, reason EndReason, due int64, order uint64) {
	m.counters.Written[reason]++
	r := f.r
	if f.client == 1 {
		for _, swap := range []*[2]uint64{&r.Packets, &r.Bytes, &r.WireBytes, &r.Payload} {
			swap[0], swap[1] = swap[1], swap[0]
		}
		r.TCPFlags[0], r.TCPFlags[1] = r.TCPFlags[1], r.TCPFlags[0]
		r.TTLMin[0], r.TTLMin[1] = r.TTLMin[1], r.TTLMin[0]
	}
	client, server := f.key.ends[f.client], f.key.ends[1-f.client]
	r.Client, r.ClientPort, r.Server, r.ServerPort = client.addr, client.port, server.addr, server.port
	r.Proto, r.Version, r.ICMPOneWay = f.key.proto, f.key.version, f.key.oneWay
	r.EndReason, r.Written, r.Order = reason, due, order
	if r.Packets[Up] == 0 || r.Packets[Down] == 0 {
		r.Quality |= OneWay
	}
	if f.spoke[0] && f.spoke[1] {
		r.State = Established
	}
	m.records = append(m.records, r)
}

// comparable leaves out of a record what the model does not know: its id, and TCP's inner life.
func comparable(r Record) Record {
	r.ID, r.RTT, r.ConnState, r.History = 0, 0, 0, History{}
	if r.Proto == packet.ProtoTCP {
		r.State, r.Quality = 0, r.Quality&^Gaps
		r.Retransmits, r.OutOfOrder = [2]uint32{}, [2]uint32{}
	}
	return r
}
