package detectors

import (
	"errors"
	"fmt"
	"slices"
	"strings"

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
)

// Config is the detection's part of the configuration.
type Config struct {
	Detectors     []string `mapstructure:"detectors"` // names, Default or All; no name, or None alone: nothing is judged
	detect.Config `mapstructure:",squash"`
	Basic         basic.Config        `mapstructure:"basic"`
	Blocklist     blocklist.Config    `mapstructure:"blocklist"`
	Ports         ports.Config        `mapstructure:"ports"`
	Hosts         hosts.Config        `mapstructure:"hosts"`
	Scan          scan.Config         `mapstructure:"scan"`
	Pairs         pairs.Config        `mapstructure:"pairs"`
	Density       density.Config      `mapstructure:"density"`
	Clusters      clusters.Config     `mapstructure:"clusters"`
	Trend         trend.Config        `mapstructure:"trend"`
	Beacon        beacon.Config       `mapstructure:"beacon"`
	Sequence      sequence.Config     `mapstructure:"sequence"`
	Exfiltration  exfiltration.Config `mapstructure:"exfiltration"`
	Lateral       lateral.Config      `mapstructure:"lateral"`
	Transport     transport.Config    `mapstructure:"transport"`
	Ensemble      ensemble.Config     `mapstructure:"ensemble"`
}

// Names that stand for several in Config.Detectors.
const (
	Default = "default" // those that are on by default
	All     = "all"
	None    = "none"
)

// Judges says whether the configuration asks for any detector.
func (c Config) Judges() bool { return len(c.Detectors) > 0 && !c.Off() }

// Off says whether detection is switched off by name, and not only left to the command.
func (c Config) Off() bool { return slices.Contains(c.Detectors, None) }

// DefaultConfig returns the defaults of config.yaml.
func DefaultConfig() Config {
	return Config{
		Config:       detect.DefaultConfig(),
		Basic:        basic.DefaultConfig(),
		Blocklist:    blocklist.DefaultConfig(),
		Ports:        ports.DefaultConfig(),
		Hosts:        hosts.DefaultConfig(),
		Scan:         scan.DefaultConfig(),
		Pairs:        pairs.DefaultConfig(),
		Density:      density.DefaultConfig(),
		Clusters:     clusters.DefaultConfig(),
		Trend:        trend.DefaultConfig(),
		Beacon:       beacon.DefaultConfig(),
		Sequence:     sequence.DefaultConfig(),
		Exfiltration: exfiltration.DefaultConfig(),
		Lateral:      lateral.DefaultConfig(),
		Transport:    transport.DefaultConfig(),
		Ensemble:     ensemble.DefaultConfig(),
	}
}

// sections are the detectors' own parts, by name.
func (c Config) sections() []section {
	return []section{
		{"basic", c.Basic},
		{"blocklist", c.Blocklist},
		{"ports", c.Ports},
		{"hosts", c.Hosts},
		{"scan", c.Scan},
		{"pairs", c.Pairs},
		{"density", c.Density},
		{"clusters", c.Clusters},
		{"trend", c.Trend},
		{"beacon", c.Beacon},
		{"sequence", c.Sequence},
		{"exfiltration", c.Exfiltration},
		{"lateral", c.Lateral},
		{"transport", c.Transport},
		{"ensemble", c.Ensemble},
	}
}

type section struct {
	name   string
	config interface{ Validate() error }
}

// Validate returns nil or all problems joined, each as "key: got X, want Y".
func (c Config) Validate() error {
	var problems []error
	for _, name := range c.Detectors {
		if name != Default && name != All && !c.known(name) && (name != None || len(c.Detectors) > 1) {
			problems = append(problems, fmt.Errorf("detectors: got %q, want none, or any of default, all, and the detectors' names: %s", name, strings.Join(Names(), ", ")))
		}
	}
	problems = append(problems, c.Config.Validate())
	for _, s := range c.sections() {
		if err := s.config.Validate(); err != nil {
			for line := range strings.SplitSeq(err.Error(), "\n") {
				problems = append(problems, errors.New(s.name+"."+line))
			}
		}
	}
	return errors.Join(problems...)
}
