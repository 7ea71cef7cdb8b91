package ensemble

import "math"

// said is what one detector said of a host or a flow.
type said struct {
	least    float32 // smallest p-value; with judged
	alerted  float32 // p-value of the latest score with an alert; 0: none
	judged   uint32  // scores
	alerts   uint32  // that were written
	severity uint8   // of the worst of them
	member   uint8   // the detector's place among all, from 1; 0: none
	next     uint32  // what another one said: its place in sayings.all; 0: none did
}

// judge adds a score's p-value.
func (s *said) judge(p float64, alerted bool) {
	if s.judged == 0 || float32(p) < s.least {
		s.least = float32(p)
	}
	if s.judged < math.MaxUint32 {
		s.judged++
	}
	if alerted {
		s.alerted = float32(p)
	}
}

// p returns the p-value of all that the detector said; NaN where it judged nothing.
func (s *said) p() float64 {
	if s.judged == 0 {
		return math.NaN()
	}
	return Sidak(float64(s.least), uint64(s.judged))
}

// belief returns that of the detector's worst alert, 0 where there is none.
func (s *said) belief() float64 {
	if s.alerts == 0 {
		return 0
	}
	return belief(s.severity)
}

// spoke says whether the detector said anything.
func (s *said) spoke() bool { return s.judged > 0 || s.alerts > 0 }

// sayings hold what the second detector and others said of hosts and flows: of most only one says something, which their
// evidence holds itself.
type sayings struct {
	all  []said // from 1
	free uint32 // first of those given back, linked by next
}

// at returns a place in the list of what was said, which begins with place 0. It is good until the next call of of.
func (l *sayings) at(e *evidence, place uint32) *said {
	if place == 0 {
		return &e.said
	}
	return &l.all[place-1]
}

// of returns what a detector said: zero where that is nothing so far. It is good until the next call.
func (l *sayings) of(e *evidence, member int) *said {
	id, place := uint8(member)+1, uint32(0)
	for s := &e.said; ; s = l.at(e, place) {
		switch {
		case s.member == 0:
			s.member = id
			return s
		case s.member == id:
			return s
		case s.next == 0:
			added := l.take(id)
			l.at(e, place).next = added
			return l.at(e, added)
		}
		place = s.next
	}
}

// take returns the place of a zero one of a detector.
func (l *sayings) take(id uint8) uint32 {
	place := l.free
	if place == 0 {
		l.all = append(l.all, said{member: id})
		return uint32(len(l.all))
	}
	s := &l.all[place-1]
	l.free = s.next
	*s = said{member: id}
	return place
}

// forget gives the list back; the evidence must not be used as it is any more.
func (l *sayings) forget(e *evidence) {
	for place := e.said.next; place != 0; {
		s := &l.all[place-1]
		place, s.next, l.free = s.next, l.free, place
	}
}

// spread sets by to what each detector said, in their order.
func (l *sayings) spread(e *evidence, by *[maxMembers]said) {
	*by = [maxMembers]said{}
	for s := &e.said; s.member != 0; s = l.at(e, s.next) {
		if by[s.member-1] = *s; s.next == 0 {
			return
		}
	}
}
