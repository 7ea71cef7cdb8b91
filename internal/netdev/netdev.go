package netdev

import (
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Any is the name under which libpcap opens all interfaces at once, on Linux.
const Any = "any"

// Interface is what is known of a network interface. What the system does not say is 0, "" or nil.
type Interface struct {
	Name        string
	Index       int // 0 for Any
	Link        int // LINKTYPE_ number of what is captured on it; -1 where not known
	Up          bool
	Carrier     bool // something is at the other end of the cable
	Promiscuous bool // it takes frames that are for others
	Loopback    bool
	MTU         int // bytes
	MAC         net.HardwareAddr
	Addresses   []netip.Prefix
	Driver      string
	Kind        string // vlan, bridge, bond, wlan, ...
	Speed       int    // megabits per second; 0 where not known
}

// Ring reports whether AF_PACKET rings can be opened on the interface: those of Linux whose frames have an Ethernet header
// or none. Whatever else there is takes libpcap.
func (i Interface) Ring() bool {
	return hasRings && i.Name != Any && (i.Link == linkEthernet || i.Link == linkRaw)
}

// Sysfs returns the directory in which Linux describes its interfaces, for Describe and Count. Elsewhere it is not there,
// and nothing is known.
func Sysfs() fs.FS { return os.DirFS("/sys/class/net") }

// List returns all interfaces by their indices, and Any last where there is such a thing.
func List() ([]Interface, error) {
	basics, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("list interfaces: %w", err)
	}
	var all []Interface
	for _, basic := range basics {
		all = append(all, from(basic))
	}
	slices.SortFunc(all, func(a, b Interface) int { return a.Index - b.Index })
	if hasAny {
		all = append(all, Interface{Name: Any, Link: linkCooked, Up: true, Carrier: true})
	}
	return all, nil
}

// Lookup returns the interface of a name; false where there is none.
func Lookup(name string) (Interface, bool) {
	if name == Any && hasAny {
		return Interface{Name: Any, Link: linkCooked, Up: true, Carrier: true}, true
	}
	basic, err := net.InterfaceByName(name)
	if err != nil {
		return Interface{}, false
	}
	return from(*basic), true
}

// Names lists the names of all interfaces, for a message.
func Names() string {
	all, err := List()
	if err != nil || len(all) == 0 {
		return "none"
	}
	var names []string
	for _, i := range all {
		names = append(names, i.Name)
	}
	return strings.Join(names, ", ")
}

func from(basic net.Interface) Interface {
	i := Interface{
		Name: basic.Name, Index: basic.Index, Link: -1, MTU: basic.MTU, MAC: basic.HardwareAddr,
		Up: basic.Flags&net.FlagUp != 0, Carrier: basic.Flags&net.FlagRunning != 0, Loopback: basic.Flags&net.FlagLoopback != 0,
	}
	addresses, err := basic.Addrs()
	if err != nil { // it vanished meanwhile
		addresses = nil
	}
	for _, a := range addresses {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			i.Addresses = append(i.Addresses, p)
		}
	}
	i.Describe(Sysfs())
	if i.Driver == "" {
		i.Driver = driver(i.Name)
	}
	return i
}

// Describe fills in what a directory like that of Sysfs says of the interface.
func (i *Interface) Describe(sysfs fs.FS) {
	if hardware, ok := number(sysfs, i.Name, "type"); ok {
		i.Link = linkOf(hardware)
	}
	if flags, ok := number(sysfs, i.Name, "flags"); ok {
		const up, promiscuous = 0x1, 0x100 // IFF_UP, IFF_PROMISC
		i.Up, i.Promiscuous = flags&up != 0, flags&promiscuous != 0
	}
	if carrier, ok := number(sysfs, i.Name, "carrier"); ok { // at once, where the flag that is running comes later
		i.Carrier = carrier != 0
	}
	if speed, ok := number(sysfs, i.Name, "speed"); ok && speed > 0 && speed < 1<<31-1 {
		i.Speed = speed
	}
	if link, err := fs.ReadLink(sysfs, path.Join(i.Name, "device/driver")); err == nil {
		i.Driver = path.Base(link)
	}
	text, _ := fs.ReadFile(sysfs, path.Join(i.Name, "uevent")) // not there: no kind
	for line := range strings.Lines(string(text)) {
		if kind, ok := strings.CutPrefix(strings.TrimSpace(line), "DEVTYPE="); ok {
			i.Kind = kind
		}
	}
}

// number reads a file with one number, in decimal or in hexadecimal with 0x; false where there is none.
func number(sysfs fs.FS, name, file string) (int, bool) {
	text, err := fs.ReadFile(sysfs, path.Join(name, file))
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 0, 64)
	return int(n), err == nil
}

// The LINKTYPE_ numbers of what is captured on Linux's interfaces.
const (
	linkEthernet = 1
	linkRaw      = 101
	linkCooked   = 113
	linkRadiotap = 127
)

// linkOf is the LINKTYPE_ number for one of Linux's hardware types (ARPHRD_ in if_arp.h), -1 for those without one that
// is known here. It is what libpcap makes of them.
func linkOf(hardware int) int {
	switch hardware {
	case 1, 772: // Ethernet, and loopback, which has an Ethernet header
		return linkEthernet
	case 768, 769, 776, 778, 65534: // IP in IP, IPv6 in IP, sit, GRE; none at all, as tun and WireGuard
		return linkRaw
	case 512, 823: // PPP and GRE over IPv6, whose headers differ from packet to packet
		return linkCooked
	case 801:
		return 105 // 802.11
	case 803:
		return linkRadiotap
	}
	return -1
}

// Lost are an interface's counters of packets that arrived and were lost, or may have been.
type Lost struct {
	Dropped uint64 // rx_dropped: no room in the kernel or the driver, or nobody there to take them, but who captures
	Missed  uint64 // rx_missed_errors: no room in the network card
	FIFO    uint64 // rx_fifo_errors: overrun of the network card
}

// Count reads the counters of an interface from a directory like that of Sysfs; all 0 where they are not there.
func Count(sysfs fs.FS, name string) Lost {
	counter := func(file string) uint64 {
		n, _ := number(sysfs, name, path.Join("statistics", file))
		return uint64(max(n, 0))
	}
	return Lost{Dropped: counter("rx_dropped"), Missed: counter("rx_missed_errors"), FIFO: counter("rx_fifo_errors")}
}

// Since returns how much was lost since an earlier count. A counter that began anew counts from 0.
func (l Lost) Since(earlier Lost) Lost {
	since := func(now, then uint64) uint64 {
		if now < then {
			return now
		}
		return now - then
	}
	return Lost{since(l.Dropped, earlier.Dropped), since(l.Missed, earlier.Missed), since(l.FIFO, earlier.FIFO)}
}
