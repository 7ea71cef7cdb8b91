package output

import (
	"math"

	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/payload"
)

// firstPacketFeatures returns the columns of what the first packet of one side looks like.
func firstPacketFeatures(s side) []FlowFeature {
	column := func(name string, kind Type, unit string, most uint64, doc, source string, get func(p *payload.Packet) float64) FlowFeature {
		return FlowFeature{
			Column: Column{Name: "first_packet_" + s.name + "_" + name, Type: kind, Unit: unit, Nullable: true, Max: most,
				Doc: doc + "; null where the first packet is not known.", Source: source},
			Value: func(f *flowtable.Features) float64 {
				if f.Packet[s.d].Length == 0 {
					return math.NaN()
				}
				return get(&f.Packet[s.d])
			},
		}
	}
	framing := FlowFeature{
		Column: Column{Name: "first_packet_" + s.name + "_framing", Type: String, Unit: "name", Nullable: true,
			Enum:   payload.FramingNames[:],
			Doc:    "What it begins as; null where the first packet is not known.",
			Source: "its first bytes and its length, see First packet"},
		Text: func(f *flowtable.Features) string {
			if f.Packet[s.d].Length == 0 {
				return ""
			}
			return f.Packet[s.d].Framing.String()
		},
	}
	const random = "mean and standard deviation of random bytes of that length: payload/testdata/entropy.py"
	return []FlowFeature{
		column("length", Integer, "bytes", payload.PacketBytes, "Payload length of the "+s.speaker+"'s first packet with payload, 1500 at most", "see First packet",
			func(p *payload.Packet) float64 { return float64(p.Length) }),
		column("entropy", Number, "bits per byte", 8, "Shannon entropy of its payload", "-sum(p*log2(p)), p the share of each byte value",
			func(p *payload.Packet) float64 { return p.Entropy }),
		column("entropy_z", Real, "standard deviations", 0, "By how much this is above the mean of as many random bytes; null for one byte", "(entropy - mean) / "+random,
			(*payload.Packet).EntropyZ),
		column("chi_square", Number, "1", 0, "Chi-square statistic of its bytes against equally likely values", "sum of (c - n/256)^2 / (n/256), c the count of each byte value",
			(*payload.Packet).ChiSquare),
		column("bits_set", Number, "bits per byte", 8, "Mean number of one bits in its bytes", "one bits / length",
			(*payload.Packet).BitsSet),
		column("printable", Number, "share", 1, "Share of its bytes that are printable ASCII", "bytes 0x20 to 0x7e / length",
			(*payload.Packet).PrintableShare),
		column("printable_run", Integer, "bytes", payload.PacketBytes, "Longest run of printable ASCII in it", "bytes 0x20 to 0x7e in a row",
			func(p *payload.Packet) float64 { return float64(p.Run) }),
		column("printable_lead", Integer, "bytes", payload.PacketBytes, "Printable ASCII bytes that it begins with", "bytes 0x20 to 0x7e in a row",
			func(p *payload.Packet) float64 { return float64(p.Lead) }),
		column("exempt", Integer, "set", uint64(payload.AllExemptions), "Exemptions that it meets of the published rules for fully encrypted traffic, added up; 0: it looks fully encrypted",
			"1: bits, 2: lead, 4: share, 8: run, 16: protocol, see First packet",
			func(p *payload.Packet) float64 { return float64(p.Exempt) }),
		framing,
	}
}
