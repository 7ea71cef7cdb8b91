package trend

import (
	"time"

	"github.com/weir-sensor/weir/detect"
)

// Config is the detector's part of the configuration.
type Config struct {
	Lag         time.Duration `mapstructure:"lag"`          // how long a step waits for the records of its flows
	FloodFlows  int           `mapstructure:"flood_flows"`  // unanswered flows to a service in a step that are a flood by themselves
	FloodShare  float64       `mapstructure:"flood_share"`  // of the flows to it that are unanswered
	ICMPPackets int           `mapstructure:"icmp_packets"` // ICMP packets to a host in a step that are a flood
	SYNFlows    int           `mapstructure:"syn_flows"`    // unanswered flows in a step where the cumulative sum alarms
	Warmup      int           `mapstructure:"warmup"`       // steps of history before a rise can be one
	Ratio       float64       `mapstructure:"ratio"`        // of a rise to what is usual
	MinFlows    int           `mapstructure:"min_flows"`    // flows of a host in a step that can be a rise
	MinBytes    int           `mapstructure:"min_bytes"`    // bytes of a host in a step that can be a rise
	MaxHosts    int           `mapstructure:"max_hosts"`    // hosts that are followed
	MaxSeasons  int           `mapstructure:"max_seasons"`  // of them, whose usual hours of the week and entropies are followed
	MaxSpectra  int           `mapstructure:"max_spectra"`  // hosts, in a role and an open step, whose entropies are taken
	MaxVictims  int           `mapstructure:"max_victims"`  // services that are watched for floods
}

// DefaultConfig returns the defaults of config.yaml.
func DefaultConfig() Config {
	return Config{
		Lag:         70 * time.Second,
		FloodFlows:  300,
		FloodShare:  0.8,
		ICMPPackets: 500,
		SYNFlows:    100,
		Warmup:      30,
		Ratio:       5,
		MinFlows:    100,
		MinBytes:    20_000_000,
		MaxHosts:    65536,
		MaxSeasons:  4096,
		MaxSpectra:  1024,
		MaxVictims:  8192,
	}
}

// Validate returns nil or all problems joined, each as "key: got X, want Y".
func (c Config) Validate() error {
	var b detect.Bounds
	detect.Between(&b, "lag", c.Lag, 0, (ring-2)*stepLength)
	detect.Between(&b, "flood_flows", c.FloodFlows, promoted, 1_000_000_000)
	detect.Between(&b, "flood_share", c.FloodShare, 0, 1)
	detect.Between(&b, "icmp_packets", c.ICMPPackets, 10, 1_000_000_000)
	detect.Between(&b, "syn_flows", c.SYNFlows, promoted, 1_000_000_000)
	detect.Between(&b, "warmup", c.Warmup, 1, 100_000)
	detect.Between(&b, "ratio", c.Ratio, 1, 1000)
	detect.Between(&b, "min_flows", c.MinFlows, 1, 1_000_000_000)
	detect.Between(&b, "min_bytes", c.MinBytes, 1, 1_000_000_000_000)
	detect.Between(&b, "max_hosts", c.MaxHosts, 1, 10_000_000)
	detect.Between(&b, "max_seasons", c.MaxSeasons, 1, 1_000_000)
	detect.Between(&b, "max_spectra", c.MaxSpectra, 1, 65535)
	detect.Between(&b, "max_victims", c.MaxVictims, 1, 10_000_000)
	return b.Err()
}
