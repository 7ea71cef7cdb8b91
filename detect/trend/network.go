package trend

import (
	"fmt"
	"math"
	"strings"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/packet"
)

// networkStep is a step of the whole network.
type networkStep struct {
	flows, bytes, unanswered float64
	begun, completed         float64     // TCP connections
	spectra                  [4]spectrum // of clients, servers, client ports, server ports, by flows
}

// The quantities that are followed for the network.
const (
	netFlows = iota
	netBytes
	netUnanswered
	netEntropy    // and the three after it
	netQuantities = netEntropy + 4
)

var networkNames = [netQuantities]string{"flows", "bytes", "unanswered", "entropy_clients", "entropy_servers",
	"entropy_client_ports", "entropy_server_ports"}

// network is what is remembered of the whole network.
type network struct {
	open  [ring]networkStep
	rise  [netQuantities]chart
	fall  [netQuantities]chart // the same upside down, of the entropies
	week  [netQuantities]season
	syn   synSum
	begun bool
}

// entropySpread is the standard deviation of an entropy, in bits, below which changes are noise.
const entropySpread = 0.2

// count counts a flow's first record.
func (s *networkStep) count(f *detect.Flow, unanswered bool, p *placed) {
	s.flows++
	if unanswered {
		s.unanswered++
	}
	if f.Proto == packet.ProtoTCP {
		s.begun++
		if !unanswered {
			s.completed++
		}
	}
	s.spectra[0].add(p.client)
	s.spectra[1].add(p.server)
	if p.ports {
		s.spectra[2].add(p.clientPort)
		s.spectra[3].add(p.serverPort)
	}
}

// values returns the quantities of a step.
func (s *networkStep) values() (v [netQuantities]float64) {
	v[netFlows], v[netBytes], v[netUnanswered] = s.flows, s.bytes, s.unanswered
	if s.flows == 0 { // nothing has no entropy, and takes no time
		return v
	}
	for i := range s.spectra {
		v[netEntropy+i], _ = entropy(s.spectra[i][:])
	}
	return v
}

// closeNetwork brings the network's charts up to the step, and empties it.
func (d *Detector) closeNetwork(step, now int64, out detect.Out) {
	n, s := &d.network, &d.network.open[slot(step)]
	if s.flows == 0 && !n.begun {
		return
	}
	n.begun = true
	v := s.values()
	var reasons []detect.Reason
	worst, seen := 0.0, n.rise[0].seen
	for q, x := range v {
		mean, spread, hourly, fallen := float64(n.rise[q].mean), entropySpread, unknown, unknown
		if m, ok := n.week[q].usual(step); ok {
			hourly, fallen = m, -m
		}
		usually := max(mean, hourly)
		switch {
		case q == netBytes:
			spread = leastSpread(volume, usually)
		case q < netEntropy:
			spread = leastSpread(opened, usually)
		}
		if q < netEntropy || s.flows > 0 { // nothing has no entropy
			n.rise[q].add(x, spread, hourly)
			if q >= netEntropy {
				n.fall[q].add(-x, spread, fallen)
			}
			n.week[q].add(step, x)
		}
		sum := float64(max(n.rise[q].sum, n.fall[q].sum))
		worst = max(worst, sum)
		if sum > alarm && (q >= netEntropy || x >= d.cfg.Ratio*usually) {
			reasons = append(reasons, detect.Reason{Feature: networkNames[q], Value: x, Threshold: math.NaN(), Baseline: usually})
		}
	}
	syn := n.syn.add(s.begun, s.completed)
	if syn > synAlarm && s.begun-s.completed >= float64(d.cfg.SYNFlows) {
		reasons = append(reasons, detect.Reason{Feature: "syn_cusum", Value: syn, Threshold: synAlarm, Baseline: math.NaN()})
	}
	// A quantity by itself is a matter of its host; the whole network changes where several do.
	shifted := int(seen) >= d.cfg.Warmup && len(reasons) >= 2 && s.flows >= float64(d.cfg.MinFlows)
	if int(seen) >= d.cfg.Warmup {
		out.Score(detect.Score{Time: now, Role: detect.Network, Raw: worst, P: math.NaN(), N: uint64(seen), Alerted: shifted})
	}
	if shifted {
		a := d.alert("shift", detect.Low, step, now)
		a.Role, a.Score, a.N, a.Reasons = detect.Network, worst, uint64(seen), reasons
		a.Message = "the network changed: " + describe(reasons)
		out.Alert(a)
	}
	s.empty()
}

// empty makes it a step in which nothing was. Spectra are large, and empty already where there were no flows.
func (s *networkStep) empty() {
	if s.flows > 0 {
		*s = networkStep{}
	}
	s.bytes = 0
}

// describe lists values beside what is usual.
func describe(reasons []detect.Reason) string {
	var parts []string
	for _, r := range reasons {
		if !math.IsNaN(r.Baseline) {
			parts = append(parts, fmt.Sprintf("%s %s, usual is %s", r.Feature, detect.Number(r.Value, 4), detect.Number(r.Baseline, 4)))
		}
	}
	return strings.Join(parts, "; ")
}
