package aggregate

import (
	"fmt"
	"time"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/packet"
)

// Config says what is summed up.
type Config struct {
	Enabled   bool          `mapstructure:"enabled"`
	Span      time.Duration `mapstructure:"span"`       // what a row by 5-tuple is about; 0: the whole input
	Step      time.Duration `mapstructure:"step"`       // what a row by (client, server) is about
	Expiry    time.Duration `mapstructure:"expiry"`     // a port that a pair did not use for so long is new again
	Networks  []string      `mapstructure:"networks"`   // networks, CIDR, that are named instead of the /24 or /64
	MaxTuples int           `mapstructure:"max_tuples"` // 5-tuples that are summed up at once
	MaxPairs  int           `mapstructure:"max_pairs"`  // (client, server) of a step that are summed up at once
	MaxPorts  int           `mapstructure:"max_ports"`  // ports of pairs that are remembered, of servers and of clients
}

// DefaultConfig returns the defaults of config.yaml.
func DefaultConfig() Config {
	return Config{
		Step:      10 * time.Second,
		Expiry:    10 * time.Minute,
		MaxTuples: 500_000,
		MaxPairs:  100_000,
		MaxPorts:  400_000,
	}
}

// Validate returns nil or all problems joined, each as "key: got X, want Y".
func (c Config) Validate() error {
	var b detect.Bounds
	if c.Span != 0 && (c.Span < time.Second || c.Span > 366*24*time.Hour || c.Span%time.Second != 0) {
		b.Bad("span", c.Span, "0s (the whole input) or whole seconds from 1s to 8784h0m0s")
	}
	if c.Step < time.Second || c.Step > 24*time.Hour || c.Step%time.Second != 0 {
		b.Bad("step", c.Step, "whole seconds from 1s to 24h0m0s")
	}
	detect.Between(&b, "expiry", c.Expiry, 0, 30*24*time.Hour)
	for _, text := range c.Networks {
		if _, err := packet.ParseNetwork(text); err != nil {
			b.Bad("networks", fmt.Sprintf("%q", text), "networks such as 10.0.0.0/8 or fd00::/8, or addresses")
		}
	}
	detect.Between(&b, "max_tuples", c.MaxTuples, 1, 100_000_000)
	detect.Between(&b, "max_pairs", c.MaxPairs, 1, 10_000_000)
	detect.Between(&b, "max_ports", c.MaxPorts, 1, 100_000_000)
	return b.Err()
}
