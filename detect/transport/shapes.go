package transport

import (
	"math"

	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
	"github.com/weir-sensor/weir/payload"
)

// shape is a set of things that the sizes and times of a flow's first packets can look like.
type shape uint8

const (
	pollLadder shape = 1 << iota // an idle client asks again after times that grow by half, as meek's
	openVPN                      // both sides begin with OpenVPN's hard reset
	pionHello                    // STUN, then a DTLS hello of pion's, as Snowflake's
)

// Of meek: an idle client polls after times that grow by a factor of 1.5 up to 5 s. So many of them in a row, each 1.35 to
// 1.65 times the one before, make a ladder; times below pollFloor are answers, not polls.
const (
	ladderSteps = 3
	pollFloor   = 50_000 // us
	leastGrowth = 1.35
	mostGrowth  = 1.65
)

// tunnelPackets is how many packets with payload are looked at for a TLS handshake within TLS, tunnelBorder the log-likelihood
// ratio from which on a flow is taken for one.
const (
	tunnelPackets = 25
	tunnelBorder  = 2
)

// gaussian is a normal distribution of the base-2 logarithms of the bytes, plus 1, of four bursts in a row.
type gaussian struct {
	mean      [4]float64
	precision [4][4]float64 // inverse of the covariance
	scale     float64       // half of the logarithm of its determinant
}

// tunnelled and ordinary are the four bursts after the hellos of TLS flows: of transports that carry another TLS handshake
// within (meek, Trojan, VMess over WebSocket), and of all others of the labelled corpus; testdata/tunnel.py has fitted them. The
// idea is of Xue et al., Fingerprinting Obfuscated Proxy Traffic with Encapsulated TLS Handshakes, USENIX Security 2024.
var (
	tunnelled = gaussian{
		mean: [4]float64{9.5957, 10.2409, 8.1237, 8.3112},
		precision: [4][4]float64{{1.6555, -1.0324, -.1469, -.0976}, {-1.0324, 1.1998, .3553, .1801},
			{-.1469, .3553, 1.4242, -.4984}, {-.0976, .1801, -.4984, .5}},
		scale: -.6687,
	}
	ordinary = gaussian{
		mean: [4]float64{7.5302, 8.265, 6.7013, 10.4179},
		precision: [4][4]float64{{.7667, -.1143, .0079, .0894}, {-.1143, .1565, .0147, -.0372},
			{.0079, .0147, .3608, -.0207}, {.0894, -.0372, -.0207, .1303}},
		scale: -2.7124,
	}
)

// logDensity returns the logarithm of the density, but for a constant that all gaussians have in common.
func (g *gaussian) logDensity(v *[4]float64) float64 {
	sum := 0.0
	for i := range v {
		for j := range v {
			sum += (v[i] - g.mean[i]) * g.precision[i][j] * (v[j] - g.mean[j])
		}
	}
	return g.scale - sum/2
}

// tunnel returns the log-likelihood ratio of another TLS handshake within a TLS flow to an ordinary one; ok is false where the
// flow is none that the client began with TLS, or has too few bursts.
func tunnel(r *flowtable.Record) (ratio float64, ok bool) {
	f := r.Features
	if f.Packet[flowtable.Up].Framing != payload.FramingTLS || f.Sizes[0] < 0 {
		return 0, false
	}
	var bursts [6]float64
	n, up := 0, false
	for _, size := range f.Sizes[:min(f.SPLT, tunnelPackets)] {
		if n == 0 || size > 0 != up {
			if n == len(bursts) {
				break
			}
			up = size > 0
			n++
		}
		bursts[n-1] += math.Abs(float64(size))
	}
	if n < len(bursts) {
		return 0, false
	}
	var v [4]float64
	for i := range v {
		v[i] = log2(bursts[2+i])
	}
	return tunnelled.logDensity(&v) - ordinary.logDensity(&v), true
}

// cheapShapes returns the shapes of a flow for which nearly nothing has to be looked at, and a poll ladder.
func cheapShapes(r *flowtable.Record) (s shape) {
	f := r.Features
	if f == nil || r.Part != 0 {
		return 0
	}
	up, down := &f.Packet[flowtable.Up], &f.Packet[flowtable.Down]
	if up.Framing == payload.FramingOpenVPN && down.Framing == payload.FramingOpenVPN {
		s |= openVPN
	}
	if r.Proto == packet.ProtoUDP && f.Hello&(payload.HelloSTUN|payload.HelloPion) == payload.HelloSTUN|payload.HelloPion {
		s |= pionHello
	}
	if r.Proto == packet.ProtoTCP && up.Framing == payload.FramingTLS && ladder(f, r.RTT) >= ladderSteps {
		s |= pollLadder
	}
	return s
}

// ladder returns how many times in a row the client asked after a time longer by half than the one before.
func ladder(f *flowtable.Features, rtt int64) (longest int) {
	travel := float64(max(rtt, 0)) / 1000 // us; the gap before a question lacks the way to the sensor and back
	before, steps := 0.0, 0
	for i := 1; i < int(f.SPLT); i++ {
		if f.Sizes[i] < 0 || f.Sizes[i-1] > 0 || f.Gaps[i] < pollFloor {
			continue
		}
		now := float64(f.Gaps[i]) + travel
		if ratio := now / before; ratio > leastGrowth && ratio < mostGrowth {
			steps++
			longest = max(longest, steps)
		} else {
			steps = 0
		}
		before = now
	}
	return longest
}
