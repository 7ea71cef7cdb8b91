package telemetry

import (
	"fmt"
	"net"
	"strconv"
	"strings"
)

// Config is the part of the configuration about what is told to others.
type Config struct {
	Listen string `mapstructure:"listen"` // host:port of metrics and health; "": off
}

// DefaultConfig returns the defaults of config.yaml.
func DefaultConfig() Config { return Config{} }

// Validate returns nil or the problem as "key: got X, want Y".
func (c Config) Validate() error {
	if c.Listen == "" {
		return nil
	}
	host, port, err := net.SplitHostPort(c.Listen)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil || strings.ContainsAny(host, " \t\n/") {
		return fmt.Errorf("listen: got %q, want empty (off), or an address and a port such as 127.0.0.1:9109", c.Listen)
	}
	return nil
}
