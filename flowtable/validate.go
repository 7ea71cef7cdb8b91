package flowtable

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// The bounds of Config.
const (
	maxFlowsLimit     = 100_000_000
	maxFragmentsLimit = 1_000_000
	maxFirstsLimit    = 1_000_000
	minTimeout        = time.Millisecond
	maxTimeout        = 30 * 24 * time.Hour
	minMTU            = 68 // RFC 791
	maxMTU            = 65535
)

// Validate returns nil or all problems joined, each as "key: got X, want Y".
func (c Config) Validate() error {
	var problems []error
	bad := func(key string, got, want any) {
		problems = append(problems, fmt.Errorf("%s: got %v, want %v", key, got, want))
	}
	if c.MaxFlows < 1 || c.MaxFlows > maxFlowsLimit {
		bad("max_flows", c.MaxFlows, "1 to 100000000")
	}
	if c.MaxFragments < 1 || c.MaxFragments > maxFragmentsLimit {
		bad("max_fragments", c.MaxFragments, "1 to 1000000")
	}
	for _, t := range []struct {
		key   string
		value time.Duration
	}{
		{"active_timeout", c.ActiveTimeout},
		{"idle.tcp", c.Idle.TCP},
		{"idle.tcp_embryonic", c.Idle.TCPEmbryonic},
		{"idle.tcp_closed", c.Idle.TCPClosed},
		{"idle.udp", c.Idle.UDP},
		{"idle.icmp", c.Idle.ICMP},
		{"idle.other", c.Idle.Other},
	} {
		if t.value != 0 && (t.value < minTimeout || t.value > maxTimeout) {
			bad(t.key, t.value, "0s (never) or 1ms to 720h")
		}
	}
	for _, port := range c.ServerPorts {
		if port == 0 {
			bad("server_ports", port, "ports from 1 to 65535")
		}
	}
	if c.MTU < minMTU || c.MTU > maxMTU {
		bad("mtu", c.MTU, "68 to 65535")
	}
	if !(c.Pressure > 0 && c.Pressure <= 1) { // written so that NaN is refused
		bad("pressure", c.Pressure, "above 0, up to 1")
	}
	if !(c.Relief > 0 && c.Relief <= c.Pressure) {
		bad("relief", c.Relief, "above 0, up to flow.pressure")
	}
	for i, g := range c.Features {
		if slices.Equal(c.Features, []string{AllFeatures}) {
			break
		}
		known, before := slices.Contains(FeatureGroups(), g), slices.Contains(c.Features[:i], g)
		if known == before { // no group, or one again; what is no group is told once
			bad("features", fmt.Sprintf("%q", g), "all by itself, or each at most once of "+strings.Join(FeatureGroups(), ", "))
		}
	}
	if c.MaxFirstPayloads < 1 || c.MaxFirstPayloads > maxFirstsLimit {
		bad("max_first_payloads", c.MaxFirstPayloads, "1 to 1000000")
	}
	return errors.Join(problems...)
}
