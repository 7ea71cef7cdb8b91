package basic

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/packet"
)

// Config holds the detector's settings.
type Config struct {
	Silence    []string `mapstructure:"silence"`     // ids of rules that say nothing
	WatchPorts []string `mapstructure:"watch_ports"` // server ports of B02, tcp/PORT or udp/PORT
	Border     bool     `mapstructure:"border"`      // nothing but what crosses our border is captured: B09
	MinEmpty   int      `mapstructure:"min_empty"`   // empty connections of a client in 10 s for B08
	MaxAlerts  int      `mapstructure:"max_alerts"`  // alerts of a rule in 10 s; the rest is one about the network
	Compat     bool     `mapstructure:"compat"`      // what an earlier program also flagged
}

// DefaultConfig returns the defaults of config.yaml.
func DefaultConfig() Config {
	return Config{
		WatchPorts: []string{"tcp/9001", "tcp/9030", "tcp/9050", "tcp/9051", "tcp/9150", "tcp/9151"},
		MinEmpty:   20,
		MaxAlerts:  5,
	}
}

// Validate returns nil or all problems joined, each as "key: got X, want Y".
func (c Config) Validate() error {
	var b detect.Bounds
	for _, id := range c.Silence {
		if !slices.Contains(RuleIDs(), id) {
			b.Bad("silence", fmt.Sprintf("%q", id), "any of "+strings.Join(RuleIDs(), ", "))
		}
	}
	for _, text := range c.WatchPorts {
		if _, _, ok := parsePort(text); !ok {
			b.Bad("watch_ports", fmt.Sprintf("%q", text), WantPort)
		}
	}
	detect.Between(&b, "min_empty", c.MinEmpty, 1, 1_000_000)
	detect.Between(&b, "max_alerts", c.MaxAlerts, 1, 1000)
	return b.Err()
}

// WantPort says what watch_ports takes.
const WantPort = "tcp/PORT or udp/PORT, such as tcp/9001"

func parsePort(text string) (proto uint8, port uint16, ok bool) {
	name, number, _ := strings.Cut(text, "/")
	n, err := strconv.ParseUint(number, 10, 16)
	switch name {
	case "tcp":
		proto = packet.ProtoTCP
	case "udp":
		proto = packet.ProtoUDP
	}
	return proto, uint16(n), proto != 0 && err == nil && n > 0
}
