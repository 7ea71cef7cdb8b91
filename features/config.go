package features

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/weir-sensor/weir/packet"
)

// Config is the windows' part of the configuration.
type Config struct {
	Enabled  bool          `mapstructure:"enabled"`
	By       string        `mapstructure:"by"`        // pair: of hosts; flow: of hosts and ports
	Cut      string        `mapstructure:"cut"`       // packets: windows of so many packets; time: whole segments
	Packets  int           `mapstructure:"packets"`   // packets in a window; with cut time, see Windower
	Segment  time.Duration `mapstructure:"segment"`   // a window never reaches beyond one
	Clients  []string      `mapstructure:"clients"`   // networks, CIDR; none: the first packet tells who is the client
	Groups   []string      `mapstructure:"groups"`    // feature groups that are computed
	MaxPairs int           `mapstructure:"max_pairs"` // pairs, or flows, remembered over all shards
}

// The values of Config.By and Config.Cut.
const (
	ByPair     = "pair"
	ByFlow     = "flow"
	CutPackets = "packets"
	CutTime    = "time"
)

// DefaultConfig returns the defaults of config.yaml.
func DefaultConfig() Config {
	return Config{
		By:       ByPair,
		Cut:      CutPackets,
		Packets:  50,
		Segment:  time.Minute,
		Groups:   Groups(),
		MaxPairs: 200_000,
	}
}

// The bounds of Config.
const (
	maxPackets    = 1000
	minSegment    = time.Millisecond
	maxSegment    = quiet // so that a pair is never forgotten while its segment lasts
	maxPairsLimit = 10_000_000
)

// Validate returns nil or all problems joined, each as "key: got X, want Y".
func (c Config) Validate() error {
	var problems []error
	bad := func(key string, got, want any) {
		problems = append(problems, fmt.Errorf("%s: got %v, want %v", key, got, want))
	}
	if c.By != ByPair && c.By != ByFlow {
		bad("by", fmt.Sprintf("%q", c.By), "pair or flow")
	}
	if c.Cut != CutPackets && c.Cut != CutTime {
		bad("cut", fmt.Sprintf("%q", c.Cut), "packets or time")
	}
	if c.Packets < 1 || c.Packets > maxPackets {
		bad("packets", c.Packets, "1 to 1000")
	}
	if c.Segment < minSegment || c.Segment > maxSegment {
		bad("segment", c.Segment, "1ms to 10m")
	}
	for _, text := range c.Clients {
		if _, err := packet.ParseNetwork(text); err != nil {
			bad("clients", fmt.Sprintf("%q", text), "networks such as 10.0.0.0/8 or fd00::/8, or addresses")
		}
	}
	for i, g := range c.Groups {
		if !slices.Contains(Groups(), g) || slices.Contains(c.Groups[:i], g) {
			bad("groups", fmt.Sprintf("%q", g), "each at most once of "+strings.Join(Groups(), ", "))
		}
	}
	if c.MaxPairs < 1 || c.MaxPairs > maxPairsLimit {
		bad("max_pairs", c.MaxPairs, "1 to 10000000")
	}
	return errors.Join(problems...)
}
