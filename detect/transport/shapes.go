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
	paddedFlights shape = 1 << iota // both first flights are of 141 to 8192 bytes, as obfs4's handshake
	nestedTLS                       // bursts in the flow are like those of a TLS handshake
	pollLadder                      // an idle client asks again after times that grow by half, as meek's
	openVPN                         // both sides begin with OpenVPN's hard reset
)

// Limits of obfs4's handshake, bytes, each way (obfs4's specification: padding makes them uniform within).
const minFlight, maxFlight = 141, 8192

// Of meek: an idle client polls after times that grow by a factor of 1.5 up to 5 s. So many of them in a row, each 1.35 to
// 1.65 times the one before, make a ladder; times below pollFloor are answers, not polls.
const (
	ladderSteps = 3
	pollFloor   = 50_000 // us
	leastGrowth = 1.35
	mostGrowth  = 1.65
)

// nestedCentre and nestedScale describe four bursts in a row, client first, of a TLS handshake within a flow: medians and
// scaled median absolute deviations of the base-2 logarithms of their bytes, in the flows of Trojan and of VMess over
// WebSocket of the labelled corpus. Four bursts within nestedRadius of it look like one (Xue et al., Fingerprinting
// Obfuscated Proxy Traffic with Encapsulated TLS Handshakes, USENIX Security 2024, for the idea).
var (
	nestedCentre = [4]float64{8.73, 10.48, 8.64, 10.09}
	nestedScale  = [4]float64{1.05, 1.49, .74, 2.65}
)

const (
	nestedRadius  = 3
	nestedPackets = 25 // packets with payload that are looked at
)

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
	if r.Proto == packet.ProtoTCP && up.Framing == payload.FramingTLS && ladder(f, r.RTT) >= ladderSteps {
		s |= pollLadder
	}
	return s
}

// hitShapes returns the shapes of a flow that the model calls.
func hitShapes(r *flowtable.Record) (s shape) {
	var bursts [nestedPackets]float64 // bytes
	n, up := 0, false
	for _, size := range r.Features.Sizes[:min(r.Features.SPLT, nestedPackets)] {
		if n == 0 || size > 0 != up {
			up = size > 0
			n++
		}
		bursts[n-1] += math.Abs(float64(size))
	}
	within := func(v float64) bool { return v >= minFlight && v <= maxFlight }
	if n >= 3 && within(bursts[0]) && within(bursts[1]) { // the second one ended too
		s |= paddedFlights
	}
	first := 0
	if r.Features.Sizes[0] < 0 {
		first = 1
	}
	for i := first; i+4 <= n; i += 2 {
		if nested(bursts[i : i+4]) {
			return s | nestedTLS
		}
	}
	return s
}

// nested says whether four bursts are like those of a TLS handshake.
func nested(bursts []float64) bool {
	sum := 0.0
	for i, b := range bursts {
		z := (log2(b) - nestedCentre[i]) / nestedScale[i]
		sum += z * z
	}
	return sum < nestedRadius*nestedRadius
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
