package flowtable

import "github.com/weir-sensor/weir/payload"

// firstState says how far the first payload, or the first packet, of a flow's end is known.
type firstState uint8

const (
	firstUnseen firstState = iota // nothing of the end that counts
	firstReady                    // TCP: its SYN was seen
	firstOpen                     // TCP: some of its payload is in a buffer
	firstDone                     // measured
	firstLost                     // it will never be known
)

// progress is how far a flow's first packets are told.
type progress struct {
	ends  [2]uint8      // firstState of the end's first packet, never firstOpen, and in the upper four bits that of its first payload
	told  uint8         // packets with payload that were told, at most SPLTPackets
	hello payload.Hello // with packetGroup, of UDP
}

// over is the progress of a flow's later parts.
var over = progress{ends: [2]uint8{uint8(firstLost)<<4 | uint8(firstLost), uint8(firstLost)<<4 | uint8(firstLost)}, told: SPLTPackets}

func (p *progress) first(d int) firstState  { return firstState(p.ends[d] >> 4) }
func (p *progress) packet(d int) firstState { return firstState(p.ends[d] & 15) }

func (p *progress) setFirst(d int, s firstState)  { p.ends[d] = p.ends[d]&15 | uint8(s)<<4 }
func (p *progress) setPacket(d int, s firstState) { p.ends[d] = p.ends[d]&^15 | uint8(s) }

// any says whether the first packet of either end is in the state.
func (p *progress) any(s firstState) bool { return p.packet(0) == s || p.packet(1) == s }
