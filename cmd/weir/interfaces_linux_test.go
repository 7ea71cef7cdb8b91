package main

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/weir-sensor/weir/internal/netnstest"
)

// The interfaces of a namespace that has what ip put there.
func TestInterfaces(t *testing.T) {
	if !netnstest.Inside(t) {
		return
	}
	netnstest.Pair(t, "va", "vb")
	netnstest.Run(t, "ip addr add 192.0.2.1/24 dev va")
	netnstest.Run(t, "ip link set va address 02:00:00:00:00:01 mtu 1400 promisc on")
	netnstest.Run(t, "ip link set vb down")
	status, stdout, stderr := command(t, nil, "interfaces", "--json")
	if status != exitOK || stderr != "" {
		t.Fatalf("got status %d: %s", status, stderr)
	}
	var got []listedInterface
	if err := json.Unmarshal([]byte(stdout), &got); err != nil {
		t.Fatal(err)
	}
	number := func(n int) *int { return &n }
	ethernet := listedInterface{Engine: "afpacket", LinkType: number(1), LinkName: "Ethernet", Readable: true, Driver: "veth"}
	lo, va, vb := ethernet, ethernet, ethernet
	lo.Name, lo.State, lo.MTU, lo.Driver, lo.Addresses = "lo", "up", number(65536), "", []netip.Prefix{netip.MustParsePrefix("127.0.0.1/8")}
	va.Name, va.State, va.MTU, va.MAC, va.Promiscuous = "va", "no carrier", number(1400), "02:00:00:00:00:01", true
	va.Speed, va.Addresses = number(10000), []netip.Prefix{netip.MustParsePrefix("192.0.2.1/24")}
	vb.Name, vb.State, vb.MTU = "vb", "down", number(1500)
	want := []listedInterface{lo, vb, va, {
		Name: "any", Engine: "pcap", LinkType: number(113), LinkName: "Linux cooked", Readable: true, State: "up",
	}}
	got[1].MAC = "" // the kernel chose it
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty(), cmpopts.EquateComparable(netip.Prefix{})); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	_, text, _ := command(t, nil, "interfaces")
	lines := strings.Split(text, "\n")
	if len(lines) != 6 || strings.Join(strings.Fields(lines[3]), " ") !=
		"va afpacket 1 Ethernet no carrier, promiscuous 10000 Mbit/s 1400 veth 192.0.2.1/24" {
		t.Errorf("got %d lines\n%s", len(lines), text)
	}
}
