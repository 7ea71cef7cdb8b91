package netdev

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/weir-sensor/weir/internal/netnstest"
)

// What ethtool's features are: what was switched on is on, what was switched off is off.
func TestOffloads(t *testing.T) {
	if !netnstest.Inside(t) {
		return
	}
	netnstest.Pair(t, "va", "vb")
	on, err := Offloads("vb")
	if err != nil {
		t.Fatal(err)
	}
	// A new pair sends large segments and does not merge them (drivers/net/veth.c).
	for feature, want := range map[string]bool{"tx-tcp-segmentation": true, "tx-generic-segmentation": true, "rx-gro": false, "rx-lro": false} {
		if on[feature] != want {
			t.Errorf("%s: got %t, want %t (all: %v)", feature, on[feature], want, on)
		}
	}
	netnstest.Offload(t, "vb", netnstest.GRO, true)
	netnstest.Offload(t, "vb", netnstest.TSO, false)
	if on, err = Offloads("vb"); err != nil || !on["rx-gro"] || on["tx-tcp-segmentation"] {
		t.Errorf("after a change: got %v, %v", on, err)
	}
	if _, err := Offloads("eth9"); err == nil || err.Error() != "ask ethtool for the features of eth9: no such device" {
		t.Errorf("no such interface: got %v", err)
	}
	if i, _ := Lookup("vb"); i.Driver != "veth" || !i.Up || !i.Carrier || i.Link != 1 {
		t.Errorf("got %+v, want an Ethernet interface of veth that is up", i)
	}
}

// Bytes that are no attributes end the list.
func TestAttributes(t *testing.T) {
	good := append(attribute(3|unix.NLA_F_NESTED, []byte("abcde")), text(4, "x")...)
	if got := string(find(good, 3)); got != "abcde" {
		t.Errorf("got %q", got)
	}
	if got := string(find(good, 4)); got != "x\x00" {
		t.Errorf("got %q", got)
	}
	for _, b := range [][]byte{nil, {1}, {0, 0, 3, 0}, {3, 0, 3, 0}, {200, 0, 3, 0, 1}, good[:6]} {
		if got := find(b, 3); got != nil {
			t.Errorf("%x: got %x", b, got)
		}
	}
}
