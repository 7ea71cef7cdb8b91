package flowfile

import (
	"bytes"

	"github.com/weir-sensor/weir/packet"
)

// What a protocol's name can be besides an IP protocol's number.
const (
	notIP   = -1 // a protocol that is not carried by IP
	unknown = -2
)

// protocols are the names that flow tools write, and their IP protocol numbers (IANA). RTP and its kin, which Argus tells
// apart, are UDP.
func protocols(name string) int {
	switch name {
	case "tcp":
		return packet.ProtoTCP
	case "udp", "rtp", "rtcp", "udt":
		return packet.ProtoUDP
	case "icmp":
		return packet.ProtoICMP
	case "icmp6", "ipv6-icmp", "icmpv6":
		return packet.ProtoICMPv6
	case "sctp":
		return packet.ProtoSCTP
	case "igmp":
		return 2
	case "ipip", "ipencap", "ipnip", "ip":
		return 4
	case "egp":
		return 8
	case "igp":
		return 9
	case "dccp":
		return 33
	case "ipv6":
		return 41
	case "rsvp":
		return 46
	case "gre":
		return 47
	case "esp":
		return 50
	case "ah":
		return 51
	case "eigrp":
		return 88
	case "ospf", "ospfigp":
		return 89
	case "pim":
		return 103
	case "vrrp":
		return 112
	case "l2tp":
		return 115
	case "udplite":
		return 136
	case "arp", "rarp", "llc", "man", "ipx", "spx", "ipx/spx", "stp", "lldp", "cdp", "isis", "aoe", "decnet", "loop",
		"ether", "eth", "ppp", "pppoe", "x25", "atalk", "aarp", "rtmp", "eapol", "mpls", "vlan", "wlan":
		return notIP
	}
	return unknown
}

// protocol returns the IP protocol of a name or number, notIP or unknown.
func protocol(name []byte) (number int, ok bool) {
	if n, ok := parseUint(name); ok && n < 256 {
		return int(n), true
	}
	n := protocols(string(bytes.ToLower(name[:min(len(name), 16)])))
	return n, n >= 0
}

// proto sets the record's protocol from a column.
func (r *row) proto(column int) {
	n, ok := protocol(r.bytes(column))
	if ok {
		r.record.Proto = uint8(n)
		return
	}
	r.notIP = n == notIP
	r.fail(column, "a protocol's name or number")
}

// fixICMP makes ICMP of IPv6 ICMPv6, which some tools call ICMP too.
func (r *row) fixICMP() {
	if r.record.Proto == packet.ProtoICMP && r.record.Version == 6 {
		r.record.Proto = packet.ProtoICMPv6
	}
}
