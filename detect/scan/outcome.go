package scan

import (
	"time"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
)

// outcome is what became of a contact.
type outcome uint8

const (
	unclear  outcome = iota // it says nothing about the client: the beginning was not seen, backscatter, one-way views
	taken                   // the server took it
	refused                 // no answer, or a refusal
	probed                  // packets that no connection begins with were refused or not answered; no walk's step
	halfOpen                // the server answered, the client gave up before the handshake was complete
)

const (
	maxProbe = 8                      // packets: more of them one way are a stream
	tooSoon  = int64(3 * time.Second) // a flow evicted so early might have been answered
)

// outcomeOf says what became of the flow's contact, and whether it was a stealth probe.
func outcomeOf(f *detect.Flow) (o outcome, stealth bool) {
	if f.Proto != packet.ProtoTCP {
		return otherOutcome(f), false
	}
	if f.Missing&detect.NoTCPFlags == 0 && f.TCPFlags[flowtable.Up]&packet.SYN == 0 {
		return stealthOutcome(f)
	}
	switch {
	case f.ClientBy != flowtable.BySYN, f.Missing&detect.NoTCPFlags != 0 && turned(f):
		return unclear, false
	case isHalfOpen(f):
		return halfOpen, false
	case f.Answered():
		return taken, false
	case !f.Failed(), oneWay(f), f.EndReason == flowtable.EndEvicted && f.Time-f.Start < tooSoon:
		return unclear, false
	}
	return refused, false
}

func otherOutcome(f *detect.Flow) outcome {
	switch {
	case !f.HasPorts() && !isRequest(f), f.ToMany():
		return unclear
	case f.Answered():
		return taken
	case !f.Failed(), f.Missing&detect.NoPackets == 0 && f.Packets[flowtable.Up] > maxProbe:
		return unclear
	}
	return refused
}

// isRequest says whether an ICMP flow asks for an answer: echo, timestamp, address mask.
func isRequest(f *detect.Flow) bool {
	switch {
	case f.Proto == packet.ProtoICMP:
		return f.ClientPort == 8 || f.ClientPort == 13 || f.ClientPort == 17
	case f.Proto == packet.ProtoICMPv6:
		return f.ClientPort == 128
	}
	return false
}

// stealthOutcome is of TCP whose client sent no SYN. NULL, FIN and Xmas scans send what no connection begins with: neither
// SYN nor ACK nor RST. ACK scans send a bare ACK, which is refused; so does a host that wakes up with connections that
// are long gone, always to the same ports, so that it is no step of the walk.
func stealthOutcome(f *detect.Flow) (outcome, bool) {
	up, down := f.TCPFlags[flowtable.Up]&^ecn, f.TCPFlags[flowtable.Down]&^ecn
	sent, back := f.Packets[flowtable.Up], f.Packets[flowtable.Down]
	refusal := back > 0 && down&^(packet.RST|packet.ACK) == 0 && down&packet.RST != 0
	switch {
	case sent == 0 || sent > maxProbe || f.HeaderCut[0] || f.HeaderCut[1] || f.Payload[0]+f.Payload[1] > 0, back > 0 && !refusal:
		return unclear, false
	case up&(packet.ACK|packet.RST) == 0:
		return refused, true
	case up == packet.ACK && refusal:
		return probed, true
	}
	return unclear, false
}

const ecn = packet.ECE | packet.CWR

// isHalfOpen says whether the server answered a SYN and the client never acknowledged it.
func isHalfOpen(f *detect.Flow) bool {
	return f.Missing&detect.NoTCPFlags == 0 && f.Packets[flowtable.Down] > 0 && f.TCPFlags[flowtable.Up]&packet.ACK == 0 &&
		f.TCPFlags[flowtable.Down]&(packet.SYN|packet.ACK) == packet.SYN|packet.ACK
}

// oneWay says whether the client goes on as if it were answered, though no answer was captured.
func oneWay(f *detect.Flow) bool {
	return f.Proto == packet.ProtoTCP && f.Missing == 0 && f.Packets[flowtable.Down] == 0 &&
		(f.Payload[flowtable.Up] > 0 || f.TCPFlags[flowtable.Up]&packet.SYN != 0 && f.TCPFlags[flowtable.Up]&packet.ACK != 0)
}

// turned says whether the history begins with ^: the first packet seen was the server's.
func turned(f *detect.Flow) bool {
	var letters [36]byte
	h := f.History.Append(letters[:0])
	return len(h) > 0 && h[0] == '^'
}
