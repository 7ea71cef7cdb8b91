package scan

import (
	"slices"
	"time"

	"github.com/weir-sensor/weir/detect"
)

// Config is the detector's part of the configuration.
type Config struct {
	Theta0        float64       `mapstructure:"theta0"`          // a benign host's first contacts succeed with this probability
	Theta1        float64       `mapstructure:"theta1"`          // a scanner's do with this one
	Alpha         float64       `mapstructure:"alpha"`           // benign hosts called scanners
	Beta          float64       `mapstructure:"beta"`            // scanners called so
	MinHosts      int           `mapstructure:"min_hosts"`       // hosts that did not answer before TCP contacts are a scan
	MinHostsOther int           `mapstructure:"min_hosts_other"` // the same of UDP and ICMP
	MinPorts      int           `mapstructure:"min_ports"`       // ports of one host that did not answer before they are a scan
	HalfOpen      int           `mapstructure:"half_open"`       // handshakes that the client gives up, in 10 s
	PeerPorts     []uint16      `mapstructure:"peer_ports"`      // of peer-to-peer networks, whose peers often are gone
	Forget        time.Duration `mapstructure:"forget"`          // a contact is a first one when there was none for this long
	Hold          time.Duration `mapstructure:"hold"`            // a scan that goes on is reported after this
	MaxSources    int           `mapstructure:"max_sources"`     // sources with two failed contacts
	MaxCandidates int           `mapstructure:"max_candidates"`  // sources with one
	MaxContacts   int           `mapstructure:"max_contacts"`    // contacts remembered per Forget
	Classic       bool          `mapstructure:"classic"`         // the walk of the publication by itself
}

// DefaultConfig returns the defaults of config.yaml.
func DefaultConfig() Config {
	return Config{
		Theta0: 0.8, Theta1: 0.2, Alpha: 0.01, Beta: 0.99,
		MinHosts: 7, MinHostsOther: 20, MinPorts: 10, HalfOpen: 100,
		PeerPorts: []uint16{4662, 6346, 6347, 6881, 6882, 6883, 6884, 6885, 6886, 6887, 6888, 6889, 51413},
		Forget:    24 * time.Hour, Hold: time.Minute,
		MaxSources: 65536, MaxCandidates: 65536, MaxContacts: 4_000_000,
	}
}

// Validate returns nil or all problems joined, each as "key: got X, want Y".
func (c Config) Validate() error {
	var b detect.Bounds
	detect.Between(&b, "theta0", c.Theta0, 0.01, 0.99)
	detect.Between(&b, "theta1", c.Theta1, 0.01, 0.99)
	if c.Theta0 <= c.Theta1 {
		b.Bad("theta0", c.Theta0, "more than theta1")
	}
	detect.Between(&b, "alpha", c.Alpha, 1e-9, 0.1)
	detect.Between(&b, "beta", c.Beta, 0.9, 1-1e-9)
	detect.Between(&b, "min_hosts", c.MinHosts, 1, 1_000_000)
	detect.Between(&b, "min_hosts_other", c.MinHostsOther, 1, 1_000_000)
	detect.Between(&b, "min_ports", c.MinPorts, 2, 65535)
	detect.Between(&b, "half_open", c.HalfOpen, 1, 1_000_000)
	if slices.Contains(c.PeerPorts, 0) {
		b.Bad("peer_ports", 0, "ports from 1 to 65535")
	}
	detect.Between(&b, "forget", c.Forget, time.Minute, 30*24*time.Hour)
	detect.Between(&b, "hold", c.Hold, 0, 10*time.Minute)
	detect.Between(&b, "max_sources", c.MaxSources, 1, 10_000_000)
	detect.Between(&b, "max_candidates", c.MaxCandidates, 1, 10_000_000)
	detect.Between(&b, "max_contacts", c.MaxContacts, 1000, 1_000_000_000)
	return b.Err()
}
