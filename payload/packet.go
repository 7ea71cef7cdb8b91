package payload

import "math"

// PacketBytes is how many bytes of a packet's payload Packet looks at.
const PacketBytes = 1500

// Packet is what the payload of one packet, its first PacketBytes, looks like: what tests for encrypted traffic need. All of
// it is 0 where the packet is not known.
type Packet struct {
	Entropy   float64 // Shannon entropy, bits per byte, 0..8
	Squares   uint32  // sum over the byte values of the square of how often each occurs
	Length    uint16  // bytes looked at
	Ones      uint16  // one bits
	Printable uint16  // bytes 0x20..0x7e
	Run       uint16  // the most of them in a row, bytes
	Lead      uint16  // how many of them it begins with, bytes
	Exempt    Exemptions
	Framing   Framing
}

// Packet measures a packet's payload of so many bytes, of which b holds the first, PacketBytes at least where there are as
// many. udp says that it is a datagram; else it is a segment of a TCP stream. It does not allocate, and keeps nothing of b.
func (m *Meter) Packet(b []byte, length int, udp bool) Packet {
	return m.Framed(b, FramingOf(b, length, udp))
}

// Framed is Packet of a payload whose framing is known.
func (m *Meter) Framed(b []byte, framing Framing) Packet {
	b = b[:min(len(b), PacketBytes)]
	if len(b) == 0 {
		return Packet{}
	}
	entropy, squares := m.distribution(b)
	n, run := printable(b)
	p := Packet{
		Entropy: entropy, Squares: squares, Length: uint16(len(b)), Ones: uint16(bitsSet(b)),
		Printable: uint16(n), Run: uint16(run), Lead: uint16(lead(b, len(b))), Framing: framing,
	}
	p.Exempt = exempt(b, int(p.Ones), n, run, int(p.Lead))
	return p
}

// distribution returns the entropy of at most tableBytes bytes, as Entropy does, and the sum of their counts' squares.
func (m *Meter) distribution(b []byte) (entropy float64, squares uint32) {
	var sum int64
	if len(b) < manyBytes {
		few := &m.few
		for _, v := range b {
			c := few[v]
			few[v] = c + 1
			sum += m.step[c]
			squares += 2*uint32(c) + 1
		}
		for _, v := range b {
			few[v] = 0
		}
	} else {
		var counts [256]uint16
		for _, v := range b {
			counts[v]++
		}
		for _, c := range counts {
			sum += m.plogp[c]
			squares += uint32(c) * uint32(c)
		}
	}
	n := len(b)
	return float64(m.plogp[n]-sum) / unit / float64(n), squares
}

// BitsSet returns the mean number of one bits per byte, 0..8; NaN for an unknown packet.
func (p *Packet) BitsSet() float64 { return float64(p.Ones) / float64(p.Length) }

// PrintableShare returns the share of printable bytes, 0..1; NaN for an unknown packet.
func (p *Packet) PrintableShare() float64 { return float64(p.Printable) / float64(p.Length) }

// ChiSquare returns Pearson's statistic against equally likely byte values, the sum of (c - n/256)^2 / (n/256) over their
// counts c: of random bytes its mean is 255 and its variance 510*(n-1)/n. NaN for an unknown packet.
func (p *Packet) ChiSquare() float64 {
	n := float64(p.Length)
	return 256*float64(p.Squares)/n - n
}

// BitsZ returns by how many standard deviations the number of one bits is above that of as many random bytes: their mean is
// 4n, and their variance 2n. NaN for an unknown packet.
func (p *Packet) BitsZ() float64 {
	n := float64(p.Length)
	return (float64(p.Ones) - 4*n) / math.Sqrt(2*n)
}

// EntropyZ returns by how many standard deviations the entropy is above the mean of that of as many random bytes. NaN for
// an unknown packet, and for one byte, whose entropy does not vary.
func (p *Packet) EntropyZ() float64 {
	if p.Length < 2 {
		return math.NaN()
	}
	random := randomEntropy[p.Length]
	return (p.Entropy - random[0]) / random[1]
}
