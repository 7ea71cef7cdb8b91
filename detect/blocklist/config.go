package blocklist

import "github.com/weir-sensor/weir/detect"

// Config holds the detector's settings.
type Config struct {
	Lists     []string `mapstructure:"lists"`      // what ParseSource reads
	SkipLocal bool     `mapstructure:"skip_local"` // addresses inside detect.local_networks are on no list
	MaxAlerts int      `mapstructure:"max_alerts"` // alerts of 10 s; the rest is one about the network
}

// DefaultConfig returns the defaults of config.yaml.
func DefaultConfig() Config { return Config{SkipLocal: true, MaxAlerts: 20} }

// Validate returns nil or all problems joined, each as "key: got X, want Y".
func (c Config) Validate() error {
	var b detect.Bounds
	seen := map[string]bool{}
	for _, text := range c.Lists {
		switch s, err := ParseSource(text); {
		case err != nil:
			b.Bad("lists", quote(text), WantSource)
		case seen[s.Name]:
			b.Bad("lists", quote(text), "each name once; NAME=PATH gives another one")
		default:
			seen[s.Name] = true
		}
	}
	detect.Between(&b, "max_alerts", c.MaxAlerts, 1, 1000)
	return b.Err()
}

// Sources returns the lists that a valid configuration names.
func (c Config) Sources() []Source {
	var all []Source
	for _, text := range c.Lists {
		s, err := ParseSource(text)
		if err != nil {
			panic("bug: list was not validated: " + text)
		}
		all = append(all, s)
	}
	return all
}
