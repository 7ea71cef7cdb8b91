package density

import (
	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/detect/sample"
)

// Config holds the detector's settings.
type Config struct {
	Rows          string   `mapstructure:"rows"`            // what is compared: flows, tuples or pairs, see sample.ByFlow; below, all are called flows
	Columns       []string `mapstructure:"columns"`         // numbers of a row that are its coordinates, see sample.ColumnNames
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
		Rows:          sample.ByFlow,
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
	sample.CheckColumns(&b, c.Rows, c.Columns)
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
