package packet

import "testing"

func tunnelSamples() []sample {
	tcp, six := v4(ProtoTCP, tcp4(hello)), v6(ProtoTCP, tcp6(hello))
	bridged := eth(0x0800, tcp)
	gre := func(header string, inner []byte) []byte { return eth(0x0800, v4(47, cat(h(header), inner))) }
	udp := func(port int, header string, inner []byte) []byte {
		return eth(0x0800, v4(ProtoUDP, udpDatagram(40000, port, cat(h(header), inner))))
	}
	in := flags(Tunnelled)
	only := func(t Tunnels) Options { return Options{Tunnels: t} }
	return []sample{
		{"gre", 1, gre("0000 0800", tcp), only(TunnelGRE), wantTCP4.with(78, in)},
		{"gre with all fields", 1, gre("b000 86dd 00000000 00000001 00000002", six), only(TunnelGRE), wantTCP6.with(110, in)},
		{"nvgre", 1, gre("2000 6558 00000100", bridged), only(TunnelGRE), wantTCP4.with(96, in)},
		{"pptp", 1, gre("3081 880b 00310001 00000001 00000002 ff03 0021", tcp), only(TunnelGRE), wantTCP4.with(94, in)},
		{"erspan i", 1, gre("0000 88be", bridged), only(TunnelGRE), wantTCP4.with(92, in)},
		{"erspan ii", 1, gre("1000 88be 00000001 1001 0001 00000000", bridged), only(TunnelGRE), wantTCP4.with(104, in)},
		{"erspan iii", 1, gre("1000 22eb 00000001 2001 0001 00000000 0000 0001 00000000 00000000", bridged), only(TunnelGRE),
			wantTCP4.with(116, in)},
		{"vxlan", 1, udp(4789, "08000000 00000100", bridged), only(TunnelVXLAN), wantTCP4.with(104, in)},
		{"vxlan of linux", 1, udp(8472, "08000000 00000100", eth(0x8100, h("0005 0800"), tcp)), only(TunnelVXLAN),
			wantTCP4.with(108, func(p *Packet) { p.Flags, p.VLAN = Tunnelled|HasVLAN, 5 })},
		{"geneve", 1, udp(6081, "0200 6558 00000100 0102030405060708", bridged), only(TunnelGeneve), wantTCP4.with(112, in)},
		{"geneve ip", 1, udp(6081, "0000 86dd 00000100", six), only(TunnelGeneve), wantTCP6.with(110, in)},
		{"4 in 4", 1, eth(0x0800, v4(4, tcp)), only(TunnelIPIP), wantTCP4.with(74, in)},
		{"6 in 4", 1, eth(0x0800, v4(41, six)), only(TunnelIPIP), wantTCP6.with(94, in)},
		{"4 in 6", 1, eth(0x86dd, v6(4, tcp)), only(TunnelIPIP), wantTCP4.with(94, in)},
		{"6 in 6", 1, eth(0x86dd, v6(41, six)), only(TunnelIPIP), wantTCP6.with(114, in)},
		{"outer vlan stays", 1, eth(0x8100, h("0003 0800"), v4(4, tcp)), only(TunnelIPIP),
			wantTCP4.with(78, func(p *Packet) { p.Flags, p.VLAN = Tunnelled|HasVLAN, 3 })},
		{"gtp", 1, udp(2152, "30ff 002d 00000001", tcp), only(TunnelGTPU), wantTCP4.with(90, in)},
		{"gtp with sequence and extension", 1, udp(2152, "36ff 0049 00000001 0001 00 85 01 10 01 00", six), only(TunnelGTPU),
			wantTCP6.with(118, in)},
		{"teredo", 1, udp(3544, "", six), only(TunnelTeredo), wantTCP6.with(102, in)},
		{"teredo with indications", 1, udp(3544, "0001 0000 0000000000000001 00 0000 63bf 3fc1b7a9", six),
			only(TunnelTeredo), wantTCP6.with(123, in)},
		{"vxlan in gre", 1, gre("0000 0800", v4(ProtoUDP, udpDatagram(1, 4789, cat(h("08000000 00000100"), bridged)))),
			only(AllTunnels), wantTCP4.with(128, in)},
	}
}

// TestTunnelsStayShut: without the option, or with another tunnel's, the outer packet is what counts; so it is where
// the inside does not decode.
func TestTunnelsStayShut(t *testing.T) {
	for _, s := range tunnelSamples() {
		for _, opt := range []Options{{}, {Tunnels: AllTunnels &^ s.opt.Tunnels}} {
			var p Packet
			if v := Decode(&p, s.link, s.frame, uint32(len(s.frame)), opt); v != OK || p.Flags&Tunnelled != 0 {
				t.Errorf("%s with tunnels %b: %v, flags %b", s.name, opt.Tunnels, v, p.Flags)
			}
		}
	}
	broken := v4(ProtoTCP, tcp4(hello))
	broken[0] = 0x41
	for name, frame := range map[string][]byte{
		"gre":      eth(0x0800, v4(47, cat(h("0000 0800"), broken))),
		"gre key":  eth(0x0800, v4(47, h("2000 0800"))),
		"ipip":     eth(0x0800, v4(4, broken)),
		"ipip end": eth(0x0800, v4(4, nil)),
		"vxlan":    eth(0x0800, v4(ProtoUDP, udpDatagram(40000, 4789, cat(h("08000000 00000100"), eth(0x0806, broken))))),
		"teredo":   eth(0x0800, v4(ProtoUDP, udpDatagram(40000, 3544, cat(v6(ProtoTCP, tcp6(hello)), h("00"))))),
		"gtp":      eth(0x0800, v4(ProtoUDP, udpDatagram(40000, 2152, cat(h("30ff 00ff 00000001"), v4(ProtoTCP, tcp4(hello)))))),
		"fragment": eth(0x0800, ip4(4, 0x2000, nil, v4(ProtoTCP, tcp4(hello)))),
	} {
		var shut, open Packet
		Decode(&shut, 1, frame, uint32(len(frame)), Options{})
		if v := Decode(&open, 1, frame, uint32(len(frame)), Options{Tunnels: AllTunnels}); v != OK || open != shut {
			t.Errorf("%s with a broken inside: %v\ngot  %+v\nwant %+v", name, v, open, shut)
		}
	}
}

// TestTunnelNesting: beyond maxTunnels the packet at that depth counts.
func TestTunnelNesting(t *testing.T) {
	frame := v4(ProtoTCP, tcp4(hello))
	for range maxTunnels + 3 {
		frame = v4(4, frame)
	}
	var p Packet
	if v := Decode(&p, LinkRaw, frame, uint32(len(frame)), Options{Tunnels: AllTunnels}); v != OK {
		t.Fatal(v)
	}
	if want := uint32(len(frame) - 20*maxTunnels); p.Proto != 4 || p.Length != want {
		t.Errorf("protocol %d of length %d, want 4 of %d", p.Proto, p.Length, want)
	}
}

func TestTunnelNames(t *testing.T) {
	if AllTunnels != 1<<len(TunnelNames)-1 {
		t.Errorf("%d names for the tunnels %b", len(TunnelNames), AllTunnels)
	}
}
