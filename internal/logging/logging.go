package logging

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
)

// Config is the logger's part of the configuration.
type Config struct {
	Level  string `mapstructure:"level"`  // debug, info, warn or error
	Format string `mapstructure:"format"` // text or json
}

// DefaultConfig returns the defaults of config.yaml.
func DefaultConfig() Config { return Config{Level: "info", Format: "text"} }

// Validate returns nil or all problems joined, each as "key: got X, want Y".
func (c Config) Validate() error {
	var problems []error
	if _, ok := level(c.Level); !ok {
		problems = append(problems, fmt.Errorf("level: got %q, want debug, info, warn or error", c.Level))
	}
	if c.Format != "text" && c.Format != "json" {
		problems = append(problems, fmt.Errorf("format: got %q, want text or json", c.Format))
	}
	return errors.Join(problems...)
}

// New returns a logger that writes one line for each record to w, and its level, which any goroutine may set at any
// time. The configuration must be valid. The logger may be used by several goroutines; its writes to w are serialised.
func New(w io.Writer, c Config) (*slog.Logger, *slog.LevelVar) {
	least := new(slog.LevelVar)
	least.Set(c.Least())
	options := &slog.HandlerOptions{Level: least}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, options)), least
	}
	return slog.New(slog.NewTextHandler(w, options)), least
}

// Least returns the level of the least severe messages that are logged. The configuration must be valid.
func (c Config) Least() slog.Level {
	least, ok := level(c.Level)
	if !ok {
		panic(fmt.Sprintf("bug: log level %q was not validated", c.Level))
	}
	return least
}

func level(name string) (slog.Level, bool) {
	switch name {
	case "debug":
		return slog.LevelDebug, true
	case "info":
		return slog.LevelInfo, true
	case "warn":
		return slog.LevelWarn, true
	case "error":
		return slog.LevelError, true
	}
	return 0, false
}
