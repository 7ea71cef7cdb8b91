package packet

import "encoding/binary"

// Tunnels is a set of tunnel kinds to open.
type Tunnels uint16

// The tunnels. Each is opened only where its inner packet decodes as OK; otherwise the outer packet is what counts.
const (
	TunnelGRE    Tunnels = 1 << iota // RFC 2784, 2890; with NVGRE, Ethernet bridging, PPTP (RFC 2637), ERSPAN I to III
	TunnelVXLAN                      // RFC 7348: UDP port 4789 or 8472
	TunnelGeneve                     // RFC 8926: UDP port 6081
	TunnelIPIP                       // RFC 2003, 2473, 4213: IPv4 or IPv6 directly inside either
	TunnelGTPU                       // 3GPP TS 29.281 G-PDU: UDP port 2152
	TunnelTeredo                     // RFC 4380: UDP port 3544
	AllTunnels   = 1<<iota - 1
)

// udpTunnels are the ones inside UDP datagrams.
const udpTunnels = TunnelVXLAN | TunnelGeneve | TunnelGTPU | TunnelTeredo

// TunnelNames are the names of the tunnels in a configuration, bit 0 first.
var TunnelNames = [...]string{"gre", "vxlan", "geneve", "ipip", "gtpu", "teredo"}

// Options say what the decoder does beyond finding the outer packet. The zero value is the default.
type Options struct {
	Tunnels   Tunnels // what to open
	Checksums bool    // verify checksums, setting BadIPChecksum and BadChecksum
}

// How much encapsulation a frame may have. Real frames have less than half of each.
const (
	maxTags       = 32 // VLAN tags, MPLS labels, SNAP, PPPoE and pseudowire headers, tunnels included
	maxExtensions = 16 // IPv6 extension headers of one IPv6 header
	maxTunnels    = 4  // tunnels inside one another; what is deeper counts as its outer packet
)

// decoder is the state of one call of Decode, besides the packet. Offsets are into frame.
type decoder struct {
	frame   []byte  // captured bytes, up to the end of the enclosing packet
	wire    int     // where the frame, or the enclosing packet, ends by its own account; at least len(frame)
	open    Tunnels // Options.Tunnels
	verify  bool    // Options.Checksums
	tags    uint8
	tunnels uint8
	noSum   bool // the pseudo header is not what the checksum was made over (source routes, offload)
}

// Decode fills p from one frame of a capture of the given LINKTYPE. frame holds the captured bytes, wire is the
// frame's original length in bytes (a smaller one than len(frame) counts as len(frame)). Every field of p is set, so
// that a reused Packet equals a fresh one; where the verdict is not OK, p holds what was known until then.
//
// Decode keeps no reference to frame, allocates nothing, never panics, and may be called by many goroutines at once.
func Decode(p *Packet, link uint16, frame []byte, wire uint32, opt Options) Verdict {
	*p = Packet{}
	var d decoder // set field by field: a literal is built apart and copied, which stalls on its own stores
	d.frame, d.wire = frame, max(int(wire), len(frame))
	d.open, d.verify = opt.Tunnels, opt.Checksums
	if link == LinkEthernet && len(frame) >= 14 { // most traffic, by the shortest way
		switch binary.BigEndian.Uint16(frame[12:]) {
		case etherIPv4:
			return d.ipv4(p, 14)
		case etherIPv6:
			return d.ipv6(p, 14)
		}
	}
	return d.link(p, link, 0)
}

// tag counts one header between the link and IP and reports whether there may be one more.
func (d *decoder) tag() bool {
	d.tags++
	return d.tags <= maxTags
}
