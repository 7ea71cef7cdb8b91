package trend

// A flood over the ports of a host. Attempts at ports that are not watched themselves are counted for all of them together, so
// that a flood of one port is one alert. What a scan does is just that, too; but it comes from few addresses, with small packets.
const (
	manyPorts   = 10  // from so many on a flood is one over ports
	manySources = 30  // from fewer, or but for one of them, it is a scan, unless its packets are large
	largePacket = 200 // bytes of a packet, on average; what a scan sends asks, and is smaller
)

// scatterBadness is how many times a step is what makes a flood over ports.
func (d *Detector) scatterBadness(v *victim, s *floodStep) float64 {
	if v.ports.Estimate() < manyPorts {
		return 0
	}
	flows := s.unanswered
	if s.bytesUp < largePacket*s.packetsUp || s.packetsUp == 0 {
		if flows = s.rival.others(flows); v.sources.Estimate() < manySources {
			return min(float64(flows)/float64(d.cfg.FloodFlows), 0.99)
		}
	}
	return float64(flows) / float64(d.cfg.FloodFlows)
}

// rival is the source that most flows of a step come from, if one has more than half of them: the majority vote of Boyer and
// Moore (1981). Who has k of n flows leads by 2k - n at least; where many sources take turns nobody leads by much.
type rival struct{ source, lead uint32 }

func (r *rival) add(source uint32) {
	switch {
	case r.source == source && r.lead > 0:
		r.lead++
	case r.lead == 0:
		*r = rival{source, 1}
	default:
		r.lead--
	}
}

// others returns how many of n flows are not of one source that has three quarters of them or more; if there is none, all.
func (r *rival) others(n uint32) uint32 {
	if r.lead < n/2 {
		return n
	}
	return (n - min(n, r.lead)) / 2
}
