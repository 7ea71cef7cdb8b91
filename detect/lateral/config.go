package lateral

import (
	"slices"
	"time"

	"github.com/weir-sensor/weir/detect"
)

// Config is the detector's part of the configuration.
type Config struct {
	Learn      time.Duration `mapstructure:"learn"`       // from the first record on: what is new may only be new to us
	Forget     time.Duration `mapstructure:"forget"`      // contacts not seen for this long are new again
	MinPeers   int           `mapstructure:"min_peers"`   // new contacts of a host on a port, both ways together, that make chatter
	Symmetry   float64       `mapstructure:"symmetry"`    // of contacts one way to those the other way
	MinNew     int           `mapstructure:"min_new"`     // new contacts of a client on a port after the learning that are said
	LoginPorts []uint16      `mapstructure:"login_ports"` // TCP ports of services that ask for passwords
	MinTries   int           `mapstructure:"min_tries"`   // flows of a client to such a service in 5 min that make guessing
	MaxContact int           `mapstructure:"max_contact"` // contacts remembered
	MaxHosts   int           `mapstructure:"max_hosts"`   // hosts and ports watched
	MaxLogins  int           `mapstructure:"max_logins"`  // clients of login services watched
}

// DefaultConfig returns the defaults of config.yaml.
func DefaultConfig() Config {
	return Config{
		Learn:      24 * time.Hour,
		Forget:     30 * 24 * time.Hour,
		MinPeers:   6,
		Symmetry:   0.33,
		MinNew:     8,
		LoginPorts: []uint16{21, 22, 23, 445, 3389, 5900, 5985},
		MinTries:   8,
		MaxContact: 1 << 20,
		MaxHosts:   65536,
		MaxLogins:  32768,
	}
}

// Validate returns nil or all problems joined, each as "key: got X, want Y".
func (c Config) Validate() error {
	const year = 365 * 24 * time.Hour
	var b detect.Bounds
	detect.Between(&b, "learn", c.Learn, 0, year)
	detect.Between(&b, "forget", c.Forget, time.Hour, year)
	detect.Between(&b, "min_peers", c.MinPeers, 2, 1_000_000)
	detect.Between(&b, "symmetry", c.Symmetry, 0, 1)
	detect.Between(&b, "min_new", c.MinNew, 1, 1_000_000)
	if slices.Contains(c.LoginPorts, 0) {
		b.Bad("login_ports", 0, "ports from 1 to 65535")
	}
	detect.Between(&b, "min_tries", c.MinTries, 3, 1_000_000)
	detect.Between(&b, "max_contact", c.MaxContact, 1, 100_000_000)
	detect.Between(&b, "max_hosts", c.MaxHosts, 2, 10_000_000)
	detect.Between(&b, "max_logins", c.MaxLogins, 1, 10_000_000)
	return b.Err()
}
