package sensor

import (
	"errors"
	"fmt"
	"runtime"
)

// Config is the pipeline's part of the configuration.
type Config struct {
	Shards int `mapstructure:"shards"` // flow tables that work side by side; 0: one for each CPU
	Batch  int `mapstructure:"batch"`  // most packets handed over at a time
}

// The upper bounds of the settings.
const (
	MaxShards = 256
	MaxBatch  = 65536
)

// DefaultConfig returns the defaults of config.yaml.
func DefaultConfig() Config { return Config{Shards: 0, Batch: 4096} }

// Validate returns nil or all problems joined, each as "key: got X, want Y".
func (c Config) Validate() error {
	var problems []error
	if c.Shards < 0 || c.Shards > MaxShards {
		problems = append(problems, fmt.Errorf("shards: got %d, want 0 (one for each CPU) to %d", c.Shards, MaxShards))
	}
	if c.Batch < 1 || c.Batch > MaxBatch {
		problems = append(problems, fmt.Errorf("batch: got %d, want 1 to %d", c.Batch, MaxBatch))
	}
	return errors.Join(problems...)
}

// Goroutines returns the number of shards, with 0 resolved to the number of CPUs that the program may use.
func (c Config) Goroutines() int {
	if c.Shards > 0 {
		return c.Shards
	}
	return min(runtime.GOMAXPROCS(0), MaxShards)
}
