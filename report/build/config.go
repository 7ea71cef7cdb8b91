package build

import (
	"fmt"
	"time"
	_ "time/tzdata" // time zones where the system has none

	"github.com/weir-sensor/weir/detect"
)

// Config is the report's part of the configuration.
type Config struct {
	Databases []string      `mapstructure:"databases"`  // paths of MaxMind files; the first that knows something of an address says it
	Zone      string        `mapstructure:"zone"`       // of hours of the day and times
	Rows      int           `mapstructure:"rows"`       // of a table that are shown
	AllRows   int           `mapstructure:"all_rows"`   // of a table in its CSV file
	MaxHosts  int           `mapstructure:"max_hosts"`  // rows of each sum by host, by pair of hosts, by service
	MaxAlerts int           `mapstructure:"max_alerts"` // told apart
	Sample    int           `mapstructure:"sample"`     // flows in the scatter plot
	Windows   int           `mapstructure:"windows"`    // sampled for the histograms
	Label     string        `mapstructure:"label"`      // that tells classes of windows apart
	Every     time.Duration `mapstructure:"every"`      // in a live run; 0: never
}

// DefaultConfig returns the defaults of config.yaml.
func DefaultConfig() Config {
	return Config{Zone: "UTC", Rows: 50, AllRows: 10_000, MaxHosts: 131_072, MaxAlerts: 10_000, Sample: 1000, Windows: 20_000, Label: "class"}
}

// Validate returns nil or all problems joined, each as "key: got X, want Y".
func (c Config) Validate() error {
	var b detect.Bounds
	for _, path := range c.Databases {
		if path == "" {
			b.Bad("databases", `""`, "paths of MaxMind database files (.mmdb)")
		}
	}
	if _, err := zone(c.Zone); err != nil {
		b.Bad("zone", fmt.Sprintf("%q", c.Zone), "a time zone such as UTC or Europe/Berlin")
	}
	detect.Between(&b, "rows", c.Rows, 1, 10_000)
	detect.Between(&b, "all_rows", c.AllRows, 1, 1_000_000)
	detect.Between(&b, "max_hosts", c.MaxHosts, 16, 10_000_000)
	detect.Between(&b, "max_alerts", c.MaxAlerts, 1, 1_000_000)
	detect.Between(&b, "sample", c.Sample, 10, 10_000)
	detect.Between(&b, "windows", c.Windows, 100, 1_000_000)
	if most := 31 * 24 * time.Hour; c.Every != 0 && (c.Every < time.Minute || c.Every > most) {
		b.Bad("every", c.Every, fmt.Sprintf("0s (never) or %s to %s", time.Minute, most))
	}
	return b.Err()
}

// zone returns a time zone. That of the machine is none: a report says the same wherever it is made.
func zone(name string) (*time.Location, error) {
	if name == "" || name == "Local" {
		return nil, fmt.Errorf("no time zone: %q", name)
	}
	return time.LoadLocation(name)
}

// Location returns the zone; c must be valid.
func (c Config) Location() *time.Location {
	at, err := zone(c.Zone)
	if err != nil {
		panic("bug: zone was not validated: " + err.Error())
	}
	return at
}
