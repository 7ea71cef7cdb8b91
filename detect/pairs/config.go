package pairs

import (
	"time"

	"github.com/weir-sensor/weir/detect"
)

// Config holds the detector's settings.
type Config struct {
	Expiry        time.Duration `mapstructure:"expiry"`          // a port that a pair did not use for so long is new again
	MinPairs      int           `mapstructure:"min_pairs"`       // pairs (of new_targets: clients) that a batch needs for fences of its own
	MinNewPorts   int           `mapstructure:"min_new_ports"`   // no alert about fewer new ports of a pair
	MinNewTargets int           `mapstructure:"min_new_targets"` // no alert about fewer new (server, port) of a client
	MinVotes      int           `mapstructure:"min_votes"`       // fences that a pair must be outside of, of 5
	MinFlows      int           `mapstructure:"min_flows"`       // no alert for votes about fewer flows of a pair
	MaxPairs      int           `mapstructure:"max_pairs"`       // pairs that are counted in a batch
	MaxPorts      int           `mapstructure:"max_ports"`       // (client, server, port) that are remembered
	Compat        bool          `mapstructure:"compat"`          // fences without floors, plain bytes, any vote is an alert
}

// DefaultConfig returns the defaults of config.yaml.
func DefaultConfig() Config {
	return Config{
		Expiry:        10 * time.Minute,
		MinPairs:      20,
		MinNewPorts:   10,
		MinNewTargets: 20,
		MinVotes:      2,
		MinFlows:      100,
		MaxPairs:      100_000,
		MaxPorts:      400_000,
	}
}

// Validate returns nil or all problems joined, each as "key: got X, want Y".
func (c Config) Validate() error {
	var b detect.Bounds
	detect.Between(&b, "expiry", c.Expiry, every, 24*time.Hour)
	detect.Between(&b, "min_pairs", c.MinPairs, 4, 1_000_000)
	detect.Between(&b, "min_new_ports", c.MinNewPorts, 1, 65536)
	detect.Between(&b, "min_new_targets", c.MinNewTargets, 1, 1_000_000)
	detect.Between(&b, "min_votes", c.MinVotes, 1, features)
	detect.Between(&b, "min_flows", c.MinFlows, 1, 1_000_000)
	detect.Between(&b, "max_pairs", c.MaxPairs, 1, 10_000_000)
	detect.Between(&b, "max_ports", c.MaxPorts, 1, 100_000_000)
	return b.Err()
}
