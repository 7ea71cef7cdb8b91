package hosts

import (
	"slices"

	"github.com/weir-sensor/weir/detect"
)

// Config is the detector's part of the configuration.
type Config struct {
	MinPorts      int      `mapstructure:"min_ports"`      // so many ports are not worth an alert, whatever the others use
	Deviations    float64  `mapstructure:"deviations"`     // of the fence: scaled median absolute deviations above the median
	MinHosts      int      `mapstructure:"min_hosts"`      // with fewer addresses in a role there is no fence
	ManyPorts     int      `mapstructure:"many_ports"`     // more ports than this are an alert, and again at each doubling
	Compat        bool     `mapstructure:"compat"`         // also what an earlier program found, for comparison
	CompatPopular []uint16 `mapstructure:"compat_popular"` // ports whose use is no finding there
	MaxHosts      int      `mapstructure:"max_hosts"`      // addresses and roles with figures in 10 min
	MaxBusy       int      `mapstructure:"max_busy"`       // of them with more than 8 ports
	MaxScanned    int      `mapstructure:"max_scanned"`    // of them with more than 128
}

// DefaultConfig returns the defaults of config.yaml.
func DefaultConfig() Config {
	return Config{MinPorts: 10, Deviations: 6, MinHosts: 20, ManyPorts: 100, CompatPopular: []uint16{53, 80, 123, 443},
		MaxHosts: 150_000, MaxBusy: 8192, MaxScanned: 256}
}

// Validate returns nil or all problems joined, each as "key: got X, want Y".
func (c Config) Validate() error {
	var b detect.Bounds
	detect.Between(&b, "min_ports", c.MinPorts, 1, 65535)
	detect.Between(&b, "deviations", c.Deviations, 1, 1000)
	detect.Between(&b, "min_hosts", c.MinHosts, 2, 1_000_000)
	detect.Between(&b, "many_ports", c.ManyPorts, 1, 65535)
	if slices.Contains(c.CompatPopular, 0) {
		b.Bad("compat_popular", 0, "ports from 1 to 65535")
	}
	detect.Between(&b, "max_hosts", c.MaxHosts, 1, 10_000_000)
	detect.Between(&b, "max_busy", c.MaxBusy, 1, 1_000_000)
	detect.Between(&b, "max_scanned", c.MaxScanned, 1, 100_000)
	return b.Err()
}
