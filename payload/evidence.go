package payload

import "math"

const (
	// printableRandom is the share of printable bytes among random ones.
	printableRandom = 95.0 / 256
	// What follows was fitted on half of the labelled corpus, to benign TCP that is not encrypted as a whole: medians, over
	// kinds of traffic, of |z|/n and |z|/sqrt(n) for n bytes. The other half gave .39, .53 and .33.
	entropyScale   = 0.4
	bitsScale      = 0.55
	printableScale = 0.33
	// leastEvidence bounds what one measure can say against randomness, so that no term outweighs all others.
	leastEvidence = -10
	// unframed and framed are the logarithms of how much more often random payloads have no framing, or one, than others:
	// .9995/.1 and .0005/.9.
	unframed = 2.3
	framed   = -7.5
	// LeastRandom is the shortest payload, in bytes, that Random speaks of.
	LeastRandom = 64
	// chiBytes is the length from which the quantiles of chi-square with 255 degrees of freedom hold; chiLeast and chiMost
	// leave 1 in 10,000 at either end.
	chiBytes          = 256
	chiLeast, chiMost = 179.4, 347.7
)

// Random tells a packet of 64 bytes or more that looks fully encrypted: none of the published exemptions, entropy at most
// three standard deviations below that of random bytes, chi-square inside its limits where there are 256 bytes, and no known
// framing. Of random payloads of 128 bytes and more 99 in 100 do.
func (p *Packet) Random() bool {
	chi := p.ChiSquare()
	return p.Length >= LeastRandom && p.Exempt == 0 && p.Framing == FramingNone && p.EntropyZ() >= -3 &&
		(p.Length < chiBytes || chi >= chiLeast && chi <= chiMost)
}

// Evidence returns the logarithm of how much more likely the payload is among random ones than among those that are not:
// above 0 for a payload that looks fully encrypted, the more so the longer it is. The evidence of both sides of a flow may be
// added up. It is 0 for an unknown packet and for one of less than two bytes.
//
// It adds up what uniformity (entropy or chi-square, by the one that is farther from random bytes), one bits, printable bytes
// and framing say. Of random bytes the first three are standard normal (z); of others, whose distance grows with the length,
// they are taken to have a Cauchy distribution.
func (p *Packet) Evidence() float64 {
	if p.Length < 2 {
		return 0
	}
	n := float64(p.Length)
	uniform := p.EntropyZ()
	if chi := (255 - p.ChiSquare()) / math.Sqrt(510*(n-1)/n); math.Abs(chi) > math.Abs(uniform) {
		uniform = chi
	}
	letters := (float64(p.Printable) - n*printableRandom) / math.Sqrt(n*printableRandom*(1-printableRandom))
	e := evidence(uniform, entropyScale*n) + evidence(p.BitsZ(), bitsScale*math.Sqrt(n)) + evidence(letters, printableScale*math.Sqrt(n))
	if p.Framing == FramingNone {
		return e + unframed
	}
	return e + framed
}

// evidence is the logarithm of the standard normal density at z by that of a Cauchy distribution of that scale, 1 at least.
func evidence(z, scale float64) float64 {
	scale = max(scale, 1)
	normal := -z*z/2 - math.Log(2*math.Pi)/2
	cauchy := -math.Log(math.Pi * scale * (1 + z*z/scale/scale))
	return max(leastEvidence, normal-cauchy)
}
