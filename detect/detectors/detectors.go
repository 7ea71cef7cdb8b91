package detectors

import (
	"errors"
	"fmt"
	"slices"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/detect/basic"
	"github.com/weir-sensor/weir/detect/beacon"
	"github.com/weir-sensor/weir/detect/blocklist"
	"github.com/weir-sensor/weir/detect/clusters"
	"github.com/weir-sensor/weir/detect/density"
	"github.com/weir-sensor/weir/detect/ensemble"
	"github.com/weir-sensor/weir/detect/exfiltration"
	"github.com/weir-sensor/weir/detect/hosts"
	"github.com/weir-sensor/weir/detect/lateral"
	"github.com/weir-sensor/weir/detect/pairs"
	"github.com/weir-sensor/weir/detect/ports"
	"github.com/weir-sensor/weir/detect/scan"
	"github.com/weir-sensor/weir/detect/sequence"
	"github.com/weir-sensor/weir/detect/transport"
	"github.com/weir-sensor/weir/detect/trend"
	"github.com/weir-sensor/weir/features"
)

// entry is one detector: how it is made, and whether it is among the default ones.
type entry struct {
	name  string
	off   bool // not among the default ones
	build func(c Config, windows features.Config) (detect.Detector, error)
}

// entries returns all detectors in the order in which they run: those that are told what the others say come last.
func entries() []entry {
	return []entry{
		{"basic", false, func(c Config, _ features.Config) (detect.Detector, error) { return basic.New(c.Basic), nil }},
		{"blocklist", false, func(c Config, _ features.Config) (detect.Detector, error) { return blocklist.New(c.Blocklist) }},
		{"ports", false, func(c Config, _ features.Config) (detect.Detector, error) { return ports.New(c.Ports), nil }},
		{"hosts", false, func(c Config, _ features.Config) (detect.Detector, error) { return hosts.New(c.Hosts), nil }},
		{"scan", false, func(c Config, _ features.Config) (detect.Detector, error) { return scan.New(c.Scan), nil }},
		{"pairs", false, func(c Config, _ features.Config) (detect.Detector, error) { return pairs.New(c.Pairs), nil }},
		{"density", false, func(c Config, _ features.Config) (detect.Detector, error) { return density.New(c.Density), nil }},
		{"clusters", true, func(c Config, _ features.Config) (detect.Detector, error) { return clusters.New(c.Clusters), nil }},
		{"trend", false, func(c Config, _ features.Config) (detect.Detector, error) { return trend.New(c.Trend), nil }},
		{"beacon", false, func(c Config, _ features.Config) (detect.Detector, error) { return beacon.New(c.Beacon), nil }},
		{"sequence", true, func(c Config, _ features.Config) (detect.Detector, error) { return sequence.New(c.Sequence) }},
		{"exfiltration", false, func(c Config, _ features.Config) (detect.Detector, error) {
			return exfiltration.New(c.Exfiltration), nil
		}},
		{"lateral", false, func(c Config, _ features.Config) (detect.Detector, error) { return lateral.New(c.Lateral), nil }},
		{"transport", false, func(c Config, w features.Config) (detect.Detector, error) { return transport.New(c.Transport, w) }},
		{"ensemble", false, func(c Config, _ features.Config) (detect.Detector, error) {
			return ensemble.New(c.Ensemble, c.beside("ensemble"), c.LocalNetworks)
		}},
	}
}

// Names returns the names of all detectors in their order. The caller owns the slice.
func Names() []string {
	var names []string
	for _, e := range entries() {
		names = append(names, e.name)
	}
	return names
}

func (c Config) known(name string) bool { return slices.Contains(Names(), name) }

// wanted says whether the configuration asks for a detector.
func (c Config) wanted(e entry) bool {
	return slices.Contains(c.Detectors, e.name) || slices.Contains(c.Detectors, All) ||
		slices.Contains(c.Detectors, Default) && !e.off
}

// beside returns the names of the detectors that run beside one, in their order.
func (c Config) beside(name string) []string {
	var names []string
	for _, e := range entries() {
		if c.wanted(e) && e.name != name {
			names = append(names, e.name)
		}
	}
	return names
}

// New returns the detectors that a valid configuration asks for, in their order; windows says how windows are made for them.
// The error names every one that cannot be made, such as for a list that cannot be read.
func New(c Config, windows features.Config) ([]detect.Detector, error) {
	var made []detect.Detector
	var problems []error
	for _, e := range entries() {
		if !c.wanted(e) {
			continue
		}
		d, err := e.build(c, windows)
		if err != nil {
			problems = append(problems, fmt.Errorf("make detector %s: %w", e.name, err))
			continue
		}
		made = append(made, d)
	}
	return made, errors.Join(problems...)
}

// Describe returns what every detector says of itself, in their order, and whether it is among the default ones.
func Describe() []Description {
	var all []Description
	for _, e := range entries() {
		d, err := e.build(DefaultConfig(), features.DefaultConfig())
		if err != nil {
			panic("bug: " + err.Error()) // the defaults name no files
		}
		all = append(all, Description{d.Info(), !e.off})
	}
	return all
}

// Description is what a detector says of itself.
type Description struct {
	detect.Info
	Default bool // among the default ones
}

// Tune has detectors of New go on with another configuration, which must be valid, in the middle of a run: what they know
// stays. Keys that take a restart (config.Key.Reloads says which) must be those of New. The engine must do nothing else meanwhile.
func Tune(c Config, running []detect.Detector) {
	for _, d := range running {
		switch d := d.(type) {
		case *basic.Detector:
			d.Tune(c.Basic)
		case *blocklist.Detector:
			d.Tune(c.Blocklist)
		case *ports.Detector:
			d.Tune(c.Ports)
		case *hosts.Detector:
			d.Tune(c.Hosts)
		case *scan.Detector:
			d.Tune(c.Scan)
		case *pairs.Detector:
			d.Tune(c.Pairs)
		case *density.Detector:
			d.Tune(c.Density)
		case *clusters.Detector:
			d.Tune(c.Clusters)
		case *trend.Detector:
			d.Tune(c.Trend)
		case *beacon.Detector:
			d.Tune(c.Beacon)
		case *sequence.Detector:
			d.Tune(c.Sequence)
		case *exfiltration.Detector:
			d.Tune(c.Exfiltration)
		case *lateral.Detector:
			d.Tune(c.Lateral)
		case *transport.Detector:
			d.Tune(c.Transport)
		case *ensemble.Detector:
			d.Tune(c.Ensemble)
		default:
			panic("bug: detector " + d.Info().Name + " is not tuned")
		}
	}
}
