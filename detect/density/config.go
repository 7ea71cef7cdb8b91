package density

import (
	"fmt"
	"strings"

	"github.com/weir-sensor/weir/detect"
)

// Config holds the detector's settings.
type Config struct {
	Columns       []string `mapstructure:"columns"`         // numbers of a flow that are its coordinates, see Columns
	Scaling       string   `mapstructure:"scaling"`         // plain, robust, or both beside each other
	Eps           float64  `mapstructure:"eps"`             // how far apart neighbours may be, after scaling
	MinSamples    int      `mapstructure:"min_samples"`     // flows within eps, itself included, that make a flow a core
	MinFlows      int      `mapstructure:"min_flows"`       // flows that a minute needs to be judged
	MaxFlows      int      `mapstructure:"max_flows"`       // flows of a minute that are kept, a random sample of all
	FlowsPerAlert int      `mapstructure:"flows_per_alert"` // an alert is raised after so many judged flows at the earliest
}

// DefaultConfig returns the defaults of config.yaml.
func DefaultConfig() Config {
	return Config{
		Columns:       []string{"bytes"},
		Scaling:       "both",
		Eps:           2.5,
		MinSamples:    5,
		MinFlows:      50,
		MaxFlows:      50_000,
		FlowsPerAlert: 2000,
	}
}

// Validate returns nil or all problems joined, each as "key: got X, want Y".
func (c Config) Validate() error {
	var b detect.Bounds
	want := "one or more, each once, of " + strings.Join(ColumnNames(), ", ")
	seen := map[string]bool{}
	for _, name := range c.Columns {
		if columnOf(name) == nil || seen[name] {
			b.Bad("columns", fmt.Sprintf("%q", name), want)
		}
		seen[name] = true
	}
	if len(c.Columns) == 0 {
		b.Bad("columns", "none", want)
	}
	if c.Scaling != "plain" && c.Scaling != "robust" && c.Scaling != "both" {
		b.Bad("scaling", c.Scaling, "plain, robust or both")
	}
	detect.Between(&b, "eps", c.Eps, 0.001, 1000)
	detect.Between(&b, "min_samples", c.MinSamples, 1, 10_000)
	detect.Between(&b, "min_flows", c.MinFlows, 2, 1_000_000)
	detect.Between(&b, "max_flows", c.MaxFlows, 100, 1_000_000)
	detect.Between(&b, "flows_per_alert", c.FlowsPerAlert, 1, 1_000_000_000)
	return b.Err()
}
