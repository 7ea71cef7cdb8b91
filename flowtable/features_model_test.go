package flowtable

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/big"
	"math/bits"
	"math/rand"
	"slices"
	"strings"
	"testing"

	"github.com/weir-sensor/weir/packet"
	"github.com/weir-sensor/weir/payload"
)

// The features of a record, said as plainly as possible: all its packets in a slice, a side's stream in a map, sums in
// whole numbers without bound. Which packets a record has is taken from the table: those of its key from its own first
// one to the next record's.

// inputsOf returns the packets of each record, in order, as they were after the table had counted them.
func inputsOf(records []Record, inputs []Input) ([][]Input, error) {
	byKey := map[modelKey][]int{}
	for i := range records {
		r := &records[i]
		p := packet.Packet{Src: r.Client, Dst: r.Server, SrcPort: r.ClientPort, DstPort: r.ServerPort, Proto: r.Proto, Version: r.Version}
		if r.ICMPOneWay {
			p.Flags = packet.OneWay
		}
		key, _ := keyOfPacket(&p)
		byKey[key] = append(byKey[key], i)
	}
	for _, places := range byKey {
		slices.SortFunc(places, func(a, b int) int { return cmp.Compare(records[a].Ordinal, records[b].Ordinal) })
	}
	out := make([][]Input, len(records))
	for _, in := range inputs {
		key, _ := keyOfPacket(&in.Packet)
		place := -1
		for _, i := range byKey[key] {
			if records[i].Ordinal <= in.Ordinal {
				place = i
			}
		}
		if place < 0 {
			return nil, fmt.Errorf("packet %d is in no record", in.Ordinal)
		}
		out[place] = append(out[place], in)
	}
	for i := range records {
		if got := records[i].Packets[Up] + records[i].Packets[Down]; got != uint64(len(out[i])) {
			return nil, fmt.Errorf("record of packet %d has %d packets, want %d", records[i].Ordinal, got, len(out[i]))
		}
	}
	return out, nil
}

func keyOfPacket(p *packet.Packet) (modelKey, int) { return (&model{}).keyOf(p) }

// modelFeatures returns the features of a record that has these packets.
func modelFeatures(r *Record, inputs []Input) Features {
	var f Features
	sides := make([]int, len(inputs))
	for i, in := range inputs {
		if in.Src != r.Client || in.SrcPort != r.ClientPort {
			sides[i] = Down
		}
	}
	for d := range 2 {
		var own []Input
		for i, in := range inputs {
			if sides[i] == d {
				own = append(own, in)
			}
		}
		f.Length[d] = modelMoments(lengthsOf(own), 1)
		f.Interval[d] = modelMoments(intervalsOf(own), 1000)
		f.Entropy[d] = modelEntropy(own)
		if r.Part == 0 {
			f.First[d] = modelStats(modelFirst(r.Proto, d, sides, inputs))
			f.Packet[d] = modelPacket(r.Proto, own)
		}
	}
	if r.Part == 0 {
		modelSPLT(&f, sides, inputs)
	}
	return f
}

func lengthsOf(inputs []Input) (lengths []int64) {
	for _, in := range inputs {
		lengths = append(lengths, int64(in.Length))
	}
	return lengths
}

// intervalsOf returns the times between packets of one direction, ns.
func intervalsOf(inputs []Input) (intervals []int64) {
	for i, in := range inputs {
		if i > 0 {
			intervals = append(intervals, max(0, in.Time-latest(inputs[:i])))
		}
	}
	return intervals
}

func latest(inputs []Input) int64 {
	t := inputs[0].Time
	for _, in := range inputs {
		t = max(t, in.Time)
	}
	return t
}

// modelMoments returns the moments of whole numbers, in units of so many.
func modelMoments(values []int64, unit int64) Moments {
	m := Moments{math.NaN(), math.NaN(), math.NaN(), math.NaN()}
	if len(values) == 0 {
		return m
	}
	sum, squares, n := new(big.Int), new(big.Int), big.NewInt(int64(len(values)))
	for _, v := range values {
		b := big.NewInt(v)
		sum.Add(sum, b)
		squares.Add(squares, b.Mul(b, b))
	}
	m.Mean = quotient(sum, new(big.Int).Mul(n, big.NewInt(unit)))
	m.Min = quotient(big.NewInt(slices.Min(values)), big.NewInt(unit))
	m.Max = quotient(big.NewInt(slices.Max(values)), big.NewInt(unit))
	if len(values) > 1 {
		// n*sum(x^2) - sum(x)^2 over n*(n-1) is the variance.
		over := new(big.Int).Mul(n, squares)
		over.Sub(over, sum.Mul(sum, sum))
		under := new(big.Int).Mul(n, new(big.Int).Sub(n, big.NewInt(1)))
		under.Mul(under, big.NewInt(unit*unit))
		variance := new(big.Float).SetPrec(300).Quo(new(big.Float).SetPrec(300).SetInt(over), new(big.Float).SetPrec(300).SetInt(under))
		m.Std, _ = variance.Sqrt(variance).Float64()
	}
	return m
}

func quotient(a, b *big.Int) float64 {
	f, _ := new(big.Rat).SetFrac(a, b).Float64()
	return f
}

func modelEntropy(inputs []Input) float64 {
	sum, n := new(big.Float).SetPrec(200), 0
	for _, in := range inputs {
		if len(in.Captured) > 0 {
			sum.Add(sum, big.NewFloat(in.Entropy))
			n++
		}
	}
	if n == 0 {
		return math.NaN()
	}
	mean, _ := sum.Quo(sum, new(big.Float).SetInt64(int64(n))).Float64()
	return mean
}

// modelFirst returns the first payload of side d, nil where it is not known.
func modelFirst(proto uint8, d int, sides []int, inputs []Input) []byte {
	switch proto {
	case packet.ProtoTCP:
		return modelFirstOfStream(d, sides, inputs)
	case packet.ProtoUDP:
		for i, in := range inputs {
			if sides[i] != d || in.PayloadLen == 0 {
				continue
			}
			n := min(in.PayloadLen, FirstPayloadBytes)
			fragment := in.Flags&packet.FragLater != 0 || in.Flags&packet.FragFirst != 0 && n < FirstPayloadBytes
			if fragment || uint32(len(in.Captured)) < n {
				return nil
			}
			return in.Captured[:n]
		}
	}
	return nil
}

// modelStream is a side's stream: the first copy of every byte, by its distance from the first one.
type modelStream struct {
	bytes         map[int64]byte
	began         bool
	first         uint32
	extent, limit int64
}

// known returns the bytes up to the limit or as far as the stream goes, nil where one is missing.
func (s *modelStream) known() (b []byte) {
	for i := range min(s.extent, s.limit) {
		v, ok := s.bytes[i]
		if !ok {
			return nil
		}
		b = append(b, v)
	}
	return b
}

func modelFirstOfStream(d int, sides []int, inputs []Input) []byte {
	s := modelStream{bytes: map[int64]byte{}, limit: FirstPayloadBytes}
	for i, in := range inputs {
		complete := s.extent >= s.limit && s.known() != nil
		switch {
		case complete:
			return s.known()
		case sides[i] != d && in.PayloadLen > 0 && s.extent > 0:
			s.limit = min(s.limit, s.extent)
		case sides[i] != d && in.Flags&packet.HeaderCut != 0 && s.extent > 0 && s.extent < s.limit:
			return nil // it may have been an answer
		case sides[i] == d && !s.add(&in):
			return nil
		}
	}
	return s.known()
}

// add reports whether the stream may still be known.
func (s *modelStream) add(in *Input) bool {
	if in.Flags&(packet.HeaderCut|packet.FragFirst|packet.FragLater) != 0 {
		return false // it has bytes of which the place is not known
	}
	at := in.Seq
	if in.TCPFlags&packet.SYN != 0 {
		at++
		if !s.began {
			s.began, s.first = true, at
		}
	}
	if in.PayloadLen == 0 {
		return true
	}
	if !s.began {
		return false // where these bytes belong was not known when they came
	}
	offset := int64(int32(at - s.first))
	s.extent = max(s.extent, offset+int64(in.PayloadLen))
	for j, b := range in.Captured {
		if _, ok := s.bytes[offset+int64(j)]; !ok {
			s.bytes[offset+int64(j)] = b
		}
	}
	return true
}

// modelPacket returns what the first packet of a side's looks like.
func modelPacket(proto uint8, own []Input) payload.Packet {
	m := payload.NewMeter()
	began, first := false, uint32(0)
	for _, in := range own {
		cut := in.Flags&(packet.HeaderCut|packet.FragFirst|packet.FragLater) != 0
		at := in.Seq
		if in.TCPFlags&packet.SYN != 0 {
			at++
		}
		switch {
		case proto == packet.ProtoUDP && in.PayloadLen == 0:
			continue
		case proto == packet.ProtoUDP && !cut && uint32(len(in.Captured)) >= min(in.PayloadLen, 1500):
			return m.Packet(in.Captured, int(in.PayloadLen), true)
		case proto != packet.ProtoTCP || cut:
			return payload.Packet{}
		}
		if in.TCPFlags&packet.SYN != 0 && !began {
			began, first = true, at
		}
		for j := range in.PayloadLen {
			if began && at+j == first {
				if rest := in.PayloadLen - j; uint32(len(in.Captured)) >= j+min(rest, 1500) {
					return m.Packet(in.Captured[j:], int(rest), false)
				}
				return payload.Packet{}
			}
		}
		if in.PayloadLen > 0 && !began {
			return payload.Packet{}
		}
	}
	return payload.Packet{}
}

func modelStats(b []byte) payload.Stats {
	s := payload.Stats{Length: len(b)}
	if len(b) == 0 {
		return s
	}
	counts, ones, printable, run := map[byte]int{}, 0, 0, 0
	for _, v := range b {
		counts[v]++
		ones += bits.OnesCount8(v)
		if run++; v < ' ' || v > '~' {
			run = 0
		} else {
			printable++
		}
		s.PrintableRun = max(s.PrintableRun, run)
	}
	n := float64(len(b))
	for v := range 256 {
		if c := counts[byte(v)]; c > 0 {
			s.Entropy -= float64(c) / n * math.Log2(float64(c)/n)
		}
	}
	s.BitsSet, s.Printable = float64(ones)/n, float64(printable)/n
	return s
}

func modelSPLT(f *Features, sides []int, inputs []Input) {
	for i, in := range inputs {
		if in.PayloadLen == 0 || f.SPLT == SPLTPackets {
			continue
		}
		f.Sizes[f.SPLT] = int32(in.PayloadLen)
		if sides[i] == Down {
			f.Sizes[f.SPLT] *= -1
		}
		if i > 0 {
			f.Gaps[f.SPLT] = uint32(min(max(0, in.Time-latest(inputs[:i]))/1000, math.MaxUint32))
		}
		f.SPLT++
	}
}

// compareFeatures says where the features differ: whole numbers, and what is taken as it came, at all, others by more
// than 1e-9 of their size.
func compareFeatures(got, want *Features) error {
	var problems []error
	bad := func(name string, got, want any) {
		problems = append(problems, fmt.Errorf("%s: got %v, want %v", name, got, want))
	}
	for d := range 2 {
		side := [...]string{"up", "down"}[d]
		if !sameMoments(got.Length[d], want.Length[d]) {
			bad("length "+side, got.Length[d], want.Length[d])
		}
		if !sameMoments(got.Interval[d], want.Interval[d]) {
			bad("interval "+side, got.Interval[d], want.Interval[d])
		}
		if !sameFloat(got.Entropy[d], want.Entropy[d]) {
			bad("entropy "+side, got.Entropy[d], want.Entropy[d])
		}
		if !sameStats(got.First[d], want.First[d]) {
			bad("first payload "+side, got.First[d], want.First[d])
		}
		if got.Packet[d] != want.Packet[d] {
			bad("first packet "+side, got.Packet[d], want.Packet[d])
		}
	}
	if got.SPLT != want.SPLT || got.Sizes != want.Sizes {
		bad("sizes", got.Sizes[:got.SPLT], want.Sizes[:want.SPLT])
	}
	if got.Gaps != want.Gaps {
		bad("gaps", got.Gaps[:got.SPLT], want.Gaps[:want.SPLT])
	}
	return errors.Join(problems...)
}

func sameMoments(a, b Moments) bool {
	return sameFloat(a.Mean, b.Mean) && sameFloat(a.Std, b.Std) && sameFloat(a.Min, b.Min) && sameFloat(a.Max, b.Max)
}

func sameStats(a, b payload.Stats) bool {
	return a.Length == b.Length && a.PrintableRun == b.PrintableRun &&
		sameFloat(a.Entropy, b.Entropy) && sameFloat(a.BitsSet, b.BitsSet) && sameFloat(a.Printable, b.Printable)
}

// sameFloat compares to 1e-9 of the second; NaN equals NaN.
func sameFloat(got, want float64) bool {
	return math.IsNaN(got) && math.IsNaN(want) || math.Abs(got-want) <= 1e-9*math.Abs(want)
}

// listing says what the packets of a record are, as far as the first payload is concerned.
func listing(r *Record, inputs []Input) string {
	var b strings.Builder
	for _, in := range inputs[:min(len(inputs), 60)] {
		way := "down"
		if in.Src == r.Client && in.SrcPort == r.ClientPort {
			way = "up"
		}
		fmt.Fprintf(&b, "%6d %4s seq %d TCP flags %#02x flags %#02x payload %d captured %d\n", in.Ordinal, way, in.Seq, in.TCPFlags, in.Flags, in.PayloadLen, len(in.Captured))
	}
	return b.String()
}

// featureTally is how often what is worth a test came up.
type featureTally struct{ records, parts, turned, full, firsts, unknown, packets, lost int }

// checkHostile runs the packets of a seed with room for so many first payloads, see checkFeatures.
func checkHostile(seed int64, buffers int, tally *featureTally) error {
	rnd := rand.New(rand.NewSource(seed))
	inputs := hostileInputs(rnd, 20+rnd.Intn(800))
	cfg := hostileConfig(rnd)
	cfg.MaxFirstPayloads = buffers
	return checkFeatures(cfg, inputs, rnd, tally)
}

// checkFeatures runs the packets and compares every feature of every record with the model. With few buffers for first
// payloads, one may be unknown that the model knows, but no more than the table has counted.
func checkFeatures(cfg Config, inputs []Input, rnd *rand.Rand, tally *featureTally) error {
	run, err := runHostile(cfg, inputs, rnd)
	if err != nil {
		return err
	}
	packets, err := inputsOf(run.records, inputs)
	if err != nil {
		return err
	}
	lost := 0
	for i := range run.records {
		r := &run.records[i]
		want := modelFeatures(r, packets[i])
		tally.add(r, &want, packets[i][0].Src)
		if r.Features == nil {
			return fmt.Errorf("record of packet %d has no features", r.Ordinal)
		}
		for d := range want.First {
			if r.Proto == packet.ProtoTCP && r.Features.First[d].Length == 0 && want.First[d].Length > 0 {
				want.First[d] = payload.Stats{}
				lost++
			}
		}
		if err := compareFeatures(r.Features, &want); err != nil {
			return fmt.Errorf("record of packet %d, protocol %d, part %d:\n%w\n%s", r.Ordinal, r.Proto, r.Part, err, listing(r, packets[i]))
		}
	}
	tally.lost += lost
	if given := run.table.Counters().GivenUp; lost > int(given) {
		return fmt.Errorf("%d first payloads are not known, %d were given up", lost, given)
	}
	return nil
}

func (n *featureTally) add(r *Record, want *Features, source packet.Addr) {
	n.records++
	if r.Part > 0 {
		n.parts++
	} else if r.Client != source {
		n.turned++
	}
	if want.SPLT == SPLTPackets {
		n.full++
	}
	for d, s := range want.First {
		if want.Packet[d].Length > 0 {
			n.packets++
		}
		switch {
		case r.Proto != packet.ProtoTCP:
		case s.Length > 0:
			n.firsts++
		case r.Part == 0 && r.TCPFlags[d]&packet.SYN != 0 && r.Payload[d] > 0:
			n.unknown++
		}
	}
}

// Whatever the packets, every feature of every record is what the plain model says.
func TestFeaturesEqualModel(t *testing.T) {
	rounds := 600
	if testing.Short() {
		rounds = 100
	}
	var tally featureTally
	for seed := range int64(rounds) {
		if err := checkHostile(seed, DefaultConfig().MaxFirstPayloads, &tally); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
	t.Logf("%+v", tally)
	if least := min(tally.parts, tally.turned, tally.full, tally.firsts, tally.unknown, tally.packets); least < rounds/4 || tally.lost > 0 {
		t.Error("too few, or lost")
	}
}

// With few buffers first payloads are given up, but none is told wrongly.
func TestFewFirstPayloadsEqualModel(t *testing.T) {
	const rounds = 100
	var tally featureTally
	for seed := range int64(rounds) {
		if err := checkHostile(seed, 1+int(seed%3), &tally); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
	t.Logf("%+v", tally)
	if tally.lost < rounds/4 {
		t.Error("too few lost")
	}
}

// A group by itself gives what it gives with all others.
func TestFeatureGroupsAlone(t *testing.T) {
	values := func(f *Features, group string) string {
		switch group {
		case "lengths":
			return fmt.Sprint(f.Length)
		case "intervals":
			return fmt.Sprint(f.Interval)
		case "entropy":
			return fmt.Sprint(f.Entropy)
		case "first_payload":
			return fmt.Sprint(f.First)
		case "first_packet":
			return fmt.Sprint(f.Packet)
		}
		return fmt.Sprint(f.SPLT, f.Sizes, f.Gaps)
	}
	compared := 0
	for seed := range int64(20) {
		rnd := rand.New(rand.NewSource(seed))
		inputs := hostileInputs(rnd, 500)
		cfg := hostileConfig(rnd)
		all, err := runHostile(cfg, inputs, rnd)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		for _, group := range FeatureGroups() {
			cfg.Features = []string{group}
			alone, err := runHostile(cfg, inputs, rnd)
			if err != nil || len(alone.records) != len(all.records) {
				t.Fatalf("seed %d, %s: got %d records, want %d: %v", seed, group, len(alone.records), len(all.records), err)
			}
			for i := range all.records {
				got, want := values(alone.records[i].Features, group), values(all.records[i].Features, group)
				if compared++; got != want {
					t.Fatalf("seed %d, %s alone, record %d: got %s, want %s", seed, group, i, got, want)
				}
			}
		}
	}
	t.Logf("%d compared", compared)
}
