package basic

import (
	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
)

// rule is a rule's place in rules.
type rule uint8

const (
	portZero rule = iota
	watchedPort
	noSource
	impossibleSource
	land
	impossibleFlags
	tinyFragment
	emptyConnections
	insideAtBorder
)

// rules are all rules that say something. B06 says nothing here: see the package.
var rules = [...]struct {
	id, kind string
	severity detect.Severity
	doc      string // what the subject did, for "10.0.0.1 ..."
}{
	portZero:         {"B01", "port_zero", detect.Low, "uses port 0, which is nobody's"},
	watchedPort:      {"B02", "watched_port", detect.Informational, "uses a port that is watched"},
	noSource:         {"B03", "no_source", detect.Low, "is no address to send from, but for DHCP and the like"},
	impossibleSource: {"B04", "impossible_source", detect.Medium, "is no address that a packet on a wire can come from"},
	land:             {"B04", "land", detect.Medium, "seems to send to itself"},
	impossibleFlags:  {"B05", "impossible_flags", detect.Medium, "sends TCP flags that no host sends"},
	tinyFragment:     {"B07", "tiny_fragment", detect.Medium, "sends fragments that end within the TCP header"},
	emptyConnections: {"B08", "empty_connections", detect.Informational, "opens and closes connections without a byte in them"},
	insideAtBorder:   {"B09", "inside_at_border", detect.Informational, "is inside and talks to another one inside, across the border"},
}

// RuleIDs returns the ids that can be silenced. The caller owns the slice.
func RuleIDs() []string { return []string{"B01", "B02", "B03", "B04", "B05", "B07", "B08", "B09"} }

// ports judges a TCP or UDP flow by its ports.
func (d *Detector) ports(f *detect.Flow, out detect.Out) {
	if f.ClientPort == 0 && f.Missing&detect.NoClientPort == 0 || f.ServerPort == 0 {
		if !fragmentsAlone(f) {
			d.found(portZero, f, flowtable.Up, 0, out)
		}
	} else if d.watched(f.Proto, f.ServerPort) && f.ClientBy != flowtable.ByFirst && f.Answered() {
		d.found(watchedPort, f, flowtable.Up, f.ServerPort, out)
	}
}

// fragmentsAlone says whether a flow without ports may be fragments whose first one was not seen. Those have no flags, and
// as payload all that is above IPv4 or IPv6.
func fragmentsAlone(f *detect.Flow) bool {
	if f.ClientPort != 0 || f.ServerPort != 0 {
		return false
	}
	if f.Proto == packet.ProtoTCP {
		return f.Missing&detect.NoTCPFlags != 0 || f.TCPFlags[0]|f.TCPFlags[1] == 0
	}
	const headers = 20 + 8 // IPv4 without options, UDP
	return f.Version != 4 || f.Missing&(detect.NoPayload|detect.NoPackets) != 0 ||
		f.Payload[0]+f.Payload[1]+headers*(f.Packets[0]+f.Packets[1]) != f.Bytes[0]+f.Bytes[1]
}

// addresses judges a flow by where its packets come from.
func (d *Detector) addresses(f *detect.Flow, out detect.Out) {
	client, server := classify(f.Client, f.Version), classify(f.Server, f.Version)
	if client|server == 0 && f.Client != f.Server {
		return
	}
	onHost := client&server&loopback != 0 // captured within a host
	for end, class := range [2]class{client, server} {
		if !sent(f, end) {
			continue
		}
		switch {
		case class&unspecified != 0 && !mayHaveNoSource(f, end):
			d.found(noSource, f, end, 0, out)
		case class&(group|broadcast) != 0, class&loopback != 0 && !onHost:
			d.found(impossibleSource, f, end, 0, out)
		}
	}
	if d.cfg.Compat && server&broadcast != 0 {
		d.found(noSource, f, flowtable.Up, 0, out)
	}
	// A host that talks to itself, captured within it, is answered.
	if f.Client == f.Server && !onHost && client&unspecified == 0 && !f.Answered() {
		d.found(land, f, flowtable.Up, 0, out)
	}
}

// sent says whether an end sent packets.
func sent(f *detect.Flow, end int) bool {
	if f.Missing&detect.NoPackets != 0 {
		return end == flowtable.Up
	}
	return f.Packets[end] > 0
}

// mayHaveNoSource says whether a sender without an address is all right: who asks for one, and who says what it listens to.
func mayHaveNoSource(f *detect.Flow, end int) bool {
	const igmp = 2
	if f.Version == 6 {
		return f.Proto == packet.ProtoICMPv6 // duplicate address detection, multicast listener reports
	}
	return f.Proto == igmp || end == flowtable.Up && f.Proto == packet.ProtoUDP && f.ClientPort == 68 && f.ServerPort == 67 &&
		classify(f.Server, 4) == broadcast
}

// class is a set of what an address is beside a host's.
type class uint8

const (
	unspecified class = 1 << iota
	group             // multicast
	broadcast
	loopback
)

func classify(a packet.Addr, version uint8) class {
	if version == 6 {
		switch {
		case a.Hi>>56 == 0xff:
			return group
		case a == packet.Addr{}:
			return unspecified
		case a == packet.Addr{Lo: 1}:
			return loopback
		}
		return 0
	}
	switch v4 := uint32(a.Lo); {
	case v4 == 0:
		return unspecified
	case v4 == 0xffff_ffff:
		return broadcast
	case v4>>28 == 0xe:
		return group
	case v4>>24 == 127:
		return loopback
	}
	return 0
}

// realFlags are the flags that say what a segment does; the others are about congestion.
const realFlags = packet.FIN | packet.SYN | packet.RST | packet.PSH | packet.ACK | packet.URG

// flags judges what a TCP flow's records say of single segments.
func (d *Detector) flags(f *detect.Flow, out detect.Out) {
	if f.Missing&(detect.NoTCPFlags|detect.NoPackets) != 0 {
		return
	}
	history := f.History.Contradictory() // none where it is missing
	for end := range 2 {
		if f.Packets[end] == 0 {
			continue
		}
		if f.HeaderCut[end] {
			if f.Quality&flowtable.Truncated == 0 { // the capture did not cut it
				d.found(tinyFragment, f, end, 0, out)
			}
			continue
		}
		if impossible(f.TCPFlags[end]&realFlags, f.Packets[end]) && !fragmentsAlone(f) || history[end] {
			d.found(impossibleFlags, f, end, 0, out)
		}
	}
}

// impossible says whether all the flags that were seen in so many segments mean that one of them was impossible.
func impossible(seen uint8, segments uint64) bool {
	const xmas = packet.FIN | packet.PSH | packet.URG
	switch {
	case seen == 0, seen == xmas: // then so in each
		return true
	case segments > 1:
		return false
	}
	return seen&packet.SYN != 0 && seen&(packet.FIN|packet.RST) != 0
}

// empty says whether a TCP connection was opened and closed in full without a byte of payload.
func empty(f *detect.Flow) bool {
	return f.ConnState == flowtable.SF && f.Part == 0 && f.Payload[0]+f.Payload[1] == 0 && f.Quality&flowtable.Gaps == 0 &&
		!f.HeaderCut[0] && !f.HeaderCut[1] && f.Missing&(detect.NoState|detect.NoPayload) == 0
}
