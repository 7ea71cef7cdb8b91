package transport

import (
	"fmt"
	"math"

	"github.com/weir-sensor/weir/features"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
	"github.com/weir-sensor/weir/payload"
)

// Limits of what the numbers of a flow's start look at.
const (
	StartPackets = 12   // packets with payload
	leastPackets = 5    // packets with payload that a flow needs
	startBursts  = 8    // runs of one direction
	startLengths = 10   // packets whose lengths are columns of their own
	fullSegment  = 1300 // bytes: payloads as long or longer are full segments, however long these are on the path
)

// FlowGroups returns the groups of flow features that a flow's start is made from. The caller owns the slice.
func FlowGroups() []string { return []string{"splt", "first_packet"} }

// framingClasses are framings by what they say of a protocol: fully encrypted ones have none.
var framingClasses = [...]struct {
	name string
	has  func(payload.Framing) bool
}{
	{"tls", func(f payload.Framing) bool { return f == payload.FramingTLS || f == payload.FramingDTLS }},
	{"text", func(f payload.Framing) bool {
		return f == payload.FramingHTTP || f == payload.FramingSSH || f == payload.FramingText
	}},
	{"length", func(f payload.Framing) bool {
		return f == payload.FramingLength16 || f == payload.FramingLength32 || f == payload.FramingDER || f == payload.FramingMySQL ||
			f == payload.FramingRPC || f == payload.FramingRDP || f == payload.FramingSMB
	}},
	{"known", func(f payload.Framing) bool { return f != payload.FramingNone }},
}

// startFeatures describes the numbers of a flow's start, in the order of AppendStart.
func startFeatures() []features.ContractFeature {
	var all []features.ContractFeature
	add := func(unit, format string, args ...any) {
		all = append(all, features.ContractFeature{Name: fmt.Sprintf(format, args...), Unit: unit})
	}
	for _, d := range []string{"up", "down"} {
		add("log2 bytes", "first_len_%s", d)
		add("standard deviations", "first_entropy_z_%s", d)
		add("standard deviations", "first_bits_z_%s", d)
		add("standard deviations", "first_chi_z_%s", d)
		add("share", "first_printable_%s", d)
		add("bytes", "first_lead_%s", d)
		add("bytes", "first_run_%s", d)
		add("0 or 1", "first_unexempt_%s", d)
		for _, c := range framingClasses {
			add("0 or 1", "framing_%s_%s", c.name, d)
		}
	}
	add("0 or 1", "client_first")
	for i := range startBursts {
		add("log2 bytes", "burst_%d", i+1)
	}
	for i := range startLengths {
		add("bytes", "len_%d", i+1)
	}
	for _, d := range []string{"up", "down"} {
		add("bytes", "len_min_%s", d)
		add("bytes", "len_mean_%s", d)
		add("share", "full_%s", d)
	}
	add("share", "distinct_len")
	add("share", "top_len")
	add("share", "len_mod_8")
	add("share", "len_mod_16")
	add("packets", "bursts_per_packet")
	add("round-trip times", "answer_after")
	add("round-trip times", "second_after")
	add("round-trip times", "longest_gap_in_burst")
	return all
}

// AppendStart appends the numbers of a flow's start to dst: of the first packets with payload, at most limit and
// StartPackets of them, in the order of the contract's features. What is not known is NaN. It does not allocate where dst
// has room.
func AppendStart(dst []float64, r *flowtable.Record, limit int) []float64 {
	f := r.Features
	if f == nil {
		f = &flowtable.Features{}
	}
	for d := range 2 {
		dst = appendFirst(dst, &f.Packet[d])
	}
	n := min(int(f.SPLT), StartPackets, limit)
	s := start{sizes: f.Sizes[:n], gaps: f.Gaps[:n], rtt: float64(r.RTT) / 1000}
	return s.append(dst)
}

// appendFirst appends what is known of one side's first packet.
func appendFirst(dst []float64, p *payload.Packet) []float64 {
	if p.Length == 0 {
		for range 8 + len(framingClasses) {
			dst = append(dst, math.NaN())
		}
		return dst
	}
	n := float64(p.Length)
	dst = append(dst, log2(n), p.EntropyZ(), p.BitsZ(), (p.ChiSquare()-255)/math.Sqrt(510*max(n-1, 1)/n), p.PrintableShare(),
		float64(min(p.Lead, 64)), float64(min(p.Run, 64)), indicator(p.Exempt == 0))
	for i := range framingClasses {
		dst = append(dst, indicator(framingClasses[i].has(p.Framing)))
	}
	return dst
}

// start are a flow's first packets with payload.
type start struct {
	sizes []int32
	gaps  []uint32 // us
	rtt   float64  // us; negative: not known
}

func (s *start) append(dst []float64) []float64 {
	if len(s.sizes) == 0 {
		for range len(startFeatures()) - 2*(8+len(framingClasses)) {
			dst = append(dst, math.NaN())
		}
		return dst
	}
	dst = append(dst, indicator(s.sizes[0] > 0))
	dst = s.appendBursts(dst)
	for i := range startLengths {
		v := math.NaN()
		if i < len(s.sizes) {
			v = float64(min(max(s.sizes[i], -fullSegment), fullSegment))
		}
		dst = append(dst, v)
	}
	dst = s.appendSide(dst, 1)
	dst = s.appendSide(dst, -1)
	dst = s.appendPatterns(dst)
	return s.appendTimes(dst)
}

// appendBursts appends the bytes of the first runs of one direction.
func (s *start) appendBursts(dst []float64) []float64 {
	n := 0
	for i := 0; i < len(s.sizes) && n < startBursts; n++ {
		sum := 0.0
		for up := s.sizes[i] > 0; i < len(s.sizes) && s.sizes[i] > 0 == up; i++ {
			sum += math.Abs(float64(s.sizes[i]))
		}
		dst = append(dst, log2(sum))
	}
	for ; n < startBursts; n++ {
		dst = append(dst, math.NaN())
	}
	return dst
}

// appendSide appends what the lengths of one side are; sign is 1 or -1.
func (s *start) appendSide(dst []float64, sign int32) []float64 {
	least, sum, full, n := int32(fullSegment), int32(0), 0, 0
	for _, size := range s.sizes {
		if l := min(size*sign, fullSegment); l > 0 {
			least = min(least, l)
			sum += l
			full += count(l == fullSegment)
			n++
		}
	}
	if n == 0 {
		return append(dst, math.NaN(), math.NaN(), math.NaN())
	}
	return append(dst, float64(least), float64(sum)/float64(n), float64(full)/float64(n))
}

// appendPatterns appends how lengths repeat: the share of distinct ones, of the most common, and of those among shorter than
// full segments that are multiples of 8 and 16; and the share of turns.
func (s *start) appendPatterns(dst []float64) []float64 {
	distinct, top, turns, short, by8, by16 := 0, 0, 1, 0, 0, 0
	repeated := uint32(0) // bit i: a length before is sizes[i]
	for i, size := range s.sizes {
		if repeated>>i&1 == 0 {
			distinct++
			times := 1
			for j := i + 1; j < len(s.sizes); j++ {
				same := count(s.sizes[j] == size)
				repeated |= uint32(same) << j
				times += same
			}
			top = max(top, times)
		}
		if i > 0 {
			turns += count(size > 0 != (s.sizes[i-1] > 0))
		}
		if size > -fullSegment && size < fullSegment {
			short++
			by8 += count(size%8 == 0)
			by16 += count(size%16 == 0)
		}
	}
	n := float64(len(s.sizes))
	return append(dst, float64(distinct)/n, float64(top)/n, float64(by8)/float64(short), float64(by16)/float64(short), // NaN where all are full
		float64(turns)/n)
}

// appendTimes appends, in round-trip times, when the other side answered, when the first one went on after that, and the
// longest gap within runs of one direction.
func (s *start) appendTimes(dst []float64) []float64 {
	if s.rtt <= 0 {
		return append(dst, math.NaN(), math.NaN(), math.NaN())
	}
	const none = -1
	answers, n, longest := [2]int64{none, none}, 0, int64(none) // us
	for i := 1; i < len(s.sizes); i++ {
		switch gap := int64(s.gaps[i]); {
		case s.sizes[i] > 0 == (s.sizes[i-1] > 0):
			longest = max(longest, gap)
		case n < len(answers):
			answers[n] = gap
			n++
		}
	}
	for _, gap := range [...]int64{answers[0], answers[1], longest} {
		ratio := math.NaN()
		if gap != none {
			ratio = min(float64(gap)/s.rtt, 1000)
		}
		dst = append(dst, ratio)
	}
	return dst
}

// Judgeable says whether a flow's start can be judged: TCP from its handshake on, payload of both sides, and leastPackets or
// more with payload. With fewer, an encrypted handshake of BitTorrent is like one of a transport.
func Judgeable(r *flowtable.Record) bool {
	return r.Proto == packet.ProtoTCP && r.Part == 0 && r.Features != nil && r.Features.SPLT >= leastPackets &&
		r.Features.Packet[flowtable.Up].Length > 0 && r.Features.Packet[flowtable.Down].Length > 0
}

// Earliest returns with which of its packets with payload, from 1, a flow that can be judged could be first: the fifth, or the
// first of the side that speaks later.
func Earliest(r *flowtable.Record) int {
	sizes := r.Features.Sizes[:r.Features.SPLT]
	for i := range sizes {
		if sizes[i] > 0 != (sizes[0] > 0) {
			return max(leastPackets, i+1)
		}
	}
	return len(sizes) + 1
}

func log2(x float64) float64 { return math.Log2(1 + x) }

func indicator(b bool) float64 { return float64(count(b)) }

// count takes no branch, which nobody could foretell.
func count(b bool) (n int) {
	if b {
		n = 1
	}
	return n
}
