package beacon

// ring has the latest contacts of a series, the i-th at i modulo ringSize.
type ring [ringSize]contact

// rings are those of the series that have more contacts than fit into them: few do. They are named by their places, from 1.
type rings struct {
	chunks []*[ringChunk]ring
	used   uint32   // that were ever taken
	free   []uint32 // given back
}

const ringChunk = 16

func (r *rings) at(place uint32) *ring { return &r.chunks[(place-1)/ringChunk][(place-1)%ringChunk] }

// take returns one with any contacts in it.
func (r *rings) take() (place uint32) {
	if n := len(r.free); n > 0 {
		place, r.free = r.free[n-1], r.free[:n-1]
		return place
	}
	if r.used == uint32(len(r.chunks)*ringChunk) {
		r.chunks = append(r.chunks, new([ringChunk]ring))
	}
	r.used++
	return r.used
}

func (r *rings) give(place uint32) { r.free = append(r.free, place) }

// contacts returns those of a series that are remembered, in any order. They are the series'.
func (d *Detector) contacts(s *series) []contact {
	if s.ring == 0 {
		return s.few[:s.n]
	}
	return d.rings.at(s.ring)[:min(s.n, ringSize)]
}

// next returns the place of a series' next contact.
func (d *Detector) next(s *series) *contact {
	if s.ring == 0 && s.n < seriesFew { // n may have come round
		return &s.few[s.n]
	}
	if s.ring == 0 {
		s.ring = d.rings.take()
		copy(d.rings.at(s.ring)[:], s.few[:])
	}
	return &d.rings.at(s.ring)[s.n%ringSize]
}
