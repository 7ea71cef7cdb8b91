package output

import (
	"errors"
	"fmt"
	"time"
)

// Config is the outputs' part of the configuration. All but Format is for live runs.
type Config struct {
	Format string         `mapstructure:"format"` // ndjson, csv or parquet
	Rotate RotationConfig `mapstructure:"rotate"`
	Queue  int            `mapstructure:"queue"` // records that may wait for each sink
	Flush  time.Duration  `mapstructure:"flush"` // longest that a record waits for others before it is written
	Sync   time.Duration  `mapstructure:"sync"`  // how often the file being written is synced to disk, too; 0: never
	Drain  time.Duration  `mapstructure:"drain"` // longest that the end of the program waits for a sink
}

// RotationConfig says when a live run goes on to the next file.
type RotationConfig struct {
	Every time.Duration `mapstructure:"every"` // packet time, aligned to the epoch; 0: time does not matter
	Size  int           `mapstructure:"size"`  // bytes; 0: size does not matter
}

// DefaultConfig returns the defaults of config.yaml.
func DefaultConfig() Config {
	return Config{
		Format: "ndjson",
		Rotate: RotationConfig{Every: time.Hour, Size: 1 << 30},
		Queue:  65536,
		Flush:  time.Second,
		Drain:  10 * time.Second,
	}
}

// The bounds of Config.
const (
	minEvery, maxEvery = time.Second, 720 * time.Hour
	minSize, maxSize   = 1 << 16, 1 << 40
	minQueue, maxQueue = 256, 10_000_000
	minFlush, maxFlush = 10 * time.Millisecond, time.Minute
	minSync, maxSync   = time.Second, time.Hour
	minDrain, maxDrain = time.Second, 10 * time.Minute
)

// Validate returns nil or all problems joined, each as "key: got X, want Y".
func (c Config) Validate() error {
	var problems []error
	bad := func(key string, got any, want string) {
		problems = append(problems, fmt.Errorf("%s: got %v, want %s", key, got, want))
	}
	if _, err := ParseFormat(c.Format); err != nil {
		bad("format", fmt.Sprintf("%q", c.Format), "ndjson, csv or parquet")
	}
	if every := c.Rotate.Every; every != 0 && (every < minEvery || every > maxEvery) {
		bad("rotate.every", every, "0s (never) or 1s to 720h")
	}
	if size := int64(c.Rotate.Size); size != 0 && (size < minSize || size > maxSize) {
		bad("rotate.size", size, "0 (never) or 65536 to 1099511627776")
	}
	if c.Queue < minQueue || c.Queue > maxQueue {
		bad("queue", c.Queue, "256 to 10000000")
	}
	if c.Flush < minFlush || c.Flush > maxFlush {
		bad("flush", c.Flush, "10ms to 1m")
	}
	if c.Sync != 0 && (c.Sync < minSync || c.Sync > maxSync) {
		bad("sync", c.Sync, "0s (never) or 1s to 1h")
	}
	if c.Drain < minDrain || c.Drain > maxDrain {
		bad("drain", c.Drain, "1s to 10m")
	}
	return errors.Join(problems...)
}
