package output

import (
	"math"
	"slices"

	"github.com/weir-sensor/weir/flowtable"
)

// FlowFeature is a column of a flow feature, and where its value is. One of Value, Pairs and Text is set: Pairs where the
// column's Type is Pairs, Text where it is String.
type FlowFeature struct {
	Column
	Group string // of flowtable.FeatureGroups

	// Value returns the value, a whole number that a uint64 holds where the Type is Integer, or NaN where it is null.
	Value func(f *flowtable.Features) float64
	// Pairs appends the pairs to dst, and returns it. There is room for all where dst has Max elements to spare.
	Pairs func(dst [][2]int64, f *flowtable.Features) [][2]int64
	// Text returns one of the column's Enum, or "" where it is null.
	Text func(f *flowtable.Features) string
}

// FlowFeatures returns the columns of the groups in the order of flowtable.FeatureGroups, whatever the order of groups.
// The caller owns the slice.
func FlowFeatures(groups []string) []FlowFeature {
	var all []FlowFeature
	for _, g := range flowtable.FeatureGroups() {
		if slices.Contains(groups, g) {
			all = append(all, featureGroup(g)...)
		}
	}
	return all
}

// featureGroup returns the columns of one group.
func featureGroup(name string) []FlowFeature {
	var all []FlowFeature
	switch name {
	case "lengths":
		all = perDirection(lengthFeatures)
	case "intervals":
		all = perDirection(intervalFeatures)
	case "entropy":
		all = perDirection(entropyFeatures)
	case "first_payload":
		all = perDirection(firstPayloadFeatures)
	case "splt":
		all = []FlowFeature{spltFeature()}
	case "bursts":
		all = []FlowFeature{burstsFeature()}
	case "first_packet":
		all = perDirection(firstPacketFeatures)
	default:
		panic("bug: no columns of flow features " + name)
	}
	for i := range all {
		all[i].Group = name
	}
	return all
}

// side is one direction of a flow, in the words of the columns.
type side struct {
	d                  int // Up or Down
	name, way, speaker string
}

// perDirection returns the columns of the first direction, then those of the second.
func perDirection(columns func(s side) []FlowFeature) []FlowFeature {
	return append(columns(side{flowtable.Up, "up", "from client to server", "client"}),
		columns(side{flowtable.Down, "down", "from server to client", "server"})...)
}

const (
	docSample = "square root of the sum of squared differences from the mean / (n - 1)"
	// maxLength is the longest IP packet that a header can announce, or a frame be in a capture.
	maxLength = math.MaxUint32
)

func lengthFeatures(s side) []FlowFeature {
	column := func(name, doc, source string, kind Type, value func(m *flowtable.Moments) float64) FlowFeature {
		return FlowFeature{
			Column: Column{Name: "len_" + name + "_" + s.name, Type: kind, Unit: "bytes", Nullable: true, Max: maxLength, Doc: doc, Source: source},
			Value:  func(f *flowtable.Features) float64 { return value(&f.Length[s.d]) },
		}
	}
	const source = "IPv4 total length; IPv6 payload length + 40"
	return []FlowFeature{
		column("mean", "Mean IP length of the packets "+s.way+"; null without packets.", "sum / n of "+source, Number,
			func(m *flowtable.Moments) float64 { return m.Mean }),
		column("std", "Sample standard deviation of these lengths; null with fewer than two packets.", docSample, Number,
			func(m *flowtable.Moments) float64 { return m.Std }),
		column("min", "Least of these lengths; null without packets.", source, Integer,
			func(m *flowtable.Moments) float64 { return m.Min }),
		column("max", "Greatest of these lengths; null without packets.", source, Integer,
			func(m *flowtable.Moments) float64 { return m.Max }),
	}
}

func intervalFeatures(s side) []FlowFeature {
	column := func(name, doc, source string, value func(m *flowtable.Moments) float64) FlowFeature {
		return FlowFeature{
			Column: Column{Name: "interval_" + name + "_" + s.name, Type: Number, Unit: "us", Nullable: true, Doc: doc, Source: source},
			Value:  func(f *flowtable.Features) float64 { return value(&f.Interval[s.d]) },
		}
	}
	const source = "timestamps of the capture; 0 where one is earlier than the latest before it"
	return []FlowFeature{
		column("mean", "Mean time from one packet "+s.way+" to the next; null with fewer than two packets.", "sum / n of "+source,
			func(m *flowtable.Moments) float64 { return m.Mean }),
		column("std", "Sample standard deviation of these intervals; null with fewer than three packets.", docSample,
			func(m *flowtable.Moments) float64 { return m.Std }),
		column("min", "Least of these intervals; null with fewer than two packets.", source,
			func(m *flowtable.Moments) float64 { return m.Min }),
		column("max", "Greatest of these intervals; null with fewer than two packets.", source,
			func(m *flowtable.Moments) float64 { return m.Max }),
	}
}

func entropyFeatures(s side) []FlowFeature {
	return []FlowFeature{{
		Column: Column{Name: "entropy_mean_" + s.name, Type: Number, Unit: "bits per byte", Nullable: true, Max: 8,
			Doc:    "Mean of the Shannon entropies of the payloads " + s.way + "; null without captured payload.",
			Source: "mean over packets with captured payload of -sum(p*log2(p)), p the share of each byte value"},
		Value: func(f *flowtable.Features) float64 { return f.Entropy[s.d] },
	}}
}

func firstPayloadFeatures(s side) []FlowFeature {
	column := func(name, unit, doc, source string, kind Type, most uint64) FlowFeature {
		return FlowFeature{Column: Column{
			Name: "first_payload_" + s.name + "_" + name, Type: kind, Unit: unit, Nullable: true, Max: most,
			Doc: doc + "; null where the first payload is not known.", Source: source,
		}}
	}
	all := []FlowFeature{
		column("length", "bytes", "Length of the "+s.speaker+"'s first payload", "see First payload", Integer, flowtable.FirstPayloadBytes),
		column("entropy", "bits per byte", "Shannon entropy of its bytes", "-sum(p*log2(p)), p the share of each byte value", Number, 8),
		column("bits_set", "bits per byte", "Mean number of one bits in its bytes", "one bits / length", Number, 8),
		column("printable", "share", "Share of its bytes that are printable ASCII", "bytes 0x20 to 0x7e / length", Number, 1),
		column("printable_run", "bytes", "Longest run of printable ASCII in it", "bytes 0x20 to 0x7e in a row", Integer, flowtable.FirstPayloadBytes),
	}
	// Length is 0 where nothing is known.
	value := func(i int, get func(f *flowtable.Features) float64) {
		all[i].Value = func(f *flowtable.Features) float64 {
			if f.First[s.d].Length == 0 {
				return math.NaN()
			}
			return get(f)
		}
	}
	value(0, func(f *flowtable.Features) float64 { return float64(f.First[s.d].Length) })
	value(1, func(f *flowtable.Features) float64 { return f.First[s.d].Entropy })
	value(2, func(f *flowtable.Features) float64 { return f.First[s.d].BitsSet })
	value(3, func(f *flowtable.Features) float64 { return f.First[s.d].Printable })
	value(4, func(f *flowtable.Features) float64 { return float64(f.First[s.d].PrintableRun) })
	return all
}

func spltFeature() FlowFeature {
	return FlowFeature{
		Column: Column{Name: "splt", Type: Pairs, Unit: "bytes, us", Max: flowtable.SPLTPackets,
			Doc: "Payload length, up positive and down negative, and time since the flow's previous packet of any kind, " +
				"of each of the first 32 packets with payload; empty without, and in parts after the first.",
			Source: "length fields of the headers; timestamps of the capture, 0 where one is earlier than the latest before it, at most 4294967295 us"},
		Pairs: appendSPLT,
	}
}

// appendSPLT appends the lengths and gaps of the flow's first packets with payload.
func appendSPLT(dst [][2]int64, f *flowtable.Features) [][2]int64 {
	for i := range f.SPLT {
		dst = append(dst, [2]int64{int64(f.Sizes[i]), int64(f.Gaps[i])})
	}
	return dst
}

func burstsFeature() FlowFeature {
	return FlowFeature{
		Column: Column{Name: "bursts", Type: Pairs, Unit: "packets, bytes", Max: flowtable.BurstPackets,
			Doc: "Packets, and payload bytes, up positive and down negative, of each run of one direction " +
				"among the first 25 packets with payload; empty without, and in parts after the first.",
			Source: "the payload lengths of splt: neighbours of the same sign added up"},
		Pairs: appendBursts,
	}
}

// appendBursts appends the packets and signed bytes of each run of one direction.
func appendBursts(dst [][2]int64, f *flowtable.Features) [][2]int64 {
	sizes := f.Sizes[:min(f.SPLT, flowtable.BurstPackets)]
	for i, size := range sizes {
		if i == 0 || (size < 0) != (sizes[i-1] < 0) {
			dst = append(dst, [2]int64{})
		}
		burst := &dst[len(dst)-1]
		burst[0]++
		burst[1] += int64(size)
	}
	return dst
}
