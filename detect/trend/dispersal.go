package trend

import (
	"fmt"
	"math"
	"strings"

	"github.com/weir-sensor/weir/detect"
)

// The entropies of a host: of its peers and of the servers' ports, over the flows that it opened and over those that it
// received. They are taken of busy hosts alone.
const (
	roles = 2 // opened and received

	dispersedFrom    = 32    // the flow of a host in a step, in a role, from which on it has a spectrum
	leastSample      = 32    // flows in a spectrum that have an entropy
	mostSample       = 65535 // flows in a spectrum; more do not count
	dispersalSpread  = 0.5   // bits; standard deviation of a host's entropy below which changes are noise
	hostCells        = 1024
	cellsPerHostCell = cells / hostCells
)

// The entropies that are followed in each role.
const (
	ofPeers = iota
	ofPorts
	entropies
)

var dispersalNames = [entropies]string{"entropy_peers", "entropy_ports"}

// hostSpectrum counts the peers and the servers' ports of the flows of a host in a step.
type hostSpectrum struct {
	cells [entropies][hostCells]uint16
	n     [entropies]uint16
}

func (s *hostSpectrum) add(what int, cell uint16) {
	s.cells[what][cell/cellsPerHostCell]++
	s.n[what]++
}

// spectra are lent to busy hosts until the end of a step.
type spectra struct {
	limit    int
	all      []*hostSpectrum // by their number, from 1
	free     []uint16        // empty ones
	lent     [ring][]uint16
	rejected uint64 // times that a host got none
}

// add counts a flow in a host's spectrum of the step in which it began, of which it has the number; if lend is true it gets one.
func (p *spectra) add(a *aimed, number *uint16, role int, lend bool) {
	if lend {
		*number = p.lend(slot(a.from))
	}
	s := p.of(*number)
	if s == nil || s.n[ofPeers] == mostSample {
		return
	}
	peer := a.placed.server
	if role == received {
		peer = a.placed.client
	}
	s.add(ofPeers, peer)
	if a.ports {
		s.add(ofPorts, a.serverPort)
	}
}

// of returns the spectrum of a number, nil where that is 0.
func (p *spectra) of(number uint16) *hostSpectrum {
	if number == 0 {
		return nil
	}
	return p.all[number-1]
}

// lend returns the number of an empty spectrum for a step, 0 where there is none left.
func (p *spectra) lend(slot int) uint16 {
	if len(p.free) == 0 {
		if len(p.all) >= p.limit {
			p.rejected++
			return 0
		}
		p.all = append(p.all, new(hostSpectrum))
		p.free = append(p.free, uint16(len(p.all)))
	}
	number := p.free[len(p.free)-1]
	p.free = p.free[:len(p.free)-1]
	p.lent[slot] = append(p.lent[slot], number)
	return number
}

// giveBack empties the spectra of a step that is over.
func (p *spectra) giveBack(slot int) {
	for _, number := range p.lent[slot] {
		*p.all[number-1] = hostSpectrum{}
	}
	p.free, p.lent[slot] = append(p.free, p.lent[slot]...), p.lent[slot][:0]
}

func (p *spectra) count() detect.TableCount {
	return detect.TableCount{Name: "spectra", Entries: len(p.all) - len(p.free), Cap: p.limit, Rejected: p.rejected}
}

// dispersal is what is usual for a host's entropies in a role.
type dispersal struct {
	rise, fall [entropies]chart // fall: the same upside down
}

// add takes an entropy of so many flows in, and says how far its sums are and whether it is another one than is usual, by a
// factor in the number of equally frequent values that have as large an entropy.
func (c *dispersal) add(what int, bits float64, flows uint16, factor float64) (usual, sum float64, changed bool) {
	rise, fall := &c.rise[what], &c.fall[what]
	usual = float64(rise.mean)
	rise.add(bits, dispersalSpread, unknown)
	fall.add(-bits, dispersalSpread, unknown)
	up, down := float64(rise.sum), float64(fall.sum)
	// So many flows cannot have more than so many values: fewer flows are no change.
	changed = up > alarm && bits >= usual+math.Log2(factor) ||
		down > alarm && bits <= min(usual, math.Log2(float64(flows)))-math.Log2(factor)
	return usual, max(up, down), changed
}

// dispersed is a host whose entropies in a role changed.
type dispersed struct {
	host  detect.Host
	role  int
	flows float64
	bits  [entropies]float64 // NaN where it did not change
	usual [entropies]float64
	sum   float64
	seen  uint16
}

// closeEntropies brings the charts of a host's entropies up to a step in which it had so much, and returns the largest sum and whether an entropy
// changed. Where the host's flows rose that is what is said, because with them entropies rise.
func (d *Detector) closeEntropies(h detect.Host, hash uint64, had *tally, rose [roles]bool) (worst float64, changed bool) {
	for role, number := range had.spectra {
		spectrum := d.spectra.of(number)
		if spectrum == nil || spectrum.n[ofPeers] < leastSample {
			continue
		}
		both, _ := d.entropies.Put(h, hash)
		c := &both[role]
		r := dispersed{host: h, role: role, flows: float64(had.values[role]), seen: c.rise[ofPeers].seen}
		any := false
		for what, n := range spectrum.n {
			r.bits[what] = math.NaN()
			if n < leastSample {
				continue
			}
			bits, _ := entropy(spectrum.cells[what][:])
			seen := c.rise[what].seen
			usual, sum, other := c.add(what, bits, n, d.cfg.Ratio)
			if int(seen) < d.cfg.Warmup {
				continue
			}
			worst = max(worst, sum)
			if other {
				any, r.bits[what], r.usual[what], r.sum = true, bits, usual, max(r.sum, sum)
			}
		}
		if any && !rose[role] && r.flows >= float64(d.cfg.MinFlows) {
			changed = true
			d.dispersed = append(d.dispersed, r)
		}
	}
	return worst, changed
}

// dispersion returns the alert about a host whose flows go to, or come from, other numbers of addresses or ports.
func (d *Detector) dispersion(r dispersed, step, now int64) detect.Alert {
	a := d.alert("dispersion", detect.Low, step, now)
	a.Subject, a.Role = r.host, detect.Client
	texts := [entropies]string{"servers", "ports"}
	if r.role == received {
		a.Role = detect.Server
		texts[ofPeers] = "clients"
	}
	a.Score, a.N = r.sum, uint64(r.seen)
	var changes []string
	for what, bits := range r.bits {
		if math.IsNaN(bits) {
			continue
		}
		threshold := r.usual[what] + math.Copysign(math.Log2(d.cfg.Ratio), bits-r.usual[what])
		a.Reasons = append(a.Reasons, detect.Reason{Feature: dispersalNames[what], Value: bits, Threshold: threshold, Baseline: r.usual[what]})
		changes = append(changes, fmt.Sprintf("entropy of %s %.2f bits, usual is %.2f", texts[what], bits, r.usual[what]))
	}
	a.Reasons = append(a.Reasons,
		detect.Reason{Feature: quantityNames[r.role], Value: r.flows, Threshold: float64(d.cfg.MinFlows), Baseline: math.NaN()},
		detect.Reason{Feature: "cusum", Value: r.sum, Threshold: alarm, Baseline: math.NaN()})
	a.Message = fmt.Sprintf("%s: %s; %.0f %s in 10 s", r.host, strings.Join(changes, ", "), r.flows, quantityNames[r.role])
	return a
}
