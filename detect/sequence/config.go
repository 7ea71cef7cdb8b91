package sequence

import "github.com/weir-sensor/weir/detect"

// Config is the detector's part of the configuration.
type Config struct {
	Model    string  `mapstructure:"model"`     // file of weir train sequence, or Builtin
	Factor   float64 `mapstructure:"factor"`    // of the model's threshold, from which on a step is surprising
	Steps    int     `mapstructure:"steps"`     // surprising steps in a row until an alert
	MinSteps int     `mapstructure:"min_steps"` // steps of a host until it is judged
	MaxHosts int     `mapstructure:"max_hosts"` // hosts that are remembered
}

// Builtin names the model that comes with weir.
const Builtin = "builtin"

// DefaultConfig returns the defaults of config.yaml.
func DefaultConfig() Config {
	return Config{Model: Builtin, Factor: 1, Steps: 2, MinSteps: 6, MaxHosts: 50_000}
}

// Validate returns nil or all problems joined, each as "key: got X, want Y".
func (c Config) Validate() error {
	var b detect.Bounds
	if c.Model == "" {
		b.Bad("model", `""`, "a file of weir train sequence, or builtin")
	}
	detect.Between(&b, "factor", c.Factor, 0.1, 1000)
	detect.Between(&b, "steps", c.Steps, 1, 1000)
	detect.Between(&b, "min_steps", c.MinSteps, 1, 10_000)
	detect.Between(&b, "max_hosts", c.MaxHosts, 1, 10_000_000)
	return b.Err()
}
