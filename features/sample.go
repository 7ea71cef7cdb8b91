package features

import (
	"math"
	"math/bits"

	"github.com/weir-sensor/weir/packet"
)

// sample is what a window needs of a packet, in 28 bytes where a struct would take 32: the time, the entropy, the sequence
// number, the ports with the client's in the upper half, and the payload's length, at most maxLength, above bits.
type sample [sampleWords]uint32

const sampleWords = 7

// The bits of a sample.
const (
	toClient   = 1 << iota // it goes down
	ack                    // ACK is set
	push                   // PSH is set
	cut                    // the payload was not captured to its end
	long                   // it is longer than the wire could carry
	sampleBits = iota
)

// maxLength is the longest payload that a sample tells from longer ones: 128 MB, which only a jumbogram could have.
const maxLength = 1<<(32-sampleBits) - 1

// set fills all of the sample.
func (x *sample) set(p *packet.Packet, d int, time int64, entropy float64, mtu uint32) {
	e := math.Float64bits(entropy)
	x[0], x[1] = uint32(time), uint32(time>>32)
	x[2], x[3] = uint32(e), uint32(e>>32)
	x[4] = p.Seq
	x[5] = bits.RotateLeft32(uint32(p.SrcPort)<<16|uint32(p.DstPort), 16*d)
	flags := uint32(d) // toClient
	if p.TCPFlags&packet.ACK != 0 {
		flags |= ack
	}
	if p.TCPFlags&packet.PSH != 0 {
		flags |= push
	}
	if p.Flags&packet.PayloadCut != 0 {
		flags |= cut
	}
	if p.Flags&packet.NoLength != 0 || p.Length > mtu {
		flags |= long
	}
	x[6] = min(p.PayloadLen, maxLength)<<sampleBits | flags
}

func (x *sample) time() int64         { return int64(x[1])<<32 | int64(x[0]) }
func (x *sample) entropy() float64    { return math.Float64frombits(uint64(x[3])<<32 | uint64(x[2])) }
func (x *sample) seq() uint32         { return x[4] }
func (x *sample) ports() uint32       { return x[5] }
func (x *sample) length() uint32      { return x[6] >> sampleBits }
func (x *sample) has(bit uint32) bool { return x[6]&bit != 0 }
func (x *sample) direction() int      { return int(x[6] & toClient) }
