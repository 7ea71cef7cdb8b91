package packet

import (
	"bytes"
	"testing"
)

// What the packets of build_test.go are, decoded. Where the payload begins is added by each case.
var (
	addr1 = Addr{0, 0xffff_0a00_0001}
	addr2 = Addr{0, 0xffff_0a00_0002}
	addr3 = Addr{0x20010db8_00000000, 1}
	addr4 = Addr{0x20010db8_00000000, 2}

	wantTCP4 = Packet{
		Src: addr1, Dst: addr2, SrcPort: 1234, DstPort: 80, Proto: 6, Version: 4, TTL: 64, TCPFlags: PSH | ACK,
		Window: 8192, Length: 45, PayloadLen: 5, PayloadCap: 5, Seq: 0x01020304, Ack: 0x05060708,
	}
	wantTCP6 = Packet{
		Src: addr3, Dst: addr4, SrcPort: 1234, DstPort: 80, Proto: 6, Version: 6, TTL: 64, TCPFlags: PSH | ACK,
		Window: 8192, Length: 65, PayloadLen: 5, PayloadCap: 5, Seq: 0x01020304, Ack: 0x05060708,
	}
	wantUDP4 = Packet{
		Src: addr1, Dst: addr2, SrcPort: 5353, DstPort: 53, Proto: 17, Version: 4, TTL: 64,
		Length: 33, PayloadLen: 5, PayloadCap: 5,
	}
	wantUDP6 = Packet{
		Src: addr3, Dst: addr4, SrcPort: 5353, DstPort: 53, Proto: 17, Version: 6, TTL: 64,
		Length: 53, PayloadLen: 5, PayloadCap: 5,
	}
)

// with returns a copy of p with its payload at off and whatever else change does.
func (p Packet) with(off uint32, change func(*Packet)) Packet {
	p.PayloadOff = off
	if change != nil {
		change(&p)
	}
	return p
}

// flags and vlan are the commonest changes.
func flags(f Flags) func(*Packet) { return func(p *Packet) { p.Flags |= f } }
func vlan(id uint16) func(*Packet) {
	return func(p *Packet) { p.Flags |= HasVLAN; p.VLAN = id }
}

type sample struct {
	name  string
	link  uint16
	frame []byte
	opt   Options
	want  Packet
}

var hello = "hello"

// linkSamples: every link type and encapsulation, with the same TCP segment inside.
func linkSamples() []sample {
	tcp, six := v4(ProtoTCP, tcp4(hello)), v6(ProtoTCP, tcp6(hello))
	return []sample{
		{"ethernet", 1, eth(0x0800, tcp), Options{}, wantTCP4.with(54, nil)},
		{"ethernet ipv6", 1, eth(0x86dd, six), Options{}, wantTCP6.with(74, nil)},
		{"ethernet padded", 1, eth(0x0800, tcp, make([]byte, 9)), Options{}, wantTCP4.with(54, nil)},
		{"802.1q", 1, eth(0x8100, h("a064 0800"), tcp), Options{}, wantTCP4.with(58, vlan(100))},
		{"priority tag", 1, eth(0x8100, h("e000 86dd"), six), Options{}, wantTCP6.with(78, vlan(0))},
		{"qinq", 1, eth(0x88a8, h("00c8 8100 0064 0800"), tcp), Options{}, wantTCP4.with(62, vlan(200))},
		{"0x9100", 1, eth(0x9100, h("0fff 8100 0064 86dd"), six), Options{}, wantTCP6.with(82, vlan(4095))},
		{"llc snap", 1, eth(53, h("aaaa03 000000 0800"), tcp), Options{}, wantTCP4.with(62, nil)},
		{"llc ip", 1, eth(48, h("060603"), tcp), Options{}, wantTCP4.with(57, nil)},
		{"vlan llc snap", 1, eth(0x8100, h("0001 0035 aaaa03 0000f8 0800"), tcp), Options{}, wantTCP4.with(66, vlan(1))},
		{"mpls", 1, eth(0x8847, h("00010040 00011140"), tcp), Options{}, wantTCP4.with(62, nil)},
		{"mpls ipv6", 1, eth(0x8848, h("00011140"), six), Options{}, wantTCP6.with(78, nil)},
		{"mpls pseudowire", 1, eth(0x8847, h("00011140"), eth(0x0800, tcp)), Options{}, wantTCP4.with(72, nil)},
		{"mpls control word", 1, eth(0x8847, h("00011140 00000000"), eth(0x8100, h("0007 86dd"), six)), Options{},
			wantTCP6.with(100, vlan(7))},
		{"pppoe", 1, eth(0x8864, h("1100 0001 002f 0021"), tcp), Options{}, wantTCP4.with(62, nil)},
		{"pppoe ipv6", 1, eth(0x8864, h("1100 0001 0043 0057"), six), Options{}, wantTCP6.with(82, nil)},
		{"null little", 0, cat(h("02000000"), tcp), Options{}, wantTCP4.with(44, nil)},
		{"null big", 0, cat(h("00000002"), tcp), Options{}, wantTCP4.with(44, nil)},
		{"null linux", 0, cat(h("0a000000"), six), Options{}, wantTCP6.with(64, nil)},
		{"null windows", 0, cat(h("17000000"), six), Options{}, wantTCP6.with(64, nil)},
		{"null netbsd", 0, cat(h("18000000"), six), Options{}, wantTCP6.with(64, nil)},
		{"null freebsd", 0, cat(h("1c000000"), six), Options{}, wantTCP6.with(64, nil)},
		{"null darwin", 0, cat(h("1e000000"), six), Options{}, wantTCP6.with(64, nil)},
		{"loop", 108, cat(h("00000018"), six), Options{}, wantTCP6.with(64, nil)},
		{"raw", 101, tcp, Options{}, wantTCP4.with(40, nil)},
		{"raw 12", 12, six, Options{}, wantTCP6.with(60, nil)},
		{"raw 14", 14, tcp, Options{}, wantTCP4.with(40, nil)},
		{"raw ipv4", 228, tcp, Options{}, wantTCP4.with(40, nil)},
		{"raw ipv6", 229, six, Options{}, wantTCP6.with(60, nil)},
		{"sll", 113, cat(h("0000 0001 0006 0200000000020000 0800"), tcp), Options{}, wantTCP4.with(56, nil)},
		{"sll vlan", 113, cat(h("0000 0001 0006 0200000000020000 8100 0009 86dd"), six), Options{},
			wantTCP6.with(80, vlan(9))},
		{"sll2", 276, cat(h("0800 0000 00000002 0001 00 06 0200000000020000"), tcp), Options{}, wantTCP4.with(60, nil)},
		{"ppp", 9, cat(h("ff03 0021"), tcp), Options{}, wantTCP4.with(44, nil)},
		{"ppp without address", 9, cat(h("0057"), six), Options{}, wantTCP6.with(62, nil)},
		{"ppp compressed", 50, cat(h("21"), tcp), Options{}, wantTCP4.with(41, nil)},
		{"ppp address, compressed", 50, cat(h("ff03 57"), six), Options{}, wantTCP6.with(63, nil)},
		{"ppp mpls", 50, cat(h("ff03 0281 00011140"), tcp), Options{}, wantTCP4.with(48, nil)},
		{"cisco hdlc", 50, cat(h("0f00 0800"), tcp), Options{}, wantTCP4.with(44, nil)},
		{"cisco hdlc 104", 104, cat(h("8f00 86dd"), six), Options{}, wantTCP6.with(64, nil)},
		{"ppi", 192, cat(h("0000 0c00 01000000 00000000"), eth(0x0800, tcp)), Options{}, wantTCP4.with(66, nil)},
	}
}

// networkSamples: IPv4 options, IPv6 extension headers and fragments.
func networkSamples() []sample {
	frag4 := func(word int, payload []byte) []byte { return eth(0x0800, ip4(ProtoUDP, word, nil, payload)) }
	udp := udp6(hello)
	zero := h("0000000000000000")
	return []sample{
		{"ipv4 options", 1, eth(0x0800, ip4(ProtoTCP, 0, h("01010104 94040000"), tcp4(hello))), Options{},
			wantTCP4.with(62, func(p *Packet) { p.Length = 53 })},
		{"hop by hop", 1, eth(0x86dd, v6(0, h("1100 010400000000"), udp)), Options{},
			wantUDP6.with(70, func(p *Packet) { p.Length = 61 })},
		{"routing", 1, eth(0x86dd, v6(43, h("1102 0000 00000000"), dst6, udp)), Options{},
			wantUDP6.with(86, func(p *Packet) { p.Length = 77 })},
		{"destination", 1, eth(0x86dd, v6(60, h("3c00 010400000000 1101 010c0000"), zero, h("0000"), udp)), Options{},
			wantUDP6.with(86, func(p *Packet) { p.Length = 77 })},
		{"authentication", 1, eth(0x86dd, v6(51, h("1104 0000 00000001 00000002 000000000000000000000000"), udp)), Options{},
			wantUDP6.with(86, func(p *Packet) { p.Length = 77 })},
		{"ipv4 authentication", 1, eth(0x0800, v4(51, cat(h("1104 0000 00000001 00000002 000000000000000000000000"), udp4(hello)))),
			Options{}, Packet{Src: addr1, Dst: addr2, Proto: 51, Version: 4, TTL: 64, Length: 57}},
		{"mobility", 1, eth(0x86dd, v6(135, h("1100 0000 00000000"), udp)), Options{},
			wantUDP6.with(70, func(p *Packet) { p.Length = 61 })},
		{"mobility alone", 1, eth(0x86dd, v6(135, h("3b00 0000 00000000"))), Options{},
			Packet{Src: addr3, Dst: addr4, Proto: 135, Version: 6, TTL: 64, Length: 48}},
		{"no next header", 1, eth(0x86dd, v6(59)), Options{},
			Packet{Src: addr3, Dst: addr4, Proto: 59, Version: 6, TTL: 64, Length: 40}},
		{"atomic fragment", 1, eth(0x86dd, v6(44, h("1100 0000 deadbeef"), udp)), Options{},
			wantUDP6.with(70, func(p *Packet) { p.Length = 61 })},
		{"first fragment", 1, frag4(0x2000, udpDatagram(5353, 53, []byte("hello, world")[:8])), Options{},
			wantUDP4.with(42, func(p *Packet) {
				p.Flags, p.FragID, p.Length, p.PayloadLen, p.PayloadCap = FragFirst, 0x1234, 36, 8, 8
			})},
		{"later fragment", 1, frag4(0x0002, []byte("world")), Options{},
			Packet{Src: addr1, Dst: addr2, Proto: 17, Version: 4, TTL: 64, Flags: FragLater, Length: 25, PayloadLen: 5,
				PayloadOff: 34, PayloadCap: 5, FragID: 0x1234}},
		{"first fragment of the smallest size", 1, eth(0x0800, ip4(ProtoTCP, 0x2000, nil, tcp4(hello)[:8])), Options{},
			Packet{Src: addr1, Dst: addr2, SrcPort: 1234, DstPort: 80, Proto: 6, Version: 4, TTL: 64,
				Flags: FragFirst | HeaderCut, Length: 28, PayloadOff: 42, FragID: 0x1234}},
		{"ipv6 first fragment", 1, eth(0x86dd, v6(44, h("1100 0001 deadbeef"), udp)), Options{},
			wantUDP6.with(70, func(p *Packet) { p.Flags, p.FragID, p.Length = FragFirst, 0xdeadbeef, 61 })},
		{"ipv6 later fragment", 1, eth(0x86dd, v6(44, h("1100 05a8 deadbeef"), []byte(hello))), Options{},
			Packet{Src: addr3, Dst: addr4, Proto: 17, Version: 6, TTL: 64, Flags: FragLater, Length: 53, PayloadLen: 5,
				PayloadOff: 62, PayloadCap: 5, FragID: 0xdeadbeef}},
	}
}

// transportSamples: transports, and lengths that need thought.
func transportSamples() []sample {
	offload := eth(0x0800, v4(ProtoTCP, tcp4(hello)))
	copy(offload[16:], be16(0))
	offload6 := eth(0x86dd, v6(ProtoTCP, tcp6(hello)))
	copy(offload6[18:], be16(0))
	impossible := tcpSegment(hello)
	impossible[12] = 0xf0
	short := udpDatagram(5353, 53, []byte(hello))
	copy(short[4:], be16(8+3))
	long := udpDatagram(5353, 53, []byte(hello))
	copy(long[4:], be16(900))
	none := udpDatagram(5353, 53, []byte(hello))
	copy(none[4:], be16(0))
	bad := udpDatagram(5353, 53, []byte(hello))
	copy(bad[4:], be16(7))
	icmp := func(proto, version uint8, a, b Addr, from, to uint16, length uint32, off uint32, f Flags) Packet {
		return Packet{Src: a, Dst: b, SrcPort: from, DstPort: to, Proto: proto, Version: version, TTL: 64, Flags: f,
			Length: length, PayloadLen: 5, PayloadOff: off, PayloadCap: 5}
	}
	return []sample{
		{"udp", 1, eth(0x0800, v4(ProtoUDP, udp4(hello))), Options{}, wantUDP4.with(42, nil)},
		{"sctp", 1, eth(0x0800, v4(ProtoSCTP, h("0900 0901 00000001 00000000 0e000004"))), Options{},
			Packet{Src: addr1, Dst: addr2, SrcPort: 0x900, DstPort: 0x901, Proto: 132, Version: 4, TTL: 64, Length: 36,
				PayloadLen: 4, PayloadOff: 46, PayloadCap: 4}},
		{"esp", 1, eth(0x0800, v4(50, h("00000001 00000002 1122334455667788"))), Options{},
			Packet{Src: addr1, Dst: addr2, Proto: 50, Version: 4, TTL: 64, Length: 36}},
		{"ospf", 1, eth(0x86dd, v6(89, h("0000"))), Options{},
			Packet{Src: addr3, Dst: addr4, Proto: 89, Version: 6, TTL: 64, Length: 42}},
		{"icmp echo", 1, eth(0x0800, v4(1, icmp4(8, 0, hello))), Options{}, icmp(1, 4, addr1, addr2, 8, 0, 33, 42, 0)},
		{"icmp echo reply", 1, eth(0x0800, v4(1, icmp4(0, 0, hello))), Options{}, icmp(1, 4, addr1, addr2, 0, 8, 33, 42, 0)},
		{"icmp unreachable", 1, eth(0x0800, v4(1, icmp4(3, 13, hello))), Options{},
			icmp(1, 4, addr1, addr2, 3, 13, 33, 42, OneWay)},
		{"icmpv6 neighbour", 1, eth(0x86dd, v6(58, icmp6(135, 0, hello))), Options{},
			icmp(58, 6, addr3, addr4, 135, 136, 53, 62, 0)},
		{"icmpv6 too big", 1, eth(0x86dd, v6(58, icmp6(2, 1, hello))), Options{},
			icmp(58, 6, addr3, addr4, 2, 1, 53, 62, OneWay)},
		{"offload", 1, offload, Options{}, wantTCP4.with(54, flags(NoLength))},
		{"offload ipv6", 1, offload6, Options{}, wantTCP6.with(74, flags(NoLength))},
		{"jumbogram", 1, eth(0x86dd, cat(h("60000000 0000 00 40"), src6, dst6, h("1100 c204 0001000d"), none)), Options{},
			wantUDP6.with(70, func(p *Packet) {
				p.Length, p.PayloadLen, p.Flags = 65589, 65589-40-8-8, PayloadCut
			})},
		{"tcp offset beyond the segment", 1, eth(0x0800, v4(ProtoTCP, impossible)), Options{},
			wantTCP4.with(59, func(p *Packet) { p.PayloadLen, p.PayloadCap, p.Flags = 0, 0, BadHeader })},
		{"udp length short", 1, eth(0x0800, v4(ProtoUDP, short)), Options{},
			wantUDP4.with(42, func(p *Packet) { p.PayloadLen, p.PayloadCap = 3, 3 })},
		{"udp length long", 1, eth(0x0800, v4(ProtoUDP, long)), Options{}, wantUDP4.with(42, nil)},
		{"udp length none", 1, eth(0x0800, v4(ProtoUDP, none)), Options{}, wantUDP4.with(42, nil)},
		{"udp length impossible", 1, eth(0x0800, v4(ProtoUDP, bad)), Options{}, wantUDP4.with(42, flags(BadHeader))},
	}
}

// allSamples also says where the IP header begins: where the last pair of the builders' addresses shows it.
func allSamples() []sample {
	all := append(linkSamples(), networkSamples()...)
	all = append(append(all, transportSamples()...), tunnelSamples()...)
	for i := range all {
		frame := all[i].frame
		all[i].want.IPOff = uint32(max(bytes.LastIndex(frame, cat(src4, dst4))-12, bytes.LastIndex(frame, cat(src6, dst6))-8))
	}
	return all
}

func TestDecode(t *testing.T) {
	for _, s := range allSamples() {
		t.Run(s.name, func(t *testing.T) {
			var p Packet
			if v := Decode(&p, s.link, s.frame, uint32(len(s.frame)), s.opt); v != OK {
				t.Fatalf("verdict %v, want ok", v)
			}
			if p != s.want {
				t.Errorf("got  %+v\nwant %+v", p, s.want)
			}
			if !KnowsLink(s.link) {
				t.Errorf("KnowsLink(%d) is false", s.link)
			}
		})
	}
}

// TestRefusals: what is no packet of a flow, and why.
func TestRefusals(t *testing.T) {
	tcp := v4(ProtoTCP, tcp4(hello))
	edit := func(frame []byte, at int, b ...byte) []byte {
		frame = bytes.Clone(frame)
		copy(frame[at:], b)
		return frame
	}
	for _, c := range []struct {
		name  string
		link  uint16
		frame []byte
		want  Verdict
	}{
		{"nothing", 1, nil, Truncated},
		{"arp", 1, eth(0x0806, make([]byte, 28)), NonIP},
		{"pppoe discovery", 1, eth(0x8863, make([]byte, 28)), NonIP},
		{"spanning tree", 1, eth(38, h("424203 0000000000")), NonIP},
		{"ppp lcp", 9, h("ff03 c021 01010004"), NonIP},
		{"null appletalk", 0, h("10000000 00000000"), NonIP},
		{"sll netlink", 113, h("0004 0338 0000 0000000000000000 0000 00000000"), NonIP},
		{"mpls unknown", 1, eth(0x8847, h("00011140 10000000"), make([]byte, 20)), NonIP},
		{"unknown link", 147, tcp, UnknownLink},
		{"ppi of an unknown link", 192, cat(h("0000 0800 69000000"), tcp), UnknownLink},
		{"pppoe version", 1, eth(0x8864, h("2100 0001 002f 0021"), tcp), BadPPPoE},
		{"raw of no version", 101, edit(tcp, 0, 0x55), BadVersion},
		{"ipv6 where ipv4 was said", 1, eth(0x0800, v6(ProtoTCP, tcp6(hello))), BadVersion},
		{"ipv4 where ipv6 was said", 1, eth(0x86dd, tcp), BadVersion},
		{"ipv4 header length", 101, edit(tcp, 0, 0x44), BadHeaderLength},
		{"ipv4 total length", 101, edit(tcp, 2, 0, 19), BadTotalLength},
		{"ipv6 extension beyond the end", 101, v6(0, h("11ff 010400000000"), udp6(hello)), BadExtension},
		{"tcp beyond the end", 101, v4(ProtoTCP, tcp4(hello)[:19]), ShortTransport},
		{"udp beyond the end", 101, v4(ProtoUDP, udp4(hello)[:7]), ShortTransport},
		{"sctp beyond the end", 101, v4(ProtoSCTP, make([]byte, 11)), ShortTransport},
		{"icmp beyond the end", 101, v4(ProtoICMP, h("08")), ShortTransport},
		{"vlan tags without end", 1, eth(0x8100, bytes.Repeat(h("0001 8100"), 100)), TooManyTags},
		{"mpls labels without end", 1, eth(0x8847, bytes.Repeat(h("00010040"), 100)), TooManyTags},
		{"extension headers without end", 101, v6(60, bytes.Repeat(h("3c00 010400000000"), 100)), TooManyHeaders},
	} {
		var p Packet
		got := Decode(&p, c.link, c.frame, uint32(len(c.frame)), Options{})
		if got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
		if got.Malformed() != (c.want > Truncated) {
			t.Errorf("%s: Malformed() is %v", c.name, got.Malformed())
		}
	}
}

// TestVerdictNames: the names go into the ledger, so they differ, and none is empty.
func TestVerdictNames(t *testing.T) {
	seen := map[string]bool{"": true}
	for v := range Verdicts {
		if name := v.String(); seen[name] {
			t.Errorf("verdict %d has the name %q of another", v, name)
		} else {
			seen[name] = true
		}
	}
	if Verdicts.String() != "unknown" || Verdicts.Malformed() {
		t.Errorf("a verdict outside the list is %v, malformed %v", Verdicts, Verdicts.Malformed())
	}
}

// TestTruncation cuts every sample at every length: what is left of the headers must decode to the same flow or be
// called truncated, and the payload be as long as the headers say.
func TestTruncation(t *testing.T) {
	for _, s := range allSamples() {
		for n := range s.frame {
			var p Packet
			v := Decode(&p, s.link, s.frame[:n:n], uint32(len(s.frame)), s.opt)
			if v == Truncated {
				continue
			}
			if v != OK {
				t.Errorf("%s cut at %d: %v", s.name, n, v)
				continue
			}
			if s.opt.Tunnels != 0 && p.Proto != s.want.Proto {
				continue // the cut hides the inner packet, and a tunnel is what counts
			}
			if p.Src != s.want.Src || p.Dst != s.want.Dst || p.Proto != s.want.Proto || p.SrcPort != s.want.SrcPort ||
				p.DstPort != s.want.DstPort || p.VLAN != s.want.VLAN || p.Length != s.want.Length {
				t.Errorf("%s cut at %d: another flow: %+v", s.name, n, p)
			}
			if p.Flags&HeaderCut == 0 && p.PayloadLen != s.want.PayloadLen {
				t.Errorf("%s cut at %d: payload length %d, want %d", s.name, n, p.PayloadLen, s.want.PayloadLen)
			}
			if p.PayloadOff+p.PayloadCap > uint32(n) {
				t.Errorf("%s cut at %d: payload from %d to %d", s.name, n, p.PayloadOff, p.PayloadOff+p.PayloadCap)
			}
			if cut := p.PayloadCap < p.PayloadLen; cut != (p.Flags&PayloadCut != 0) && p.Flags&HeaderCut == 0 {
				t.Errorf("%s cut at %d: %d of %d payload bytes, flags %b", s.name, n, p.PayloadCap, p.PayloadLen, p.Flags)
			}
		}
	}
}

// TestSnaplenCut: a TCP header that was cut behind its ports still counts, and says what it does not know.
func TestSnaplenCut(t *testing.T) {
	frame := eth(0x0800, v4(ProtoTCP, tcp4(hello)))
	var p Packet
	if v := Decode(&p, 1, frame[:38], uint32(len(frame)), Options{}); v != OK {
		t.Fatal(v)
	}
	want := Packet{Src: addr1, Dst: addr2, SrcPort: 1234, DstPort: 80, Proto: 6, Version: 4, TTL: 64,
		Flags: HeaderCut | PayloadCut, Length: 45, IPOff: 14, PayloadOff: 38}
	if p != want {
		t.Errorf("got  %+v\nwant %+v", p, want)
	}
	if v := Decode(&p, 1, frame[:37], uint32(len(frame)), Options{}); v != Truncated {
		t.Errorf("without its ports: %v", v)
	}
}

// TestReuse: a Packet that held another frame equals a fresh one, whatever the verdict.
func TestReuse(t *testing.T) {
	all := allSamples()
	var dirty Packet
	for _, s := range all {
		for n := 0; n <= len(s.frame); n += 7 {
			var fresh Packet
			first := Decode(&fresh, s.link, s.frame[:n], uint32(len(s.frame)), s.opt)
			if again := Decode(&dirty, s.link, s.frame[:n], uint32(len(s.frame)), s.opt); again != first || dirty != fresh {
				t.Fatalf("%s cut at %d: reused %v %+v, fresh %v %+v", s.name, n, again, dirty, first, fresh)
			}
		}
	}
}

func TestNoAllocation(t *testing.T) {
	all := allSamples()
	var p Packet
	if n := testing.AllocsPerRun(10, func() {
		for _, s := range all {
			s.opt.Checksums = true
			Decode(&p, s.link, s.frame, uint32(len(s.frame)), s.opt)
			PairHash(s.link, s.frame, 0, s.opt)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	id := make([]byte, 0, 64)
	if n := testing.AllocsPerRun(10, func() {
		id = AppendCommunityID(id[:0], 0, 6, ProtoTCP, addr3, addr4, 1234, 80, false)
	}); n != 0 {
		t.Errorf("%v allocations for a Community ID", n)
	}
}
