package ensemble

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/weir-sensor/weir/detect"
)

// Config is the ensemble's part of the configuration.
type Config struct {
	Calibration  string        `mapstructure:"calibration"`    // file of weir train ensemble; Builtin: the one that comes with weir; "": none
	BaseRate     float64       `mapstructure:"base_rate"`      // share of hosts with which something is wrong, where it is used
	FlowBaseRate float64       `mapstructure:"flow_base_rate"` // share of those with which something is wrong among flows that detectors speak of, where it is used
	Scores       int           `mapstructure:"scores"`         // that tell what is usual, of each detector and class of peers
	Memory       time.Duration `mapstructure:"memory"`         // what is known of a host begins anew after this
	MaxHosts     int           `mapstructure:"max_hosts"`      // hosts that are remembered, and a quarter of it of alerted hosts, of flows and of alerted flows
	Drift        float64       `mapstructure:"drift"`          // distance of an hour's p-values from uniform ones that is said
	Groups       []string      `mapstructure:"groups"`         // detectors that see the same thing, joined by +
}

// Builtin names the calibration that comes with weir.
const Builtin = "builtin"

// DefaultConfig returns the defaults of config.yaml.
func DefaultConfig() Config {
	return Config{
		Calibration:  Builtin,
		BaseRate:     0.01,
		FlowBaseRate: 0.1,
		Scores:       10_000,
		Memory:       24 * time.Hour,
		MaxHosts:     50_000,
		Drift:        0.2,
		Groups:       []string{"scan+hosts+pairs+ports+lateral", "density+clusters+exfiltration", "trend+sequence"},
	}
}

// Validate returns nil or all problems joined, each as "key: got X, want Y".
func (c Config) Validate() error {
	var b detect.Bounds
	detect.Between(&b, "base_rate", c.BaseRate, 1e-9, 0.5)
	detect.Between(&b, "flow_base_rate", c.FlowBaseRate, 1e-9, 0.99)
	detect.Between(&b, "scores", c.Scores, 100, 1_000_000)
	detect.Between(&b, "memory", c.Memory, time.Minute, 365*24*time.Hour)
	detect.Between(&b, "max_hosts", c.MaxHosts, 4, 10_000_000)
	detect.Between(&b, "drift", c.Drift, 0.05, 1)
	var seen []string
	for _, group := range c.Groups {
		for name := range strings.SplitSeq(group, "+") {
			if name == "" || slices.Contains(seen, name) {
				b.Bad("groups", fmt.Sprintf("%q", group), "names of detectors joined by +, each once")
			}
			seen = append(seen, name)
		}
	}
	return b.Err()
}
