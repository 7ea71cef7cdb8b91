package flowtable

import (
	"fmt"
	"math"
	"math/rand"
	"slices"

	"github.com/weir-sensor/weir/packet"
	"github.com/weir-sensor/weir/payload"
)

// hostile makes packets that few programs would send. It follows some of them, so that not every flow is noise.
type hostile struct {
	rnd     *rand.Rand
	meter   *payload.Meter
	malice  int // percent of packets that are not what should come next
	time    int64
	clock   int64
	ordinal uint64
	streams map[uint16]*[2]hostileSide // by the client's port
}

type hostileSide struct{ isn, next uint32 }

// hostileInputs returns n packets, in order.
func hostileInputs(rnd *rand.Rand, n int) (inputs []Input) {
	h := &hostile{rnd: rnd, meter: payload.NewMeter(), malice: []int{0, 5, 30, 90}[rnd.Intn(4)],
		time: []int64{1_700_000_000 * second, 0, MinClock}[rnd.Intn(3)], streams: map[uint16]*[2]hostileSide{}}
	h.clock = h.time
	for range n {
		inputs = append(inputs, h.packet())
	}
	return inputs
}

func (h *hostile) bad() bool { return h.rnd.Intn(100) < h.malice }

func (h *hostile) packet() Input {
	h.step()
	h.ordinal += 1 + uint64(h.rnd.Intn(2))
	in := Input{Time: h.time, Clock: h.clock, Ordinal: h.ordinal}
	client, server := packet.Addr{Lo: 0xffff_0a00_0001}, packet.Addr{Lo: 0xffff_0a00_0002}
	if h.rnd.Intn(2) == 0 {
		client, server = server, client // each address is a client to some
	}
	in.Src, in.Dst, in.Version = client, server, 4
	down := h.rnd.Intn(2)
	in.SrcPort, in.DstPort = 5000, 443
	if client.Less(server) {
		in.SrcPort += 10
	}
	in.SrcPort += uint16(h.rnd.Intn(2))
	size := h.size()
	switch h.rnd.Intn(12) {
	default:
		in.Proto = packet.ProtoTCP
		size = h.segment(&in, down, size)
	case 0, 1:
		in.Proto = packet.ProtoUDP
	case 2:
		in.Proto = packet.ProtoICMP
		in.SrcPort, in.DstPort = 8, 0
		if h.rnd.Intn(3) == 0 {
			in.SrcPort, in.DstPort, in.Flags = 3, 1, packet.OneWay
		}
	case 3:
		in.Proto, in.SrcPort, in.DstPort, size = 47, 0, 0, 0
	}
	if down == 1 {
		in.Src, in.Dst = in.Dst, in.Src
		if in.Flags&packet.OneWay == 0 {
			in.SrcPort, in.DstPort = in.DstPort, in.SrcPort
		}
	}
	h.payload(&in, size)
	h.fragment(&in)
	in.Length, in.Wire = in.PayloadLen+40, in.PayloadLen+54
	return in
}

// step lets time pass, stand still, or go back.
func (h *hostile) step() {
	steps := [...]int64{0, 1, 999, 1000, 1_234_567, 50_000_000, 2 * second}
	d := steps[h.rnd.Intn(len(steps))]
	if h.bad() {
		d = [...]int64{-1, -500, -1_000_000, -second, -400 * second}[h.rnd.Intn(5)]
	} else if h.bad() && h.rnd.Intn(10) == 0 {
		d = [...]int64{400 * second, 90 * 60 * second, 30 * day}[h.rnd.Intn(3)]
	}
	h.time = min(max(h.time+d, MinClock), MaxClock)
	h.clock = max(h.clock, h.time)
}

func (h *hostile) size() uint32 {
	switch h.rnd.Intn(8) {
	case 0, 1, 2:
		return 0
	case 3:
		return uint32(1400 + h.rnd.Intn(2000))
	case 4:
		return 1
	}
	return uint32(1 + h.rnd.Intn(600))
}

// segment makes a TCP header for a payload of about that size, from client to server or, with d 1, back. It returns the
// size.
func (h *hostile) segment(in *Input, d int, size uint32) uint32 {
	s := h.streams[in.SrcPort]
	if s == nil || h.rnd.Intn(200) == 0 {
		s = new([2]hostileSide)
		for i := range s {
			s[i].isn = []uint32{h.rnd.Uint32(), math.MaxUint32 - uint32(h.rnd.Intn(2000)), 0, 1<<31 - uint32(h.rnd.Intn(1000))}[h.rnd.Intn(4)]
			s[i].next = s[i].isn + 1
		}
		h.streams[in.SrcPort] = s
	}
	self, peer := &s[d], &s[1-d]
	in.Seq, in.Ack, in.TCPFlags = self.next, peer.next, packet.ACK
	if self.next == self.isn+1 && h.rnd.Intn(3) > 0 || h.bad() && h.rnd.Intn(4) == 0 {
		in.Seq, in.TCPFlags = self.isn, packet.SYN
		if d == 1 {
			in.TCPFlags |= packet.ACK
		}
		if h.bad() && h.rnd.Intn(5) == 0 {
			in.Seq = h.rnd.Uint32()
		}
		if h.rnd.Intn(4) > 0 && !h.bad() {
			size = 0
		}
	}
	h.displace(in, self)
	switch h.rnd.Intn(60) {
	case 0:
		in.TCPFlags |= packet.FIN
	case 1:
		in.TCPFlags = packet.RST
	case 2:
		in.TCPFlags, in.Seq, in.Ack, in.Flags, size = 0, 0, 0, packet.HeaderCut, 0
	}
	if end := in.Seq + size; in.TCPFlags&packet.SYN == 0 && int32(end-self.next) > 0 {
		self.next = end
	}
	if in.TCPFlags&packet.SYN != 0 && size > 0 && self.next == self.isn+1 {
		self.next += size
	}
	return size
}

// displace moves a segment to where the stream does not go on.
func (h *hostile) displace(in *Input, self *hostileSide) {
	if in.TCPFlags&packet.SYN != 0 || h.rnd.Intn(100) >= 15 && !h.bad() {
		return
	}
	switch h.rnd.Intn(7) {
	case 0, 1:
		in.Seq = self.isn + 1 + uint32(h.rnd.Intn(1600)) // near the beginning
	case 2:
		in.Seq -= uint32(h.rnd.Intn(1000)) // overlap
	case 3:
		in.Seq += uint32(h.rnd.Intn(1000)) // hole
	case 4:
		in.Seq = self.isn + 1
	case 5:
		in.Seq = self.isn - uint32(h.rnd.Intn(100)) // before the first byte
	case 6:
		if h.bad() {
			in.Seq = h.rnd.Uint32()
		}
	}
}

// payload sets a payload of that size, of which not all may have been captured.
func (h *hostile) payload(in *Input, size uint32) {
	in.PayloadLen = size
	captured := make([]byte, size)
	from, values := byte(h.rnd.Intn(256)), 1+h.rnd.Intn(256)
	h.rnd.Read(captured)
	for i, b := range captured {
		captured[i] = from + byte(int(b)%values)
	}
	if size > 0 && (h.bad() || h.rnd.Intn(20) == 0) {
		captured = captured[:h.rnd.Intn(len(captured))]
		in.Flags |= packet.PayloadCut
	}
	in.PayloadCap = uint32(len(captured))
	in.Captured, in.Entropy = captured, h.meter.Entropy(captured)
}

// fragment makes fragments of some packets.
func (h *hostile) fragment(in *Input) {
	if h.malice == 0 || h.rnd.Intn(30) > 0 || in.Flags&packet.OneWay != 0 {
		return
	}
	in.FragID = uint32(h.rnd.Intn(2))
	if h.rnd.Intn(2) == 0 {
		in.Flags |= packet.FragFirst
		return
	}
	in.Flags |= packet.FragLater
	in.SrcPort, in.DstPort, in.TCPFlags, in.Seq, in.Ack = 0, 0, 0, 0, 0
}

// runHostile puts the packets through a table in pieces, and gives the packets the ports that the table finds for later
// fragments. What was captured is lent, and overwritten as soon as it is not any more.
func runHostile(cfg Config, inputs []Input, rnd *rand.Rand) (*run, error) {
	r := newRun(cfg, rnd.Uint64(), rnd.Intn)
	return r, r.hostile(inputs, rnd)
}

func (r *run) hostile(inputs []Input, rnd *rand.Rand) error {
	for rest := inputs; len(rest) > 0; {
		piece := rest[:min(1+rnd.Intn(40), len(rest))]
		rest = rest[len(piece):]
		lent := slices.Clone(piece)
		for i := range lent {
			lent[i].Captured = slices.Clone(lent[i].Captured)
		}
		r.table.Add(lent)
		for i := range lent {
			clear(lent[i].Captured)
			piece[i].Packet = lent[i].Packet
		}
		if err := r.check(r.table); err != nil {
			return fmt.Errorf("after Add: %w", err)
		}
		if rnd.Intn(3) == 0 {
			last := piece[len(piece)-1]
			if err := r.advance(last.Clock, last.Ordinal); err != nil {
				return err
			}
		}
	}
	if err := r.drain(inputs[len(inputs)-1].Clock); err != nil {
		return err
	}
	return r.check(r.table)
}

func hostileConfig(rnd *rand.Rand) Config {
	cfg := DefaultConfig()
	cfg.Features = []string{AllFeatures}
	if rnd.Intn(3) == 0 {
		cfg.Idle = IdleConfig{}
	}
	if rnd.Intn(3) > 0 {
		cfg.ActiveTimeout = 0
	}
	return cfg
}
