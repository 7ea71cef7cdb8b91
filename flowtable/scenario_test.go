package flowtable

import (
	"time"

	"github.com/weir-sensor/weir/packet"
)

// scenario reads a configuration and a packet sequence out of any bytes: few hosts and ports, so that keys collide,
// and times that stand still, creep, jump by seconds, days and years, and go backwards.
type scenario struct {
	cfg    Config
	inputs []Input
}

const (
	scenarioHeader = 4
	scenarioStep   = 6
	day            = 24 * 3600 * second
)

func readScenario(data []byte) scenario {
	s := scenario{cfg: DefaultConfig()}
	if len(data) < scenarioHeader {
		return s
	}
	s.cfg.MaxFlows = 1 << 20
	s.cfg.KeyVLAN = data[0]&1 != 0
	s.cfg.ActiveTimeout = [...]time.Duration{0, time.Millisecond, 7 * time.Second, 300 * time.Second, 720 * time.Hour}[data[1]%5]
	s.cfg.ServerPorts = []uint16{8443}
	switch data[2] % 6 {
	case 0:
		s.cfg.Idle = IdleConfig{}
	case 1:
		s.cfg.Idle = IdleConfig{TCP: time.Millisecond, TCPEmbryonic: 3 * time.Millisecond, TCPClosed: time.Hour,
			UDP: time.Millisecond, ICMP: 1234567, Other: 720 * time.Hour}
	case 2:
		s.cfg.Idle = IdleConfig{TCP: 10 * time.Second, TCPClosed: 500 * time.Second, UDP: 720 * time.Hour, Other: time.Second}
	}
	time := [...]int64{1_700_000_000 * second, 0, MinClock, MaxClock - 40*day}[data[3]%4]
	data = data[scenarioHeader:]
	clock := time
	for n := uint64(1); len(data) >= scenarioStep; n++ {
		step := data[:scenarioStep]
		data = data[scenarioStep:]
		time = min(max(time+timeStep(step[0], step[1]), MinClock), MaxClock)
		clock = max(clock, time)
		in := Input{Time: time, Clock: clock, Ordinal: n * 3}
		readPacket(&in, step[2], step[3], step[4], step[5])
		s.inputs = append(s.inputs, in)
	}
	return s
}

// timeStep returns how far the packet's time is from the one before it.
func timeStep(kind, n byte) int64 {
	steps := [...]int64{0, 0, 1, 1000, 1_000_000, 1_000_000, 10_000_000, 100_000_000, second, second, 5 * second, 10 * second,
		30 * second, 60 * second, 300 * second, -1, -1_000_000, -second, -30 * second, -400 * second}
	switch {
	case kind >= 254:
		return 365 * day * int64(n)
	case kind >= 252:
		return day * int64(n)
	case kind >= 250:
		return -30 * day * int64(n)
	}
	step := steps[int(kind)%len(steps)]
	if n&1 != 0 {
		return step * int64(n>>1&7)
	}
	return step + int64(n>>1)
}

func readPacket(in *Input, kind, ends, size, extra byte) {
	in.Version, in.TTL, in.Wire = 4, extra>>3, 14+uint32(size)
	in.Length, in.PayloadLen = uint32(size)*7, uint32(size&15)
	if extra&4 != 0 {
		in.Flags, in.VLAN = packet.HasVLAN, uint16(extra>>3&1)
	}
	if size == 255 {
		in.Flags |= packet.NoLength
	} else if size == 254 {
		in.Flags |= packet.PayloadCut
	}
	hosts := [...]packet.Addr{{Lo: 0xffff_0a00_0001}, {Lo: 0xffff_0a00_0002}, {Lo: 0xffff_c0a8_0101}, {Hi: 0x2001 << 48, Lo: 1}}
	in.Src, in.Dst = hosts[ends&3], hosts[ends>>2&3]
	if in.Src.Hi != 0 || in.Dst.Hi != 0 || extra&3 == 3 {
		in.Version = 6
	}
	switch kind % 8 {
	case 0, 1, 2, 3:
		readSegment(in, kind>>3, ends>>4)
	case 4, 5:
		in.Proto = packet.ProtoUDP
		ports := [...]uint16{53, 5000, 6000, 8443}
		in.SrcPort, in.DstPort = ports[ends>>4&3], ports[ends>>6&3]
	case 6:
		readICMP(in, kind>>3)
	default:
		in.Proto = [...]uint8{packet.ProtoSCTP, 47}[kind>>3&1]
		if in.Proto == packet.ProtoSCTP {
			in.SrcPort, in.DstPort = uint16(ends>>4&1)*100, 5000
		}
	}
	if kind>>3 >= 29 {
		readFragment(in, size)
	}
}

// readFragment makes a first or a later fragment of the packet.
func readFragment(in *Input, size byte) {
	in.FragID = uint32(size >> 1 & 1)
	in.Src.Lo |= 2 // of two hosts only
	in.Dst.Lo |= 3
	if size&1 == 0 {
		in.Flags |= packet.FragFirst
		return
	}
	in.Flags = in.Flags&^packet.OneWay | packet.FragLater
	in.SrcPort, in.DstPort, in.TCPFlags, in.Seq, in.Ack = 0, 0, 0, 0, 0
}

func readICMP(in *Input, kind byte) {
	in.Proto = packet.ProtoICMP
	if in.Version == 6 {
		in.Proto = packet.ProtoICMPv6
	}
	switch kind % 3 {
	case 0:
		in.SrcPort, in.DstPort = 8, 0
	case 1:
		in.SrcPort, in.DstPort = 0, 8
	default:
		in.SrcPort, in.DstPort = 3, 1
		in.Flags |= packet.OneWay
	}
}

// readSegment makes a segment of one of two connections between two hosts. Of each connection one end sends SYN and
// the other SYN-ACK; the ports of the second mislead about who is the server, and it has no SYN-ACK. The sequence
// numbers leave a hole after the SYN, so that no number but a SYN's own is one before the first byte.
func readSegment(in *Input, kind, ends byte) {
	in.Proto = packet.ProtoTCP
	in.Window = 1000
	client := ends&1 == 0
	ports := [2]uint16{40000, 80}
	if ends&2 != 0 {
		ports = [2]uint16{443, 40000}
	}
	if !client {
		ports[0], ports[1] = ports[1], ports[0]
		in.Src, in.Dst = in.Dst, in.Src
	}
	in.SrcPort, in.DstPort = ports[0], ports[1]
	isn, peer := uint32(1000), uint32(50_000)
	if !client {
		isn, peer = peer, isn
	}
	in.Seq, in.Ack, in.TCPFlags = isn+100+uint32(kind>>3)*4, peer+1, packet.ACK
	if kind&8 != 0 {
		in.Ack = peer + 40_000
	}
	switch kind & 7 {
	case 0, 1:
		in.PayloadLen = 0
		in.Seq = isn
		if client {
			in.Seq += uint32(kind>>3) * 10_000
			in.TCPFlags, in.Ack = packet.SYN, 0
		} else if ends&2 == 0 {
			in.TCPFlags = packet.SYN | packet.ACK
		}
	case 2:
		in.TCPFlags, in.Ack = packet.RST, 0
	case 3, 4:
		in.TCPFlags |= packet.FIN
	case 5:
		in.TCPFlags |= packet.PSH
	}
}
