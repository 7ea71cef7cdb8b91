package doctor

import (
	"fmt"
	"strings"
	"time"

	"github.com/weir-sensor/weir/capture"
)

// System is what the system says of an interface and of the capture on it.
type System struct {
	Interface string
	Peer      bool // the other end is an interface of this host (veth), whose offloads show here, too
	Whole     bool // it is all interfaces at once, of which no single one can be asked

	Denied  string // why capturing is not allowed, "": it is
	Down    bool   // it was down when it was opened
	Watched time.Duration
	Stats   capture.Stats
	Buffer  int    // bytes of the capture's buffer
	Setting string // the key of the configuration that is the buffer of a live run on the interface

	Offloads        map[string]bool // names of features as ethtool lists them, those that are on; nil where not known
	OffloadsUnknown string          // why
	Promiscuous     bool            // it was, while it was watched
	Loopback        bool

	ClockSteps   uint64        // how often the system's clock left the monotonic one behind, or fell behind it
	FarthestStep time.Duration // the longest of the steps
}

// ClockStep is from which difference between two looks at the clocks on the wall clock was set. Slewing makes less:
// 500 millionths at most.
const ClockStep = 10 * time.Millisecond

// SawClocks counts a step where the wall clock and the monotonic one went on by different times between two looks.
func (s *System) SawClocks(wall, monotonic time.Duration) {
	if step := (wall - monotonic).Abs(); step >= ClockStep {
		s.ClockSteps++
		s.FarthestStep = max(s.FarthestStep, step)
	}
}

// The offloads that change packets, by ethtool's names of the features, with what ethtool -K calls them.
var (
	receiveOffloads = [][2]string{{"rx-gro", "gro"}, {"rx-lro", "lro"}, {"rx-gro-hw", "rx-gro-hw"}, {"rx-gro-list", "rx-gro-list"}}
	sendOffloads    = [][2]string{{"tx-tcp-segmentation", "tso"}, {"tx-tcp6-segmentation", "tso"}, {"tx-generic-segmentation", "gso"},
		{"tx-udp-segmentation", "tx-udp-segmentation"}}
)

// findings are those that do not come from packets.
func (s *System) findings(t *Traffic) []Finding {
	switch {
	case s.Denied != "":
		return []Finding{{
			Name: NoPermission, Severity: Error, Seen: "no permission to capture on " + s.Interface, Numbers: map[string]float64{},
			Effect: "nothing can be measured", Mend: s.Denied,
		}}
	case s.Down:
		return []Finding{{
			Name: InterfaceDown, Severity: Error, Seen: s.Interface + " is down", Numbers: map[string]float64{},
			Effect: "nothing can be measured", Mend: "ip link set " + s.Interface + " up",
		}}
	}
	var found []Finding
	add := func(ok bool, f Finding) {
		if ok {
			found = append(found, f)
		}
	}
	add(s.Stats.Outages > 0, Finding{
		Name: InterfaceDown, Severity: Warning, Seen: fmt.Sprintf("%s went down %d times while it was watched", s.Interface, s.Stats.Outages),
		Numbers: map[string]float64{"outages": float64(s.Stats.Outages)},
		Effect:  "what passed meanwhile is missing, and nothing says how much that was",
		Mend:    "look at the cable and at the switch's port ('ip -s -s link show " + s.Interface + "' counts carrier losses)",
	})
	add(t.packets == 0, Finding{
		Name: Silence, Severity: Warning, Seen: fmt.Sprintf("nothing arrived on %s in %.1f s", s.Interface, s.Watched.Seconds()),
		Numbers: map[string]float64{"packets": 0, "seconds": s.Watched.Seconds()},
		Effect:  "there is nothing to measure, and nothing else can be said",
		Mend:    "look whether the mirror is on, and 'ip -s link show " + s.Interface + "' whether its counters move; watch for longer with --seconds",
	})
	found = append(found, s.losses()...)
	found = append(found, s.offloads(t)...)
	add(!s.Promiscuous && !s.Loopback && !s.Whole, Finding{
		Name: NotPromiscuous, Severity: Warning, Seen: s.Interface + " takes only frames that are for this host",
		Numbers: map[string]float64{}, Effect: "what a mirror sends, which is for others, is missing",
		Mend: "ip link set " + s.Interface + " promisc on",
	})
	add(s.Whole, Finding{
		Name: NotPromiscuous, Severity: Info, Seen: s.Interface + " takes only frames that are for this host, or from it",
		Numbers: map[string]float64{}, Effect: "what a mirror sends is missing; packets that pass two interfaces are seen twice",
		Mend: "watch the mirror's own interface ('weir interfaces' lists them)",
	})
	return found
}

// losses are packets that were there and could not be read.
func (s *System) losses() (found []Finding) {
	all := s.Stats.Packets + s.Stats.Dropped
	if s.Stats.Dropped > 0 {
		found = append(found, Finding{
			Name: RingDrops, Severity: Warning,
			Seen: fmt.Sprintf("%d of %d packets (%s) found no room in the buffer of %d MiB, at %.0f packets/s",
				s.Stats.Dropped, all, percent(s.Stats.Dropped, all), s.Buffer>>20, float64(all)/max(s.Watched.Seconds(), 1e-9)),
			Numbers: map[string]float64{"dropped": float64(s.Stats.Dropped), "share": share(s.Stats.Dropped, all),
				"packets_per_second": float64(all) / max(s.Watched.Seconds(), 1e-9), "buffer_bytes": float64(s.Buffer)},
			Effect: "flows have gaps: fewer packets and bytes, retransmissions that were none",
			Mend: fmt.Sprintf("a larger %s ('weir doctor -i %s --buffer %d' tries one), more shards, or a filter for what need not be measured",
				s.Setting, s.Interface, max(1, 2*s.Buffer>>20)),
		})
	}
	if lost := s.Stats.InterfaceMissed + s.Stats.InterfaceFIFO + s.Stats.BacklogDropped; lost+s.Stats.InterfaceDropped > 0 {
		f := Finding{
			Name: InterfaceDrops, Severity: Warning,
			Seen: fmt.Sprintf("%s counts packets that were lost before they could be captured, or may have been: %d missed, %d by overruns, %d dropped, of which %d at most found the kernel's queue full",
				s.Interface, s.Stats.InterfaceMissed, s.Stats.InterfaceFIFO, s.Stats.InterfaceDropped, s.Stats.BacklogDropped),
			Numbers: map[string]float64{"missed": float64(s.Stats.InterfaceMissed), "fifo": float64(s.Stats.InterfaceFIFO),
				"dropped": float64(s.Stats.InterfaceDropped), "backlog": float64(s.Stats.BacklogDropped)},
			Effect: "flows have gaps that no capture program sees",
			Mend:   "ethtool -G " + s.Interface + " rx 4096 ('ethtool -g' says how many there may be), and spread the interrupts over the CPUs",
		}
		switch lost {
		case 0:
			f.Severity, f.Mend = Info, "nothing, where the host has no use for what it is sent: rx_dropped also counts what was captured and then dropped"
		case s.Stats.BacklogDropped:
			f.Mend = "sysctl -w net.core.netdev_max_backlog=10000 ('sysctl net.core.netdev_max_backlog' says what it is), and spread the interrupts over the CPUs"
		}
		found = append(found, f)
	}
	return found
}

// offloads are those that are on, whether or not they have changed a packet yet.
func (s *System) offloads(t *Traffic) (found []Finding) {
	if s.Offloads == nil {
		if s.OffloadsUnknown != "" {
			found = append(found, Finding{
				Name: OffloadsUnknown, Severity: Info, Seen: s.OffloadsUnknown, Numbers: map[string]float64{},
				Effect: "merged segments show only when there are some", Mend: "ethtool -k " + s.Interface,
			})
		}
		return found
	}
	if names, off := on(s.Offloads, receiveOffloads); names != "" {
		found = append(found, Finding{
			Name: ReceiveOffload, Severity: Warning, Seen: names + " on: received segments of a connection are merged before they are captured",
			Numbers: map[string]float64{"large_segments": float64(t.large - t.largeOwn)},
			Effect:  "fewer and longer packets than on the wire; their times are those of the last of each",
			Mend:    "ethtool -K " + s.Interface + off,
		})
	}
	if names, off := on(s.Offloads, sendOffloads); names != "" && !s.Loopback {
		f := Finding{
			Name: SendOffload, Severity: Info, Seen: names + " on: what this host sends is captured before it is cut into packets",
			Numbers: map[string]float64{"large_segments": float64(t.largeOwn)},
			Effect:  "none on a mirror port, where this host sends nothing; else the host's own packets are longer and fewer than on the wire",
			Mend:    "ethtool -K " + s.Interface + off,
		}
		if t.largeOwn > 0 {
			f.Severity = Warning
		}
		found = append(found, f)
	}
	return found
}

// largeMend is the command against segments that were seen.
func (s *System) largeMend(t *Traffic) string {
	if s.Whole {
		return "on the interfaces that they pass: ethtool -K IFACE gro off lro off tso off gso off"
	}
	var mend []string
	if t.large > t.largeOwn {
		if _, off := on(s.Offloads, receiveOffloads); off != "" {
			mend = append(mend, "ethtool -K "+s.Interface+off)
		} else if s.Offloads == nil {
			mend = append(mend, "ethtool -K "+s.Interface+" gro off lro off")
		}
		if s.Peer || len(mend) == 0 {
			mend = append(mend, "where the packets come from (the interface that is mirrored, the other end of a pair, the hypervisor): "+
				"ethtool -K OTHER gro off lro off tso off gso off")
		}
	}
	if t.largeOwn > 0 {
		mend = append(mend, "ethtool -K "+s.Interface+" tso off gso off")
	}
	return strings.Join(mend, "; ")
}

// on returns the names of those of the offloads that are on, as a sentence begins with them, and the words that switch
// them off.
func on(features map[string]bool, offloads [][2]string) (names, off string) {
	var list []string
	for _, o := range offloads {
		if word := " " + o[1] + " off"; features[o[0]] && !strings.Contains(off, word) {
			list = append(list, strings.ToUpper(o[1]))
			off += word
		}
	}
	if len(list) == 0 {
		return "", ""
	}
	verb := " is"
	if len(list) > 1 {
		verb = " are"
	}
	return strings.Join(list, ", ") + verb, off
}
