package clusters

import (
	"math"
	"slices"
	"time"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/detect/sample"
)

// Config holds the detector's settings.
type Config struct {
	Batch      time.Duration `mapstructure:"batch"`      // what is clustered at once; 0: the whole input
	Method     string        `mapstructure:"method"`     // kmeans, minibatch, mean_shift or pca
	Rows       string        `mapstructure:"rows"`       // what is compared: flows, tuples or pairs, see sample.ByFlow; below, all are called flows
	Columns    []string      `mapstructure:"columns"`    // numbers of a row that are its coordinates, see sample.ColumnNames
	Components int           `mapstructure:"components"` // directions that PCA keeps; 0: no PCA
	K          int           `mapstructure:"k"`          // clusters of k-means
	Bandwidth  float64       `mapstructure:"bandwidth"`  // of mean shift, standard deviations
	HalfLife   time.Duration `mapstructure:"half_life"`  // after which what pca learnt counts half
	Far        float64       `mapstructure:"far"`        // medians from the nearest centre that make an outlier, or 99 % quantiles from the plane
	MinFlows   int           `mapstructure:"min_flows"`  // flows that are needed
	MaxFlows   int           `mapstructure:"max_flows"`  // flows that are kept, a random sample of all
	MaxAlerts  int           `mapstructure:"max_alerts"` // alerts of a batch, about the outliers furthest away
	Seed       int           `mapstructure:"seed"`       // of the random starts
}

// DefaultConfig returns the defaults of config.yaml.
func DefaultConfig() Config {
	return Config{
		Method:    "kmeans",
		Rows:      sample.ByFlow,
		Columns:   []string{"bytes_up", "bytes_down", "packets", "duration"},
		K:         8,
		Bandwidth: 1,
		HalfLife:  time.Hour,
		Far:       10,
		MinFlows:  100,
		MaxFlows:  10_000,
		MaxAlerts: 10,
		Seed:      1,
	}
}

// Validate returns nil or all problems joined, each as "key: got X, want Y".
func (c Config) Validate() error {
	var b detect.Bounds
	if c.Batch != 0 && (c.Batch < 10*time.Second || c.Batch > 7*24*time.Hour || c.Batch%time.Second != 0) {
		b.Bad("batch", c.Batch, "0s (the whole input) or whole seconds from 10s to 168h0m0s")
	}
	if !slices.Contains([]string{"kmeans", "minibatch", "mean_shift", methodPCA}, c.Method) {
		b.Bad("method", c.Method, "kmeans, minibatch, mean_shift or pca")
	}
	if c.Method == methodPCA && c.Batch == 0 {
		b.Bad("batch", c.Batch, "10s or more, for the method is pca")
	}
	if c.Method == methodPCA && (c.Components == 0 || c.Components == len(c.Columns)) {
		b.Bad("components", c.Components, "from 1 to less than the number of columns, for the method is pca")
	}
	if c.HalfLife < time.Minute || c.HalfLife > 365*24*time.Hour {
		b.Bad("half_life", c.HalfLife, "1m0s to 8760h0m0s")
	}
	if c.Rows == sample.ByPair && c.Batch%sample.Step != 0 {
		b.Bad("batch", c.Batch, "0s or a multiple of 10s, for rows are pairs")
	}
	sample.CheckColumns(&b, c.Rows, c.Columns)
	if c.Components < 0 || c.Components > len(c.Columns) {
		b.Bad("components", c.Components, "0 to the number of columns")
	}
	detect.Between(&b, "k", c.K, 1, 100)
	detect.Between(&b, "bandwidth", c.Bandwidth, 0.01, 100)
	detect.Between(&b, "far", c.Far, 1, 1e6)
	detect.Between(&b, "min_flows", c.MinFlows, 10, 1_000_000)
	detect.Between(&b, "max_flows", c.MaxFlows, 100, 100_000)
	detect.Between(&b, "max_alerts", c.MaxAlerts, 0, 1000)
	detect.Between(&b, "seed", c.Seed, 0, math.MaxInt32)
	return b.Err()
}
