package doctor

import "slices"

// Severity says how bad a finding is.
type Severity string

const (
	Info    Severity = "info"    // worth knowing; nothing is distorted by it
	Warning Severity = "warning" // what is measured differs from what was on the wire
	Error   Severity = "error"   // nothing can be measured
)

// The names of findings: a closed list.
const (
	NoPermission    = "no_permission"    // capturing is not allowed
	InterfaceDown   = "interface_down"   // it is, or was for a while
	Silence         = "silence"          // nothing arrived
	UnknownLink     = "unknown_link"     // frames of a link type that weir does not read
	ReceiveOffload  = "receive_offload"  // GRO or LRO is on
	SendOffload     = "send_offload"     // TSO or GSO is on
	OffloadsUnknown = "offloads_unknown" // the system does not say
	LargeSegments   = "large_segments"   // packets longer than the wire carries
	OneWay          = "one_way"          // connections of which one direction is seen
	Duplicates      = "duplicates"       // packets seen twice
	StrippedVLAN    = "stripped_vlan"    // VLAN tags that were taken off
	CutPackets      = "cut_packets"      // captured in part
	RingDrops       = "ring_drops"       // lost for want of room in the ring
	InterfaceDrops  = "interface_drops"  // lost before the ring
	ClockSteps      = "clock_steps"      // time went backwards, or leapt
	NotPromiscuous  = "not_promiscuous"  // frames for others are not taken
)

// Finding is one thing that was found.
type Finding struct {
	Name     string             `json:"name"`
	Severity Severity           `json:"severity"`
	Seen     string             `json:"seen"`    // what was seen, with the numbers, in words
	Numbers  map[string]float64 `json:"numbers"` // the same for programs; never nil
	Effect   string             `json:"effect"`  // what it does to the measurement
	Mend     string             `json:"mend"`    // the command that mends it, or what to do
}

// Distorts says whether any of the findings is worse than Info.
func Distorts(findings []Finding) bool {
	return slices.ContainsFunc(findings, func(f Finding) bool { return f.Severity != Info })
}

// sorted orders findings from the worst to the mildest and keeps the order of equals.
func sorted(findings []Finding) []Finding {
	rank := []Severity{Error, Warning, Info}
	slices.SortStableFunc(findings, func(a, b Finding) int {
		return slices.Index(rank, a.Severity) - slices.Index(rank, b.Severity)
	})
	return findings
}
