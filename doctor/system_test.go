package doctor

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/weir-sensor/weir/capture"
)

// healthy is a system on which nothing is wrong, with a sound capture.
func healthy(t *testing.T) (*Traffic, System) {
	return watched(ethernet, demo(t)), System{
		Interface: "eth0", Watched: 10 * time.Second, Stats: capture.Stats{Packets: 11534}, Buffer: 64 << 20, Setting: "pcap.buffer",
		Offloads: map[string]bool{"tx-checksum-ipv4": true}, Promiscuous: true,
	}
}

// Each thing that is wrong with a system has its finding, with the command that mends it; the others are not there.
func TestSystemFindings(t *testing.T) {
	for _, test := range []struct {
		name     string
		change   func(*System)
		severity Severity
		mend     string
	}{
		{"", func(*System) {}, "", ""},
		{NoPermission, func(s *System) { s.Denied = "setcap cap_net_raw=ep weir" }, Error, "setcap cap_net_raw=ep weir"},
		{InterfaceDown, func(s *System) { s.Down = true }, Error, "ip link set eth0 up"},
		{InterfaceDown, func(s *System) { s.Stats.Outages = 2 }, Warning, "ip -s -s link show eth0"},
		{ReceiveOffload, func(s *System) { s.Offloads = map[string]bool{"rx-gro": true, "rx-lro": true} }, Warning,
			"ethtool -K eth0 gro off lro off"},
		{ReceiveOffload, func(s *System) { s.Offloads = map[string]bool{"rx-lro": true} }, Warning, "ethtool -K eth0 lro off"},
		{SendOffload, func(s *System) {
			s.Offloads = map[string]bool{"tx-tcp-segmentation": true, "tx-tcp6-segmentation": true, "tx-generic-segmentation": true}
		}, Info, "ethtool -K eth0 tso off gso off"},
		{OffloadsUnknown, func(s *System) { s.Offloads, s.OffloadsUnknown = nil, "not supported" }, Info, "ethtool -k eth0"},
		{NotPromiscuous, func(s *System) { s.Promiscuous = false }, Warning, "ip link set eth0 promisc on"},
		{"", func(s *System) { s.Promiscuous, s.Loopback = false, true }, "", ""},
		{NotPromiscuous, func(s *System) { s.Promiscuous, s.Whole = false, true }, Info, "weir interfaces"},
		{RingDrops, func(s *System) { s.Stats.Dropped = 1 }, Warning,
			"a larger pcap.buffer ('weir doctor -i eth0 --buffer 128' tries one)"},
		{InterfaceDrops, func(s *System) { s.Stats.InterfaceMissed = 1 }, Warning, "ethtool -G eth0 rx 4096"},
		{InterfaceDrops, func(s *System) { s.Stats.InterfaceFIFO = 1 }, Warning, "ethtool -G eth0 rx 4096"},
		{InterfaceDrops, func(s *System) { s.Stats.InterfaceDropped = 1 }, Info, "rx_dropped"},
		{InterfaceDrops, func(s *System) { s.Stats.InterfaceDropped, s.Stats.BacklogDropped = 9, 1 }, Warning, "net.core.netdev_max_backlog"},
		{ClockSteps, func(s *System) { s.SawClocks(time.Second, 2*time.Second) }, Warning, "chronyc makestep"},
		{"", func(s *System) { s.SawClocks(time.Second, time.Second+9*time.Millisecond) }, "", ""},
	} {
		traffic, s := healthy(t)
		test.change(&s)
		found := traffic.Findings(&s)
		if test.name == "" {
			if len(found) != 0 {
				t.Errorf("got %+v, want none", found)
			}
			continue
		}
		f := only(t, found, test.name)
		if f.Severity != test.severity || !strings.Contains(f.Mend, test.mend) || Distorts(found) != (test.severity != Info) {
			t.Errorf("%s: got %+v, want %s, mended by %s", test.name, f, test.severity, test.mend)
		}
	}
}

func TestSilentInterface(t *testing.T) {
	_, s := healthy(t)
	f := only(t, NewTraffic(ethernet).Findings(&s), Silence)
	if !strings.HasPrefix(f.Seen, "nothing arrived on eth0 in 10.0 s") {
		t.Errorf("got %s", f.Seen)
	}
}

// Segments are mended where they come from: at this interface, or where nothing here merges them, at the other end.
func TestLargeSegmentsMend(t *testing.T) {
	all := demo(t)
	sender := all[slices.IndexFunc(all, func(p packetOf) bool { return p.Wire > 1414 })]
	for _, test := range []struct {
		offloads map[string]bool
		peer     bool
		whole    bool
		mac      []byte
		want     string
	}{
		{map[string]bool{"rx-gro": true}, false, false, nil, "ethtool -K eth0 gro off"},
		{map[string]bool{}, false, false, nil, "where the packets come from"},
		{map[string]bool{"rx-gro": true}, true, false, nil, "ethtool -K eth0 gro off; where the packets come from"},
		{nil, false, false, nil, "ethtool -K eth0 gro off lro off"},
		{nil, false, true, nil, "on the interfaces that they pass: ethtool -K IFACE"},
		{nil, false, false, sender.bytes[6:12], "ethtool -K eth0 gro off lro off; ethtool -K eth0 tso off gso off"},
	} {
		_, s := healthy(t)
		s.Offloads, s.Peer, s.Whole = test.offloads, test.peer, test.whole
		found := watched(Options{MTU: 1400, MAC: test.mac}, all).Findings(&s)
		i := slices.IndexFunc(found, func(f Finding) bool { return f.Name == LargeSegments })
		if i < 0 || !strings.HasPrefix(found[i].Mend, test.want) {
			t.Errorf("%v: got %+v, want %s", test.offloads, found, test.want)
		}
	}
}
