package flowfile

import (
	"math"
	"slices"
	"strings"

	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/output"
	"github.com/weir-sensor/weir/payload"
)

// weirFeatureSetters returns, for each of the columns, what puts its number into features; nil for those that are no
// feature or no number.
func weirFeatureSetters(columns []string) []func(f *flowtable.Features, v float64) {
	setters := make([]func(f *flowtable.Features, v float64), len(columns))
	set := func(name string, to func(f *flowtable.Features, v float64)) {
		if i := slices.Index(columns, name); i >= 0 {
			setters[i] = to
		}
	}
	for d, side := range [...]string{"up", "down"} {
		moments := func(name string, of func(f *flowtable.Features) *flowtable.Moments) {
			set(name+"_mean_"+side, func(f *flowtable.Features, v float64) { of(f).Mean = v })
			set(name+"_std_"+side, func(f *flowtable.Features, v float64) { of(f).Std = v })
			set(name+"_min_"+side, func(f *flowtable.Features, v float64) { of(f).Min = v })
			set(name+"_max_"+side, func(f *flowtable.Features, v float64) { of(f).Max = v })
		}
		moments("len", func(f *flowtable.Features) *flowtable.Moments { return &f.Length[d] })
		moments("interval", func(f *flowtable.Features) *flowtable.Moments { return &f.Interval[d] })
		set("entropy_mean_"+side, func(f *flowtable.Features, v float64) { f.Entropy[d] = v })
		first := func(name string, to func(s *payload.Stats, v float64)) {
			set("first_payload_"+side+"_"+name, func(f *flowtable.Features, v float64) {
				if v == v {
					to(&f.First[d], v)
				}
			})
		}
		first("entropy", func(s *payload.Stats, v float64) { s.Entropy = v })
		first("bits_set", func(s *payload.Stats, v float64) { s.BitsSet = v })
		first("printable", func(s *payload.Stats, v float64) { s.Printable = v })
		first("length", func(s *payload.Stats, v float64) { s.Length = payloadBytes(v) })
		first("printable_run", func(s *payload.Stats, v float64) { s.PrintableRun = payloadBytes(v) })
		setFirstPacket(side, d, set)
	}
	return setters
}

// weirGroups returns, for each of flowtable.FeatureGroups, the first of its columns.
func weirGroups(columns []string) (first []int) {
	for _, group := range flowtable.FeatureGroups() {
		name := output.FlowColumns(output.Columns{Features: []string{group}})[weirFeatures].Name
		first = append(first, slices.Index(columns, name))
	}
	return first
}

// setFirstPacket sets what puts numbers into the first packet of a side, whose length comes first: the others are shares of
// it, or made from sums of whole numbers, which come back by rounding.
func setFirstPacket(side string, d int, set func(name string, to func(f *flowtable.Features, v float64))) {
	column := func(name string, to func(p *payload.Packet, v float64)) {
		set("first_packet_"+side+"_"+name, func(f *flowtable.Features, v float64) {
			if v == v {
				to(&f.Packet[d], v)
			}
		})
	}
	count := func(v float64) uint16 { return uint16(math.Round(min(max(v, 0), math.MaxUint16))) }
	column("length", func(p *payload.Packet, v float64) { p.Length = count(min(v, payload.PacketBytes)) })
	column("entropy", func(p *payload.Packet, v float64) { p.Entropy = v })
	column("chi_square", func(p *payload.Packet, v float64) {
		n := float64(p.Length)
		p.Squares = uint32(math.Round(min(max((v+n)*n/256, 0), math.MaxUint32)))
	})
	column("bits_set", func(p *payload.Packet, v float64) { p.Ones = count(v * float64(p.Length)) })
	column("printable", func(p *payload.Packet, v float64) { p.Printable = count(v * float64(p.Length)) })
	column("printable_run", func(p *payload.Packet, v float64) { p.Run = count(v) })
	column("printable_lead", func(p *payload.Packet, v float64) { p.Lead = count(v) })
	column("exempt", func(p *payload.Packet, v float64) { p.Exempt = payload.Exemptions(count(v)) & payload.AllExemptions })
}

// payloadBytes returns a number of bytes of a first payload.
func payloadBytes(v float64) int { return int(min(max(v, 0), flowtable.FirstPayloadBytes)) }

// readWeirFeatures reads the features that the row has.
func readWeirFeatures(r *row, setters []func(f *flowtable.Features, v float64)) {
	nan := math.NaN()
	f := &flowtable.Features{Entropy: [2]float64{nan, nan}}
	for d := range 2 {
		f.Length[d] = flowtable.Moments{Mean: nan, Std: nan, Min: nan, Max: nan}
		f.Interval[d] = f.Length[d]
	}
	for c := weirFeatures; c < len(setters); c++ {
		if set := setters[c]; set != nil {
			set(f, r.number(c))
			continue
		}
		switch name := r.columns[c]; {
		case !r.has(c):
		case name == "splt":
			r.splt(c, f)
		case name == "first_packet_up_framing":
			f.Packet[flowtable.Up].Framing = r.framing(c)
		case name == "first_packet_down_framing":
			f.Packet[flowtable.Down].Framing = r.framing(c)
		}
	}
	r.record.Features = f
}

// framing reads the name of a framing.
func (r *row) framing(column int) payload.Framing {
	i := slices.Index(payload.FramingNames[:], string(r.bytes(column)))
	if i < 0 {
		r.fail(column, "the name of a framing")
		return payload.FramingNone
	}
	return payload.Framing(i)
}

// splt reads pairs of whole numbers, whatever stands between them.
func (r *row) splt(column int, f *flowtable.Features) {
	list := r.bytes(column)
	n := 0
	for i := 0; i < len(list); {
		end := i
		for end < len(list) && (list[end] >= '0' && list[end] <= '9' || list[end] == '-') {
			end++
		}
		if end == i {
			i++
			continue
		}
		v, ok := parseUint([]byte(strings.TrimPrefix(string(list[i:end]), "-")))
		switch {
		case !ok || n == 2*flowtable.SPLTPackets || n%2 == 0 && v > math.MaxInt32 || v > math.MaxUint32:
			r.fail(column, "32 pairs of a length and a time at the most")
			return
		case n%2 == 1:
			f.Gaps[n/2] = uint32(v)
		case list[i] == '-':
			f.Sizes[n/2] = -int32(v)
		default:
			f.Sizes[n/2] = int32(v)
		}
		n++
		i = end
	}
	f.SPLT = uint8(n / 2)
}
