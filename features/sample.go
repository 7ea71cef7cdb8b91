package features

import (
	"math"

	"github.com/weir-sensor/weir/packet"
)

// sample is what a window needs of a packet.
type sample struct {
	time    int64
	entropy float64
	seq     uint32
	ports   uint32 // the client's in the upper half
	length  uint32 // of the payload, at most maxLength
	bits    uint32
}

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

func newSample(p *packet.Packet, d int, time int64, entropy float64, mtu uint32) sample {
	x := sample{time: time, entropy: entropy, seq: p.Seq, length: min(p.PayloadLen, maxLength),
		ports: uint32(p.SrcPort)<<16 | uint32(p.DstPort)}
	if d == down {
		x.ports = uint32(p.DstPort)<<16 | uint32(p.SrcPort)
		x.bits = toClient
	}
	if p.TCPFlags&packet.ACK != 0 {
		x.bits |= ack
	}
	if p.TCPFlags&packet.PSH != 0 {
		x.bits |= push
	}
	if p.Flags&packet.PayloadCut != 0 {
		x.bits |= cut
	}
	if p.Flags&packet.NoLength != 0 || p.Length > mtu {
		x.bits |= long
	}
	return x
}

// sampleWords is how many words a sample is kept in: 28 bytes, where the struct would take 32.
const sampleWords = 7

func (x *sample) pack() [sampleWords]uint32 {
	e := math.Float64bits(x.entropy)
	return [...]uint32{uint32(x.time), uint32(x.time >> 32), uint32(e), uint32(e >> 32), x.seq, x.ports, x.length<<sampleBits | x.bits}
}

func unpack(w *[sampleWords]uint32) sample {
	return sample{
		time:    int64(w[1])<<32 | int64(w[0]),
		entropy: math.Float64frombits(uint64(w[3])<<32 | uint64(w[2])),
		seq:     w[4], ports: w[5], length: w[6] >> sampleBits, bits: w[6] & (1<<sampleBits - 1),
	}
}
