package netdev

import (
	"io/fs"
	"net"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// sysfs is a directory as Linux has it, of a network card, one without a driver or a link, and a VLAN interface.
func sysfs() fstest.MapFS {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	return fstest.MapFS{
		"eth0/carrier": file("1\n"), "eth0/type": file("1\n"), "eth0/flags": file("0x1103\n"), "eth0/speed": file("10000\n"), "eth0/uevent": file("INTERFACE=eth0\nIFINDEX=2\n"),
		"eth0/device/driver":               {Data: []byte("../../../bus/pci/drivers/ixgbe"), Mode: fs.ModeSymlink},
		"eth0/statistics/rx_dropped":       file("12\n"),
		"eth0/statistics/rx_missed_errors": file("18446744073709551615\n"),
		"eth0/statistics/rx_fifo_errors":   file("7\n"),
		"tun0/type":                        file("65534\n"), "tun0/flags": file("0x1002\n"), "tun0/speed": file("-1\n"), "tun0/uevent": file("DEVTYPE=wireguard\n"),
		"eth0.7/type": file("1\n"), "eth0.7/flags": file("rubbish\n"), "eth0.7/uevent": file("DEVTYPE=vlan\nINTERFACE=eth0.7\n"),
	}
}

func TestDescribe(t *testing.T) {
	for _, want := range []Interface{
		{Name: "eth0", Link: 1, Up: true, Carrier: true, Promiscuous: true, Driver: "ixgbe", Speed: 10000},
		{Name: "tun0", Link: 101, Kind: "wireguard"},
		{Name: "eth0.7", Link: 1, Up: true, Kind: "vlan"},
		{Name: "gone", Link: -1, Up: true},
	} {
		got := Interface{Name: want.Name, Link: -1, Up: want.Name != "eth0"} // what the file of flags says goes before it
		got.Describe(sysfs())
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", want.Name, diff)
		}
	}
}

func TestCount(t *testing.T) {
	first := Count(sysfs(), "eth0")
	if first.Dropped != 12 || first.FIFO != 7 {
		t.Errorf("got %+v", first)
	}
	if got := Count(sysfs(), "gone"); got != (Lost{}) {
		t.Errorf("no such interface: got %+v", got)
	}
	later := Lost{Dropped: 15, Missed: 3, FIFO: 2} // the last one began anew
	if got, want := later.Since(Lost{Dropped: 12, Missed: 3, FIFO: 7}), (Lost{Dropped: 3, FIFO: 2}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// The system's own interfaces are those that the standard library lists.
func TestList(t *testing.T) {
	basics, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	all, err := List()
	if err != nil {
		t.Fatal(err)
	}
	if hasAny {
		basics = append(basics, net.Interface{Name: Any})
	}
	if len(all) != len(basics) {
		t.Fatalf("got %d interfaces, want %d", len(all), len(basics))
	}
	for _, b := range basics {
		if i, ok := Lookup(b.Name); !ok || i.Name != b.Name || i.Index != b.Index {
			t.Errorf("%s: got %+v, %t", b.Name, i, ok)
		}
	}
	if i, ok := Lookup("no-such-thing"); ok {
		t.Errorf("got %+v", i)
	}
}
