package transport

import (
	"time"

	"github.com/weir-sensor/weir/detect"
)

// Config is the detector's part of the configuration.
type Config struct {
	Model       string        `mapstructure:"model"`       // file of weir train transport; Builtin: the one that comes with weir
	Strictness  float64       `mapstructure:"strictness"`  // added to the model's threshold, in log-odds of a flow
	BaseRate    float64       `mapstructure:"base_rate"`   // share of servers that are of a transport
	Probability float64       `mapstructure:"probability"` // from which on a server is called
	MinFlows    int           `mapstructure:"min_flows"`   // hits, or ...
	MinClients  int           `mapstructure:"min_clients"` // ... clients with hits that a server needs
	HalfLife    time.Duration `mapstructure:"half_life"`   // in which evidence counts for half
	OpenVPN     bool          `mapstructure:"openvpn"`     // servers of OpenVPN are said too
	MaxServers  int           `mapstructure:"max_servers"` // servers remembered
	MaxClients  int           `mapstructure:"max_clients"` // clients of servers remembered
	MaxPairs    int           `mapstructure:"max_pairs"`   // pairs of hosts of which windows are remembered, for a model of both
}

// DefaultConfig returns the defaults of config.yaml.
func DefaultConfig() Config {
	return Config{
		Model:       Builtin,
		BaseRate:    0.01,
		Probability: 0.5,
		MinFlows:    5,
		MinClients:  3,
		HalfLife:    7 * 24 * time.Hour,
		MaxServers:  100_000,
		MaxClients:  200_000,
		MaxPairs:    100_000,
	}
}

// Validate returns nil or all problems joined, each as "key: got X, want Y".
func (c Config) Validate() error {
	var b detect.Bounds
	if c.Model == "" {
		b.Bad("model", `""`, "a file of weir train transport, or builtin")
	}
	detect.Between(&b, "strictness", c.Strictness, -20, 20)
	detect.Between(&b, "base_rate", c.BaseRate, 1e-9, 0.5)
	detect.Between(&b, "probability", c.Probability, 0.001, 0.999)
	detect.Between(&b, "min_flows", c.MinFlows, 1, 1_000_000)
	detect.Between(&b, "min_clients", c.MinClients, 1, 1_000_000)
	detect.Between(&b, "half_life", c.HalfLife, time.Hour, 365*24*time.Hour)
	detect.Between(&b, "max_servers", c.MaxServers, 1, 10_000_000)
	detect.Between(&b, "max_clients", c.MaxClients, 1, 10_000_000)
	detect.Between(&b, "max_pairs", c.MaxPairs, 1, 10_000_000)
	return b.Err()
}
