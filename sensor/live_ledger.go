package sensor

import (
	"slices"

	"github.com/weir-sensor/weir/capture"
)

// CaptureLedger is what the kernel and the network cards say: Received + Dropped is what was there for weir, Received is
// Packets of the ledger + Unread, once the run has ended.
type CaptureLedger struct {
	Until int64 `json:"until"` // packet time at the end of the run, ns since the Unix epoch; 0 while it goes on
	CaptureCounts
	Unread uint64 `json:"unread"` // received, and left in the rings when the run ended

	Interfaces []InterfaceLedger `json:"interfaces"` // in the order in which they were given; the counts above are their sums
}

// InterfaceLedger is the part of one interface.
type InterfaceLedger struct {
	Interface string `json:"interface"`
	CaptureCounts
	Ring     uint64 `json:"ring"`      // bytes of each of its rings; 0 where nobody knows
	RingPeak uint64 `json:"ring_peak"` // of that, the most that has waited in one of them
}

// CaptureCounts are packets, where no other unit is given.
type CaptureCounts struct {
	Received uint64 `json:"received"`
	Dropped  uint64 `json:"dropped"` // no room in the rings
	Freezes  uint64 `json:"freezes"` // how often a ring was full
	Outages  uint64 `json:"outages"` // how often an interface went down

	InterfaceDropped uint64 `json:"interface_dropped"` // rx_dropped, also of what was captured and then had nobody to take it
	BacklogDropped   uint64 `json:"backlog_dropped"`   // of those, at most so many lost before the rings: no room in the kernel's queue
	InterfaceMissed  uint64 `json:"interface_missed"`  // by the network cards: no room
	InterfaceFIFO    uint64 `json:"interface_fifo"`    // by the network cards: overruns
}

// add adds the counters of one of an interface's rings.
func (c *CaptureCounts) add(s capture.Stats) {
	c.Received += s.Packets
	c.Dropped += s.Dropped
	c.Freezes += s.Freezes
}

// addInterface adds what an interface says, which is the same for all of its rings.
func (c *CaptureCounts) addInterface(s capture.Stats) {
	c.Outages += s.Outages
	c.InterfaceDropped += s.InterfaceDropped
	c.BacklogDropped += s.BacklogDropped
	c.InterfaceMissed += s.InterfaceMissed
	c.InterfaceFIFO += s.InterfaceFIFO
}

// captureLedger sums the sources up; what an interface says counts once, however many rings it has. Readers, which have
// ended, tell what was not read; nil: they have not ended.
func captureLedger(sources []capture.Live, readers []*reader) *CaptureLedger {
	c := &CaptureLedger{}
	for i, src := range sources {
		var received uint64
		for _, part := range capture.Parts(src) {
			s := part.Stats()
			received += s.Packets
			c.add(s)
			i := c.of(s)
			i.add(s)
			i.Ring, i.RingPeak = s.Ring, max(i.RingPeak, s.RingPeak)
		}
		if readers != nil {
			c.Unread += received - min(received, readers[i].read)
		}
	}
	return c
}

// of returns the part of the interface that s is of. Where it is new, what the interface says is in all sums.
func (c *CaptureLedger) of(s capture.Stats) *InterfaceLedger {
	i := slices.IndexFunc(c.Interfaces, func(l InterfaceLedger) bool { return l.Interface == s.Interface })
	if i < 0 {
		i = len(c.Interfaces)
		c.Interfaces = append(c.Interfaces, InterfaceLedger{Interface: s.Interface})
		c.Interfaces[i].addInterface(s)
		c.addInterface(s)
	}
	return &c.Interfaces[i]
}
