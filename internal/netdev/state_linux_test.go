package netdev

import (
	"encoding/binary"
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/weir-sensor/weir/internal/netnstest"
)

// Interfaces are what they were made to be, by their names and by their indices, which stay.
func TestAsker(t *testing.T) {
	netnstest.Thread(t)
	a, err := OpenAsker()
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	netnstest.Pair(t, "va", "vb")
	s, err := a.ByName("va")
	if err != nil || s.Hardware != unix.ARPHRD_ETHER || !s.Up {
		t.Errorf("got %+v, %v, want Ethernet that is up", s, err)
	}
	netnstest.Run(t, "ip link set va down")
	netnstest.Run(t, "ip link set va name vc")
	if down, err := a.ByIndex(s.Index); err != nil || down.Up || down.Index != s.Index {
		t.Errorf("down and renamed: got %+v, %v", down, err)
	}
	if lo, err := a.ByName("lo"); err != nil || lo.Hardware != unix.ARPHRD_LOOPBACK {
		t.Errorf("got %+v, %v, want loopback", lo, err)
	}
	netnstest.Run(t, "ip link del vc")
	for _, name := range []string{"va", "vc", "", "sixteen-letters-"} {
		if s, err := a.ByName(name); !errors.Is(err, unix.ENODEV) {
			t.Errorf("%q: got %+v, %v, want %v", name, s, err, unix.ENODEV)
		}
	}
	if _, err := a.ByIndex(s.Index); !errors.Is(err, unix.ENODEV) {
		t.Errorf("deleted: got %v, want %v", err, unix.ENODEV)
	}
}

// The counters are those of /sys, which has them as text.
func TestAskerCounters(t *testing.T) {
	if !netnstest.Inside(t) {
		return
	}
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Skipf("no interface that loses packets: %v", err)
	}
	f := os.NewFile(uintptr(fd), "tun")
	defer f.Close()
	request, err := unix.NewIfreq("tun9")
	if err != nil {
		t.Fatal(err)
	}
	request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, request); err != nil {
		t.Fatal(err)
	}
	netnstest.Run(t, "ip link set tun9 up")
	for range 7 {
		if _, err := f.Write(make([]byte, 60)); err == nil {
			t.Fatal("the interface takes what is no packet")
		}
	}
	a, err := OpenAsker()
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	s, err := a.ByName("tun9")
	if want := Count(Sysfs(), "tun9"); err != nil || s.Lost != want || want.Dropped != 7 || s.Hardware != unix.ARPHRD_NONE {
		t.Errorf("got %+v, %v, want %+v with 7 dropped", s, err, want)
	}
}

// An answer that is cut anywhere says nothing wrong.
func TestParseState(t *testing.T) {
	ne := binary.NativeEndian
	m := make([]byte, 48+25*8)
	ne.PutUint16(m[4:], unix.RTM_NEWLINK)
	ne.PutUint16(m[18:], 1)
	ne.PutUint32(m[20:], 5)
	ne.PutUint32(m[24:], unix.IFF_UP|unix.IFF_BROADCAST)
	ne.PutUint16(m[32:], 9) // an attribute of 5 bytes, padded to 8
	ne.PutUint16(m[34:], unix.IFLA_IFNAME)
	ne.PutUint16(m[44:], 4+25*8)
	ne.PutUint16(m[46:], unix.IFLA_STATS64)
	for i := range 25 {
		ne.PutUint64(m[48+8*i:], uint64(100+i))
	}
	want := State{Index: 5, Hardware: 1, Up: true, Lost: Lost{Dropped: 106, Missed: 115, FIFO: 114}}
	if s, err := parseState(m); err != nil || s != want {
		t.Errorf("got %+v, %v, want %+v", s, err, want)
	}
	for n := 20; n < len(m); n++ {
		if s, err := parseState(m[:n]); s.Lost != (Lost{}) || (err != nil) != (n < 32) {
			t.Errorf("of %d bytes: %+v, %v", n, s, err)
		}
	}
}
