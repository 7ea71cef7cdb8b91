package doctor

import (
	"fmt"
	"time"
)

// From which share and which number on something is a finding: below, it may be chance, or a host's own doing.
const (
	largeShare, largeLeast   = 0, 1
	oneWayShare, oneWayLeast = 0.1, 3
	copyShare, copyLeast     = 0.01, 10
	tagShare, tagLeast       = 0.05, 3
	paddedShare, paddedLeast = 0.01, 10
)

// reaches says whether n of all are a finding.
func reaches(n, all uint64, share float64, least uint64) bool {
	return n >= least && float64(n) >= share*float64(all)
}

// Findings returns what the traffic shows, and what s says where it is not nil, the worst first.
func (t *Traffic) Findings(s *System) []Finding {
	found := []Finding{}
	if s != nil {
		found = s.findings(t)
	}
	if t.packets == 0 && s == nil {
		found = append(found, Finding{
			Name: Silence, Severity: Warning, Seen: "there is no packet in it", Numbers: map[string]float64{"packets": 0},
			Effect: "nothing can be said", Mend: "take another capture",
		})
	}
	for _, judge := range []func(*System) (Finding, bool){
		t.unknown, t.largeSegments, t.oneWay, t.duplicates, t.strippedTags, t.cuts, t.clockSteps,
	} {
		if f, ok := judge(s); ok {
			found = append(found, f)
		}
	}
	return sorted(found)
}

func (t *Traffic) unknown(*System) (Finding, bool) {
	return Finding{
		Name: UnknownLink, Severity: Error,
		Seen:    fmt.Sprintf("%d of %d packets have link type %d, which weir does not read", t.unknownLink, t.packets, t.unknownLinkType),
		Numbers: map[string]float64{"packets": float64(t.unknownLink), "link_type": float64(t.unknownLinkType)},
		Effect:  "these packets are in no flow",
		Mend:    "capture on an interface with another link type ('weir interfaces' lists them)",
	}, t.unknownLink > 0
}

func (t *Traffic) largeSegments(s *System) (Finding, bool) {
	f := Finding{
		Name: LargeSegments, Severity: Warning,
		Seen: fmt.Sprintf("%d of %d IP packets (%s) are longer than the MTU of %d bytes, the longest has %d; this host sent %d of them",
			t.large, t.ip, percent(t.large, t.ip), t.opt.MTU, t.largest, t.largeOwn),
		Numbers: map[string]float64{"packets": float64(t.large), "share": share(t.large, t.ip), "own": float64(t.largeOwn),
			"longest": float64(t.largest), "mtu": float64(t.opt.MTU)},
		Effect: "packet counts, packet lengths and the times between packets are those of merged segments, not of the wire's packets",
		Mend: "capture again with GRO, LRO, TSO and GSO off (ethtool -K IFACE gro off lro off tso off gso off); " +
			"where the network has jumbo frames, tell: --set flow.mtu=9000",
	}
	if s != nil {
		f.Mend = s.largeMend(t)
	}
	return f, reaches(t.large, t.ip, largeShare, largeLeast)
}

func (t *Traffic) oneWay(*System) (Finding, bool) {
	j := t.flows.judge()
	return Finding{
		Name: OneWay, Severity: Warning,
		Seen: fmt.Sprintf("of %d TCP connections in which both ends talk, %d (%s) are seen in one direction only",
			j.talking, j.oneWay, percent(uint64(j.oneWay), uint64(j.talking))),
		Numbers: map[string]float64{"connections": float64(j.talking), "one_way": float64(j.oneWay),
			"share": share(uint64(j.oneWay), uint64(j.talking))},
		Effect: "half of these flows is missing: states, round-trip times, client and server, and every feature of the other direction",
		Mend: "let the switch mirror both directions of the port (rx and tx), or both links of a bundle or of asymmetric routes; " +
			"on Linux, a second tc filter with mirred on the other hook (ingress, egress); a --filter must take both directions, too",
	}, reaches(uint64(j.oneWay), uint64(j.talking), oneWayShare, oneWayLeast)
}

func (t *Traffic) duplicates(s *System) (Finding, bool) {
	c := &t.copies
	n := c.same + c.routed
	f := Finding{
		Name: Duplicates, Severity: Warning,
		Seen: fmt.Sprintf("%d of %d packets (%s) were seen a second time within %v, %d of them with another hop count",
			n, c.eligible, percent(n, c.eligible), copyTime, c.routed),
		Numbers: map[string]float64{"packets": float64(n), "share": share(n, c.eligible), "routed": float64(c.routed)},
		Effect:  "packets and bytes are counted twice, and second copies look like retransmissions",
		Mend:    "let the switch mirror each packet at one port (rx alone, where all ports are mirrored), or drop second copies: --set capture.dedup=true",
	}
	switch {
	case s != nil && s.Whole:
		f.Mend = "watch one interface instead of all, or drop second copies: --set capture.dedup=true"
	case c.routed > c.same:
		f.Mend = "mirror one side of the router alone: its two sides see the same packets with different hop counts, which capture.dedup keeps"
	}
	return f, reaches(n, c.eligible, copyShare, copyLeast)
}

func (t *Traffic) strippedTags(s *System) (Finding, bool) {
	j := t.flows.judge()
	half := reaches(uint64(j.halfTags), uint64(j.twoWay), tagShare, tagLeast)
	short := reaches(t.paddedShort, t.ip, paddedShare, paddedLeast) && t.paddedShort > t.padded
	f := Finding{
		Name: StrippedVLAN, Severity: Warning,
		Seen: fmt.Sprintf("%d of %d TCP connections have VLAN tags in one direction alone; %d frames have %d bytes, which padded frames have "+
			"when a tag was taken out of them", j.halfTags, j.twoWay, t.paddedShort, leastFrameStripped),
		Numbers: map[string]float64{"half_tagged": float64(j.halfTags), "connections": float64(j.twoWay), "short_frames": float64(t.paddedShort)},
		Effect:  "the VLAN of flows is unknown or wrong, and flow.key_vlan tears the two directions of a flow apart",
		Mend:    "let the mirror keep the tags (on switches: encapsulation replicate, or dot1q)",
	}
	if s != nil && s.Offloads["rx-vlan-hw-parse"] {
		f.Mend = "ethtool -K " + s.Interface + " rxvlan off; if that does not help, " + f.Mend
	}
	return f, half || short
}

func (t *Traffic) cuts(s *System) (Finding, bool) {
	f := Finding{
		Name: CutPackets, Severity: Warning,
		Seen: fmt.Sprintf("%d of %d packets (%s) were captured in part, at most %d bytes of each; %d bytes are missing, and %d packets "+
			"were cut before they came here", t.cut, t.packets, percent(t.cut, t.packets), t.longestCut, t.cutBytes, t.cutOnWire),
		Numbers: map[string]float64{"packets": float64(t.cut), "share": share(t.cut, t.packets), "longest": float64(t.longestCut),
			"missing_bytes": float64(t.cutBytes), "cut_on_wire": float64(t.cutOnWire)},
		Effect: "entropy and first payloads are those of what is left of the payloads; checksums cannot be verified; lengths are right",
		Mend:   "capture again with the whole packets (tcpdump -s 0)",
	}
	switch {
	case t.cutOnWire > t.cut/2:
		f.Mend = "let the mirror send whole packets (truncation or packet slicing is on there)"
	case s != nil:
		f.Mend = "leave the snaplen as large as it is by default"
	}
	return f, t.cut > 0
}

func (t *Traffic) clockSteps(s *System) (Finding, bool) {
	steps, farthest := t.back, time.Duration(t.farthestBack)
	if s != nil {
		steps += s.ClockSteps
		farthest = max(farthest, s.FarthestStep)
	}
	f := Finding{
		Name: ClockSteps, Severity: Warning,
		Seen:    fmt.Sprintf("time went back between packets, or the clock leapt, %d times, by up to %v", steps, farthest),
		Numbers: map[string]float64{"steps": float64(steps), "farthest_seconds": farthest.Seconds()},
		Effect:  "durations, times between packets and round-trip times around a step are wrong; flows may end early or late",
		Mend:    "sort the packets by time (reordercap, or mergecap for several files)",
	}
	if s != nil {
		f.Mend = "let the clock be slewed instead of set: 'chronyc makestep' once before measuring, no ntpdate, no 'date -s' while it runs"
	}
	return f, steps > 0
}

func share(n, all uint64) float64 {
	if all == 0 {
		return 0
	}
	return float64(n) / float64(all)
}

func percent(n, all uint64) string { return fmt.Sprintf("%.1f %%", 100*share(n, all)) }
