package packet

import (
	"net/netip"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

// FuzzDecode checks what must hold of any bytes, and that the decoder and gopacket's layers, an independent one, say
// the same of every frame that both accept.
func FuzzDecode(f *testing.F) {
	for _, s := range allSamples() {
		f.Add(s.link, s.frame, uint16(0), uint16(s.opt.Tunnels))
	}
	f.Add(uint16(LinkEthernet), eth(0x0800, v4(ProtoTCP, tcp4(hello)))[:50], uint16(9), uint16(0))
	f.Fuzz(func(t *testing.T, link uint16, frame []byte, cut, tunnels uint16) {
		opt := Options{Tunnels: Tunnels(tunnels) & AllTunnels, Checksums: tunnels>>15 == 1}
		wire := uint32(len(frame)) + uint32(cut)
		p, dirty := Packet{}, Packet{Src: addr3, SrcPort: 9, Flags: 0xffff, FragID: 1, PayloadCap: 1, VLAN: 7}
		v := Decode(&p, link, frame, wire, opt)
		if again := Decode(&dirty, link, frame, wire, opt); again != v || dirty != p {
			t.Fatalf("reused %v %+v, fresh %v %+v", again, dirty, v, p)
		}
		hash := PairHash(link, frame, wire, opt)
		if v >= Verdicts || v != UnknownLink && !KnowsLink(link) {
			t.Fatalf("verdict %d on link type %d", v, link)
		}
		if v != OK {
			if q := (Packet{}); opt == (Options{}) && mustAccept(&q, link, frame) {
				t.Fatalf("%v, but gopacket reads it whole: %+v", v, q)
			}
			return
		}
		if int(p.PayloadOff)+int(p.PayloadCap) > len(frame) || p.PayloadCap > p.PayloadLen ||
			p.Version != 4 && p.Version != 6 {
			t.Fatalf("not inside the frame of %d bytes: %+v", len(frame), p)
		}
		if cut == 0 && hash != HashPair(p.Src, p.Dst) {
			t.Fatalf("pair hash %x of %+v", hash, p)
		}
		if opt.Tunnels == 0 {
			compare(t, &p, link, frame)
		}
	})
}

// secondOpinion returns gopacket's layers of the frame, nil where it panics or knows nothing of the link type.
func secondOpinion(link uint16, frame []byte) (found []gopacket.Layer) {
	defer func() {
		if recover() != nil { // some of its decoders do, on short input
			found = nil
		}
	}()
	var first gopacket.Decoder
	switch link {
	case LinkEthernet:
		first = layers.LayerTypeEthernet
	case LinkRaw, LinkRawBSD, LinkRawOBSD:
		first = layers.LinkTypeRaw
	case LinkIPv4:
		first = layers.LayerTypeIPv4
	case LinkIPv6:
		first = layers.LayerTypeIPv6
	case LinkSLL:
		first = layers.LayerTypeLinuxSLL
	default:
		return nil
	}
	return gopacket.NewPacket(frame, first, gopacket.DecodeOptions{NoCopy: true}).Layers()
}

// comparableLayers returns the layers up to the transport's where nothing in them is read differently on purpose: no
// label stack, whose content is guessed, no length field of 802.3 or PPPoE, which gopacket lets cut the packet short.
func comparableLayers(all []gopacket.Layer) []gopacket.Layer {
	network := 0
	for i, l := range all {
		if len(l.LayerContents()) == 0 {
			return all[:i] // it is listed although it could not be read
		}
		switch l := l.(type) {
		case *layers.MPLS, *layers.PPPoE:
			return nil
		case *layers.Ethernet:
			if l.EthernetType == layers.EthernetTypeLLC {
				return nil
			}
		case *layers.IPv4, *layers.IPv6:
			if network++; network > 1 {
				return all[:i]
			}
		case *layers.IPSecAH, *layers.IPv6HopByHop, *layers.IPv6Routing, *layers.IPv6Fragment, *layers.IPv6Destination:
			if _, ok := all[i-1].(*layers.IPv4); ok {
				return all[:i] // a protocol like any other in IPv4, as in tshark and nDPI
			}
		case *layers.TCP, *layers.UDP, *layers.SCTP, *layers.ICMPv4, *layers.ICMPv6, *layers.GRE, *gopacket.Fragment:
			return all[:i+1]
		case *gopacket.DecodeFailure:
			return all[:i]
		}
	}
	return all
}

// compare fails where gopacket and p disagree.
func compare(t *testing.T, p *Packet, link uint16, frame []byte) {
	t.Helper()
	equal := func(what string, got, want any) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %v, gopacket says %v: %+v", what, got, want, *p)
		}
	}
	address := func(b []byte) netip.Addr { a, _ := netip.AddrFromSlice(b); return a }
	payload := p.Flags&BadHeader == 0
	for _, l := range comparableLayers(secondOpinion(link, frame)) {
		switch l := l.(type) {
		case *layers.IPv6HopByHop:
			payload = false // it takes the frame's padding for payload behind this header
		case *layers.IPv4:
			equal("version", p.Version, uint8(4))
			equal("source", p.Src.Netip(4), address(l.SrcIP))
			equal("destination", p.Dst.Netip(4), address(l.DstIP))
			equal("ttl", p.TTL, l.TTL)
			equal("fragment", p.Flags&(FragFirst|FragLater) != 0, l.FragOffset != 0 || l.Flags&layers.IPv4MoreFragments != 0)
			if p.Flags&NoLength == 0 {
				equal("length", p.Length, uint32(l.Length))
			}
		case *layers.IPv6:
			equal("version", p.Version, uint8(6))
			equal("source", p.Src.Netip(6), address(l.SrcIP))
			equal("destination", p.Dst.Netip(6), address(l.DstIP))
			equal("ttl", p.TTL, l.HopLimit)
			if l.Length != 0 {
				equal("length", p.Length, uint32(l.Length)+40)
			}
		case *layers.TCP:
			equal("protocol", p.Proto, uint8(ProtoTCP))
			equal("source port", p.SrcPort, uint16(l.SrcPort))
			equal("destination port", p.DstPort, uint16(l.DstPort))
			equal("sequence number", p.Seq, l.Seq)
			equal("acknowledgement", p.Ack, l.Ack)
			equal("window", p.Window, l.Window)
			equal("flags", p.TCPFlags, l.Contents[13])
			if payload {
				equal("payload", int(p.PayloadCap), len(l.Payload))
			}
		case *layers.UDP:
			equal("protocol", p.Proto, uint8(ProtoUDP))
			equal("source port", p.SrcPort, uint16(l.SrcPort))
			equal("destination port", p.DstPort, uint16(l.DstPort))
			if payload {
				equal("payload", int(p.PayloadCap), len(l.Payload))
			}
		case *layers.SCTP:
			equal("protocol", p.Proto, uint8(ProtoSCTP))
			equal("source port", p.SrcPort, uint16(l.SrcPort))
			equal("destination port", p.DstPort, uint16(l.DstPort))
		case *layers.ICMPv4:
			equal("protocol", p.Proto, uint8(ProtoICMP))
			equal("type", p.SrcPort, uint16(l.TypeCode.Type()))
		case *layers.ICMPv6:
			equal("protocol", p.Proto, uint8(ProtoICMPv6))
			equal("type", p.SrcPort, uint16(l.TypeCode.Type()))
		}
	}
}

// mustAccept reports whether gopacket reads a TCP segment or UDP datagram over plain Ethernet or raw IP, with the
// versions where they belong: the decoder has no reason to refuse that.
func mustAccept(p *Packet, link uint16, frame []byte) bool {
	if link != LinkEthernet && link != LinkRaw {
		return false
	}
	for _, l := range comparableLayers(secondOpinion(link, frame)) {
		switch l := l.(type) {
		case *layers.Ethernet, *layers.Dot1Q:
		case *layers.IPv4:
			if l.Version != 4 {
				return false
			}
			p.Length = uint32(l.Length)
		case *layers.IPv6:
			if l.Version != 6 {
				return false
			}
			p.Length = uint32(l.Length) + 40
		case *layers.TCP, *layers.UDP:
			return true
		default:
			return false
		}
	}
	return false
}
