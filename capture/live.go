package capture

// Live is a Source on a network interface.
type Live interface {
	Source

	// Now returns the time that a packet would be stamped with now, nanoseconds since the Unix epoch, so that packet
	// time goes on while nothing arrives. It is called by the goroutine that reads.
	Now() int64

	// Stats returns what was counted since the source was opened. Any goroutine may call it at any time, also after
	// Close: then it returns the last that was known.
	Stats() Stats

	// Interrupt asks for the end: Read delivers what had arrived until then, and io.EOF after it. Any goroutine may call
	// it, at any time and more than once.
	Interrupt()
}

// Composed is a Live that reads others.
type Composed interface {
	Live
	Parts() []Live // the caller owns the slice
}

// Parts returns the sources that src is made of, in their order: itself where it is no Composed. The caller owns the slice.
func Parts(src Live) []Live {
	if c, ok := src.(Composed); ok {
		return c.Parts()
	}
	return []Live{src}
}

// Stats are the counters of one live source. Packets + Dropped is what the kernel had for it.
type Stats struct {
	Interface string // its name

	Packets uint64 // put where the source reads them
	Dropped uint64 // lost because there was no room there
	Freezes uint64 // how often the ring was full (AF_PACKET)
	Outages uint64 // how often the interface went down

	// Bytes of the ring (AF_PACKET), in whole blocks; 0 where nobody knows.
	Ring     uint64 // its size
	RingFull uint64 // of that, what waits to be read
	RingPeak uint64 // the most that has waited

	// Of the interface, for all who read from it; 0 where it does not say.
	InterfaceDropped uint64 // rx_dropped: taken by nobody but who captures, or no room in the kernel or the driver
	BacklogDropped   uint64 // of those, at most so many for which the kernel's queue before the rings had no room
	InterfaceMissed  uint64 // rx_missed_errors: no room in the network card
	InterfaceFIFO    uint64 // rx_fifo_errors: overrun of the network card
}

// Add adds the counters of another source. The sum of the peaks is what was there at most, at different times.
func (s *Stats) Add(other Stats) {
	s.Packets += other.Packets
	s.Dropped += other.Dropped
	s.Freezes += other.Freezes
	s.Outages += other.Outages
	s.Ring += other.Ring
	s.RingFull += other.RingFull
	s.RingPeak += other.RingPeak
	s.InterfaceDropped += other.InterfaceDropped
	s.BacklogDropped += other.BacklogDropped
	s.InterfaceMissed += other.InterfaceMissed
	s.InterfaceFIFO += other.InterfaceFIFO
}
