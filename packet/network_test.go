package packet

import (
	"strings"
	"testing"
)

func TestNetworks(t *testing.T) {
	n := NewNetworks([]string{"10.1.2.3/16", "10.1.0.0/24", "192.168.1.1", "0.0.0.0/32", "2001:db8::/33", "fd00::1", "255.255.255.255/32"})
	for text, want := range map[string]bool{
		"10.1.0.0": true, "10.1.255.255": true, "10.0.255.255": false, "10.2.0.0": false, "192.168.1.1": true, "192.168.1.2": false,
		"0.0.0.0": true, "0.0.0.1": false, "255.255.255.255": true, "255.255.255.254": false,
		"2001:db8::": true, "2001:db8:7fff:ffff:ffff:ffff:ffff:ffff": true, "2001:db8:8000::": false, "fd00::1": true, "fd00::": false,
		"::ffff:10.1.0.0": false, // IPv6 on the wire
	} {
		p, err := ParseNetwork(strings.TrimPrefix(text, "::ffff:"))
		if err != nil {
			t.Fatal(err)
		}
		version, b := uint8(4), p.Addr().As16()
		if strings.Contains(text, ":") {
			version = 6
		}
		if got := n.Contains(AddrFrom16(b[:]), version); got != want {
			t.Errorf("%s: got %v, want %v", text, got, want)
		}
	}
}
