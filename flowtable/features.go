package flowtable

import (
	"slices"

	"github.com/weir-sensor/weir/payload"
)

// FeatureGroups returns the names of the groups of flow features, in the order of their columns. The caller owns the
// slice.
func FeatureGroups() []string {
	return []string{"lengths", "intervals", "entropy", "first_payload", "splt", "bursts", "first_packet"}
}

// AllFeatures stands in Config.Features for all groups.
const AllFeatures = "all"

// Groups returns the groups of flow features that are computed, in the order of FeatureGroups. The caller owns the slice.
func (c Config) Groups() []string {
	return slices.DeleteFunc(FeatureGroups(), func(g string) bool {
		return !slices.Contains(c.Features, g) && !slices.Contains(c.Features, AllFeatures)
	})
}

// Limits of what a flow's features look at.
const (
	SPLTPackets       = 32   // packets with payload in Features.SPLT
	BurstPackets      = 25   // packets with payload whose bursts are told
	FirstPayloadBytes = 1500 // bytes of a side's stream in Features.First
)

// Features are what the packets of a flow record look like. Arrays of two are indexed by Up and Down. Of a group that is
// off nothing is known: numbers are NaN, Length of First and Packet, and SPLT are 0. Bursts are made from Sizes, so either of splt and
// bursts sets these.
type Features struct {
	Length   [2]Moments // of the packets' IP total lengths, bytes
	Interval [2]Moments // between packets of one direction, us
	Entropy  [2]float64 // mean over packets with captured payload, bits per byte; NaN: there were none

	// First says what the first payload of each side looks like: what it said before the other side said more, and
	// FirstPayloadBytes of that at most. Its Length is 0 where that is not known.
	First [2]payload.Stats

	// Packet says what the first packet with payload of each side looks like: of TCP the one with the first byte after
	// the SYN. Its Length is 0 where that is not known.
	Packet [2]payload.Packet

	// Hello says what is known of the DTLS ClientHello among the first datagrams of UDP, with the group of Packet. It is no
	// column of records.
	Hello payload.Hello

	Sizes [SPLTPackets]int32  // signed payload lengths, up positive, of the first packets with payload
	Gaps  [SPLTPackets]uint32 // us since the flow's latest timestamp before, 0 if that is later; the largest value stands for all above
	SPLT  uint8               // how many there are
}

// Moments describe the distribution of a quantity. Mean, Min and Max are NaN without values, Std, the sample standard
// deviation (n-1), with fewer than two.
type Moments struct{ Mean, Std, Min, Max float64 }
