package flowfile

import (
	"math"
	"slices"
	"strings"

	"github.com/weir-sensor/weir/flowtable"
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
	}
	return setters
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
		} else if r.columns[c] == "splt" && r.has(c) {
			r.splt(c, f)
		}
	}
	r.record.Features = f
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
