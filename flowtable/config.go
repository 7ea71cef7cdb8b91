package flowtable

import (
	"math"
	"time"
)

// Config is the flow table's part of the configuration.
type Config struct {
	MaxFlows      int           `mapstructure:"max_flows"`      // open flows over all shards
	MaxFragments  int           `mapstructure:"max_fragments"`  // first fragments remembered over all shards
	ActiveTimeout time.Duration `mapstructure:"active_timeout"` // a flow that lasts longer is written in parts; 0: never
	Idle          IdleConfig    `mapstructure:"idle"`
	KeyVLAN       bool          `mapstructure:"key_vlan"`     // the outermost VLAN id is part of the key
	ServerPorts   []uint16      `mapstructure:"server_ports"` // server ports besides those below 1024
	MTU           uint32        `mapstructure:"mtu"`          // longer IP packets are marked offload, bytes
	Pressure      float64       `mapstructure:"pressure"`     // share of max_flows above which flows go sooner
	Relief        float64       `mapstructure:"relief"`       // share of max_flows below which that ends

	Features         []string `mapstructure:"features"`           // groups of flow features that are computed; all: every one
	MaxFirstPayloads int      `mapstructure:"max_first_payloads"` // payloads put together at a time, over all shards
}

// IdleConfig holds the idle timeouts; 0 means never.
type IdleConfig struct {
	TCP          time.Duration `mapstructure:"tcp"`
	TCPEmbryonic time.Duration `mapstructure:"tcp_embryonic"` // before the handshake is complete
	TCPClosed    time.Duration `mapstructure:"tcp_closed"`    // after both FINs or a RST
	UDP          time.Duration `mapstructure:"udp"`
	ICMP         time.Duration `mapstructure:"icmp"`
	Other        time.Duration `mapstructure:"other"`
}

// DefaultConfig returns the defaults of config.yaml.
func DefaultConfig() Config {
	return Config{
		MaxFlows:      1_000_000,
		MaxFragments:  16_384,
		ActiveTimeout: 300 * time.Second,
		Idle: IdleConfig{
			TCP: 300 * time.Second, TCPEmbryonic: 30 * time.Second, TCPClosed: 5 * time.Second,
			UDP: 60 * time.Second, ICMP: 30 * time.Second, Other: 30 * time.Second,
		},
		MTU:      1500,
		Pressure: 0.9,
		Relief:   0.7,

		MaxFirstPayloads: 16_384,
	}
}

// MinClock and MaxClock bound the times that a Table is given: from 1967 to 2257, so that a year's timeout added to
// one of them, or the difference of any two, does not overflow.
const (
	MinClock = -(1 << 56)
	MaxClock = math.MaxInt64 - 1<<57
)
