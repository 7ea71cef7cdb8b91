package ports

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/packet"
)

// Config is the detector's part of the configuration.
type Config struct {
	Learn     time.Duration `mapstructure:"learn"`      // nothing is new before this much packet time
	Forget    time.Duration `mapstructure:"forget"`     // what was not used for this long is new again
	MaxP      float64       `mapstructure:"max_p"`      // probability of so many first uses above which they are no alert
	Popular   []string      `mapstructure:"popular"`    // ports whose first use by a client is none: tcp/443
	MaxPorts  int           `mapstructure:"max_ports"`  // ports with figures of their own
	MaxKnown  int           `mapstructure:"max_known"`  // uses remembered per Forget
	MaxEvents int           `mapstructure:"max_events"` // hosts with first uses in a batch
}

// DefaultConfig returns the defaults of config.yaml.
func DefaultConfig() Config {
	return Config{
		Learn: 24 * time.Hour, Forget: 30 * 24 * time.Hour, MaxP: 0.005,
		Popular:  []string{"tcp/80", "tcp/443", "udp/443", "udp/53", "tcp/53", "udp/123"},
		MaxPorts: 4096, MaxKnown: 5_000_000, MaxEvents: 65536,
	}
}

// Validate returns nil or all problems joined, each as "key: got X, want Y".
func (c Config) Validate() error {
	var b detect.Bounds
	detect.Between(&b, "learn", c.Learn, 0, 30*24*time.Hour)
	detect.Between(&b, "forget", c.Forget, time.Hour, 365*24*time.Hour)
	detect.Between(&b, "max_p", c.MaxP, 1e-12, 0.5)
	for _, text := range c.Popular {
		if _, err := parseService(text); err != nil {
			b.Bad("popular", fmt.Sprintf("%q", text), "tcp/PORT, udp/PORT or sctp/PORT, such as tcp/443")
		}
	}
	detect.Between(&b, "max_ports", c.MaxPorts, 1, 131072)
	detect.Between(&b, "max_known", c.MaxKnown, 1000, 1_000_000_000)
	detect.Between(&b, "max_events", c.MaxEvents, 1, 10_000_000)
	return b.Err()
}

// parseService reads a protocol and a port.
func parseService(text string) (service, error) {
	name, number, _ := strings.Cut(text, "/")
	proto, ok := map[string]uint8{"tcp": packet.ProtoTCP, "udp": packet.ProtoUDP, "sctp": packet.ProtoSCTP}[name]
	port, err := strconv.ParseUint(number, 10, 16)
	if !ok || err != nil {
		return service{}, fmt.Errorf("parse service %q: want tcp/PORT, udp/PORT or sctp/PORT", text)
	}
	return service{proto, uint16(port)}, nil
}
