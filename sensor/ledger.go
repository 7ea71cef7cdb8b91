package sensor

import (
	"fmt"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/features"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
)

// Ledger accounts for every packet that was read: Packets is the sum of Flow, NonIP, Truncated, Malformed, Filtered,
// Duplicate and Refused; Flows.Opened is the sum of Flows.Open and Flows.Written.
type Ledger struct {
	Packets   uint64            `json:"packets"`    // read from the source
	WireBytes uint64            `json:"wire_bytes"` // their frames' original lengths
	Flow      uint64            `json:"flow"`       // counted in a flow
	NonIP     uint64            `json:"non_ip"`
	Truncated uint64            `json:"truncated"` // the headers do not fit the captured bytes
	Malformed map[string]uint64 `json:"malformed"` // the headers contradict themselves, by reason; never nil
	Filtered  uint64            `json:"filtered"`  // did not pass the filter
	Duplicate uint64            `json:"duplicate"` // second copies, with capture.dedup
	Refused   uint64            `json:"refused"`   // the table was full and had nothing to evict

	// Of all: with a timestamp before flowtable.MinClock or after MaxClock, which was taken for that bound.
	Clamped uint64 `json:"clamped"`

	// Of those in Malformed under unknown_link, by LINKTYPE number; nil where there are none.
	UnknownLinks map[uint16]uint64 `json:"unknown_links,omitempty"`

	// Of those in Flow:
	BadIPChecksum      uint64 `json:"bad_ip_checksum"`
	BadChecksum        uint64 `json:"bad_checksum"`        // of TCP, UDP, SCTP or ICMP
	Fragments          uint64 `json:"fragments"`           // later fragments
	OrphanedFragments  uint64 `json:"orphaned_fragments"`  // without their first one: counted under port 0
	ForgottenFragments uint64 `json:"forgotten_fragments"` // first ones, because flow.max_fragments others came
	Late               uint64 `json:"late"`                // with a timestamp before one that came earlier

	Flows   FlowLedger    `json:"flows"`
	Windows *WindowLedger `json:"windows,omitempty"` // nil where none are wanted

	Detect *detect.Counters `json:"detect,omitempty"` // nil where nothing is judged

	Capture *CaptureLedger `json:"capture,omitempty"` // of a live run; nil of a replay
}

// FlowLedger accounts for every flow record that was begun.
type FlowLedger struct {
	Opened   uint64            `json:"opened"`
	Open     uint64            `json:"open"`
	Written  map[string]uint64 `json:"written"`  // by end_reason; never nil
	Pressure uint64            `json:"pressure"` // of the evicted: before the table was full

	// First payloads that were given up because flow.max_first_payloads others began.
	GivenUpPayloads uint64 `json:"given_up_payloads"`
}

// WindowLedger accounts for every window that was begun: Opened is the sum of Open, Written and Dropped.
type WindowLedger struct {
	Opened  uint64            `json:"opened"`
	Open    uint64            `json:"open"`
	Written uint64            `json:"written"`
	Dropped map[string]uint64 `json:"dropped"` // by reason; never nil

	PairsEvicted uint64 `json:"pairs_evicted"` // pairs forgotten because window.max_pairs others came

	// Packets of the flows: the sum of what follows is Flow.
	Counted    uint64 `json:"counted"` // in windows, those dropped later included
	NotTCP     uint64 `json:"not_tcp"`
	Fragments  uint64 `json:"fragments"`
	CutHeaders uint64 `json:"cut_headers"`
	Outside    uint64 `json:"outside"` // neither end is in window.clients
}

// MalformedTotal returns the sum of the reasons.
func (l *Ledger) MalformedTotal() uint64 { return sum(l.Malformed) }

// Check returns an error that names the first sum that does not add up.
func (l *Ledger) Check() error {
	if n := l.Flow + l.NonIP + l.Truncated + sum(l.Malformed) + l.Filtered + l.Duplicate + l.Refused; n != l.Packets {
		return fmt.Errorf("balance ledger: %d packets read, %d accounted for", l.Packets, n)
	}
	if n := l.Flows.Open + sum(l.Flows.Written); n != l.Flows.Opened {
		return fmt.Errorf("balance ledger: %d flows opened, %d accounted for", l.Flows.Opened, n)
	}
	if w := l.Windows; w != nil {
		if n := w.Open + w.Written + sum(w.Dropped); n != w.Opened {
			return fmt.Errorf("balance ledger: %d windows opened, %d accounted for", w.Opened, n)
		}
		if n := w.Counted + w.NotTCP + w.Fragments + w.CutHeaders + w.Outside; n != l.Flow {
			return fmt.Errorf("balance ledger: %d packets in flows, %d accounted for by windows", l.Flow, n)
		}
	}
	if d := l.Detect; d != nil {
		for _, c := range d.Detectors {
			if n := c.Written + c.Repeated + c.Capped; n != c.Raised {
				return fmt.Errorf("balance ledger: %d alerts raised by %s, %d accounted for", c.Raised, c.Name, n)
			}
			if n := c.Severities.Sum(); n != c.Written {
				return fmt.Errorf("balance ledger: %d alerts written of %s, %d of some severity", c.Written, c.Name, n)
			}
		}
	}
	return nil
}

// addDetection takes over what the engine counted; on the goroutine that drives it. nil: there is none.
func (l *Ledger) addDetection(e *detect.Engine) {
	if e != nil {
		c := e.Counters()
		l.Detect = &c
	}
}

// addWindows sums a shard's windows up.
func (l *Ledger) addWindows(w *features.Windower) {
	if l.Windows == nil {
		l.Windows = &WindowLedger{Dropped: map[string]uint64{}}
	}
	c := w.Counters()
	l.Windows.Opened += c.Opened
	l.Windows.Open += uint64(w.Open())
	l.Windows.Written += c.Written
	for reason, n := range c.Dropped {
		l.Windows.Dropped[features.DropReasonNames[reason]] += n
	}
	l.Windows.PairsEvicted += c.PairsEvicted
	l.Windows.Counted += c.Counted
	l.Windows.NotTCP += c.NotTCP
	l.Windows.Fragments += c.Fragments
	l.Windows.CutHeaders += c.CutHeaders
	l.Windows.Outside += c.Outside
}

func sum(by map[string]uint64) (n uint64) {
	for _, v := range by {
		n += v
	}
	return n
}

// counts are one shard's part of the ledger, as plain numbers.
type counts struct {
	packets   uint64 // dealt to the shard
	verdicts  [packet.Verdicts]uint64
	links     map[uint16]uint64 // of packet.UnknownLink; nil where there are none
	filtered  uint64
	badIP     uint64
	badSum    uint64
	late      uint64
	wireBytes uint64
}

func newLedger() Ledger {
	return Ledger{Malformed: map[string]uint64{}, Flows: FlowLedger{Written: map[string]uint64{}}}
}

// addReader sums up what a reader counted; after it has stopped, or on its goroutine.
func (l *Ledger) addReader(r *reader) {
	l.Packets += r.duplicates
	l.WireBytes += r.duplicateBytes
	l.Duplicate += r.duplicates
	l.Clamped += r.clamped
}

// add sums a shard's counters up; after it has stopped, or on its goroutine.
func (l *Ledger) add(s *shard) {
	c, t := &s.counts, s.table
	if s.windows != nil {
		l.addWindows(s.windows.windower)
	}
	l.Packets += c.packets
	l.WireBytes += c.wireBytes
	for v, n := range c.verdicts {
		switch v := packet.Verdict(v); {
		case v == packet.OK:
			l.Flow += n
		case v == packet.NonIP:
			l.NonIP += n
		case v == packet.Truncated:
			l.Truncated += n
		case n > 0:
			l.Malformed[v.String()] += n
		}
	}
	for link, n := range c.links {
		if l.UnknownLinks == nil {
			l.UnknownLinks = make(map[uint16]uint64)
		}
		l.UnknownLinks[link] += n
	}
	l.Filtered += c.filtered
	l.BadIPChecksum += c.badIP
	l.BadChecksum += c.badSum
	l.Late += c.late
	f := t.Counters()
	l.Fragments += f.Fragments
	l.OrphanedFragments += f.Orphans
	l.ForgottenFragments += f.Forgotten
	l.Flows.Opened += f.Opened
	l.Flows.Open += uint64(t.Open())
	l.Flows.Pressure += f.Pressure
	l.Flows.GivenUpPayloads += f.GivenUp
	for r, n := range f.Written {
		l.Flows.Written[flowtable.EndReason(r).String()] += n
	}
}

func (c *counts) unknownLink(link uint16) {
	if c.links == nil {
		c.links = make(map[uint16]uint64)
	}
	c.links[link]++
}
