package detect

import (
	"fmt"
	"time"

	"github.com/weir-sensor/weir/packet"
)

// Config is the engine's part of the configuration.
type Config struct {
	Suppress      time.Duration `mapstructure:"suppress"`       // an alert said again within this raises the count of the one that stands
	MaxStanding   int           `mapstructure:"max_standing"`   // alerts that are remembered for that
	LocalNetworks []string      `mapstructure:"local_networks"` // networks, CIDR: what is ours
	Reorder       int           `mapstructure:"reorder"`        // flows from elsewhere that an Order holds
	Lateness      time.Duration `mapstructure:"lateness"`       // by which one may come too late for it
}

// DefaultConfig returns the defaults of config.yaml.
func DefaultConfig() Config {
	return Config{
		Suppress:    10 * time.Minute,
		MaxStanding: 65536,
		LocalNetworks: []string{"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10",
			"fc00::/7", "fe80::/10"},
		Reorder:  500_000,
		Lateness: 2 * time.Second,
	}
}

// Validate returns nil or all problems joined, each as "key: got X, want Y".
func (c Config) Validate() error {
	var b Bounds
	Between(&b, "suppress", c.Suppress, 0, 24*time.Hour)
	Between(&b, "max_standing", c.MaxStanding, 1, 10_000_000)
	Between(&b, "reorder", c.Reorder, 1, 100_000_000)
	Between(&b, "lateness", c.Lateness, 0, maxLateness)
	for _, text := range c.LocalNetworks {
		if _, err := packet.ParseNetwork(text); err != nil {
			b.Bad("local_networks", fmt.Sprintf("%q", text), "networks such as 10.0.0.0/8 or fd00::/8, or addresses")
		}
	}
	return b.Err()
}
