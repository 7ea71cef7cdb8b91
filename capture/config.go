package capture

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Config says what is done with frames before they become flows.
type Config struct {
	Tunnels   []string `mapstructure:"tunnels"`   // the kinds of tunnels that are opened, from TunnelKinds
	Checksums bool     `mapstructure:"checksums"` // verify checksums and count the bad ones; never a reason to drop
	Dedup     bool     `mapstructure:"dedup"`     // drop the second copy that a mirror of two ports gives
	Filter    string   `mapstructure:"filter"`    // filter text of libpcap; empty: everything passes
}

// DefaultConfig returns the defaults of config.yaml.
func DefaultConfig() Config { return Config{Checksums: true} }

// TunnelKinds lists what may stand in Config.Tunnels, by the names of packet.TunnelNames: RFC 2784 and 2890, RFC 7348,
// RFC 8926, RFC 2003, 2473 and 4213 (6in4 included), 3GPP TS 29.281, RFC 4380. The caller owns the slice.
func TunnelKinds() []string {
	return []string{"gre", "vxlan", "geneve", "ipip", "gtpu", "teredo"}
}

// Validate returns nil or all problems joined, each as "key: got X, want Y". Whether the filter compiles is known
// only when a source opens.
func (c Config) Validate() error {
	var problems []error
	for i, t := range c.Tunnels {
		switch {
		case !slices.Contains(TunnelKinds(), t):
			problems = append(problems, fmt.Errorf("tunnels: got %q, want any of %s", t, strings.Join(TunnelKinds(), ", ")))
		case slices.Contains(c.Tunnels[:i], t):
			problems = append(problems, fmt.Errorf("tunnels: got %q twice, want any of %s", t, strings.Join(TunnelKinds(), ", ")))
		}
	}
	return errors.Join(problems...)
}
