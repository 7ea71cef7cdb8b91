package beacon

import (
	"slices"
	"time"

	"github.com/weir-sensor/weir/detect"
)

// Config is the detector's part of the configuration.
type Config struct {
	MinContacts  int           `mapstructure:"min_contacts"`  // fewer say nothing
	MinPeriod    time.Duration `mapstructure:"min_period"`    // shorter ones are one application at work
	MaxJitter    float64       `mapstructure:"max_jitter"`    // standard deviation of a gap over the period
	MaxP         float64       `mapstructure:"max_p"`         // of so regular a series where contacts come at random
	MaxClients   int           `mapstructure:"max_clients"`   // a service with more clients is no hidden server
	IgnorePorts  []uint16      `mapstructure:"ignore_ports"`  // UDP ports of services that are regular by nature
	MaxPairs     int           `mapstructure:"max_pairs"`     // pairs remembered that had up to three contacts
	MaxSeries    int           `mapstructure:"max_series"`    // pairs remembered with their contacts
	MaxJudged    int           `mapstructure:"max_judged"`    // series judged in a batch; the others wait
	MinOpen      time.Duration `mapstructure:"min_open"`      // silence of a connection before a beat in it is said
	MaxOpen      int           `mapstructure:"max_open"`      // pairs remembered with connections that are kept open
	MaxEndpoints int           `mapstructure:"max_endpoints"` // servers and ports whose clients are counted
}

// DefaultConfig returns the defaults of config.yaml.
func DefaultConfig() Config {
	return Config{
		MinContacts:  10,
		MinPeriod:    time.Second,
		MaxJitter:    0.35,
		MaxP:         1e-4,
		MaxClients:   5,
		IgnorePorts:  []uint16{67, 68, 123, 137, 138, 161, 547, 1900, 3702, 5353, 5355},
		MaxPairs:     131072,
		MaxSeries:    16384,
		MaxJudged:    2000,
		MinOpen:      3 * time.Minute,
		MaxOpen:      8192,
		MaxEndpoints: 65536,
	}
}

// Validate returns nil or all problems joined, each as "key: got X, want Y".
func (c Config) Validate() error {
	var b detect.Bounds
	detect.Between(&b, "min_contacts", c.MinContacts, 5, ringSize)
	detect.Between(&b, "min_period", c.MinPeriod, 10*time.Millisecond, 24*time.Hour)
	detect.Between(&b, "max_jitter", c.MaxJitter, 0.01, 0.5)
	detect.Between(&b, "max_p", c.MaxP, 0, 0.1)
	detect.Between(&b, "max_clients", c.MaxClients, 1, 1_000_000)
	if slices.Contains(c.IgnorePorts, 0) {
		b.Bad("ignore_ports", 0, "ports from 1 to 65535")
	}
	detect.Between(&b, "max_pairs", c.MaxPairs, 1, 10_000_000)
	detect.Between(&b, "max_series", c.MaxSeries, 1, 1_000_000)
	detect.Between(&b, "max_judged", c.MaxJudged, 1, 1_000_000)
	detect.Between(&b, "min_open", c.MinOpen, 0, 24*time.Hour)
	detect.Between(&b, "max_open", c.MaxOpen, 1, 1_000_000)
	detect.Between(&b, "max_endpoints", c.MaxEndpoints, 1, 10_000_000)
	return b.Err()
}
