//go:build linux

package afpacket

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/weir-sensor/weir/internal/netnstest"
)

func TestOpenErrors(t *testing.T) {
	netnstest.Thread(t)
	netnstest.Pair(t, "near", "far")
	netnstest.Run(t, "ip link set near down")
	tunnel(t, "ppp9", unix.ARPHRD_PPP)
	for name, want := range map[string]struct {
		text string
		err  error
	}{
		"nothing":               {"open nothing: no such interface; there are lo, far, near", ErrNoInterface},
		"":                      {"no such interface", ErrNoInterface},
		"sixteen-letters-":      {"no such interface", ErrNoInterface},
		"near":                  {"ip link set near up", ErrDown},
		"ppp9":                  {"its hardware type, 512", ErrLink},
		strings.Repeat("x", 99): {"no such interface", ErrNoInterface},
	} {
		if _, err := Open(name, 1, testConfig(), Options{}); !errors.Is(err, want.err) || !strings.Contains(err.Error(), want.text) {
			t.Errorf("%q: %v, want an error with %q", name, err, want.text)
		}
	}
}

// TestRingMemory asks for a ring that the process may not have.
func TestRingMemory(t *testing.T) {
	netnstest.Thread(t)
	netnstest.Run(t, "ip link set lo up")
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(text))[0])
	if err != nil {
		t.Fatal(err)
	}
	var was unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_AS, &was); err != nil {
		t.Fatal(err)
	}
	cfg := testConfig()
	cfg.RingSize = 256 << 20
	less := unix.Rlimit{Cur: uint64(pages*os.Getpagesize() + cfg.RingSize/2), Max: was.Max}
	if err := unix.Setrlimit(unix.RLIMIT_AS, &less); err != nil {
		t.Fatal(err)
	}
	_, err = Open("lo", 1, cfg, Options{})
	if err := unix.Setrlimit(unix.RLIMIT_AS, &was); err != nil {
		t.Fatal(err)
	}
	if err == nil || !strings.Contains(err.Error(), "ring of 268435456 bytes") || !strings.Contains(err.Error(), "a smaller ring_size") {
		t.Errorf("got %v, want what to do", err)
	}
}

// TestLoopback shows each packet once, though it goes out and comes in there.
func TestLoopback(t *testing.T) {
	netnstest.Thread(t)
	netnstest.Run(t, "ip link set lo up")
	s := sender(t, "lo", "lo")
	rings := openRings(t, "lo", 2, testConfig(), Options{})
	filtered := openRings(t, "lo", 1, testConfig(), Options{Filter: compile(t, "ip")})
	var list []packet
	for _, p := range packets(rand.New(rand.NewPCG(19, 20)), 300) {
		p.tags = nil
		list = append(list, p)
	}
	var v4 [][]byte
	for _, p := range list {
		if p.src.Is4() {
			v4 = append(v4, p.frame())
		}
	}
	send(t, s, frames(list)...)
	compare(t, drain(t, rings, 50), frames(list))
	compare(t, drain(t, filtered, 50), v4)
}

// TestSnaplen cuts frames, the ones with a tag at the same length as the others.
func TestSnaplen(t *testing.T) {
	cfg := testConfig()
	cfg.Snaplen = 100
	rings, s := start(t, 1, cfg, Options{})
	filtered := openRings(t, "near", 1, cfg, Options{Filter: compile(t, "len > 0")})
	sent := frames(packets(rand.New(rand.NewPCG(21, 22)), 300))
	send(t, s, sent...)
	for _, rings := range [][]*Ring{rings, filtered} {
		got := drain(t, rings, 50)
		if len(got) != len(sent) {
			t.Fatalf("%d frames of %d", len(got), len(sent))
		}
		for i, g := range got {
			if int(g.Wire) != len(sent[i]) || !bytes.Equal(g.data, sent[i][:min(100, len(sent[i]))]) {
				t.Fatalf("frame %d of %d bytes: wire %d, captured %d", i, len(sent[i]), g.Wire, g.Len)
			}
		}
	}
}

// TestTunnel captures on an interface without a link layer, whose counters go on when it is given what is no packet.
func TestTunnel(t *testing.T) {
	netnstest.Thread(t)
	f := tunnel(t, "tun9", unix.ARPHRD_NONE)
	if _, err := f.Write(make([]byte, 60)); err == nil {
		t.Fatal("the interface takes what is no packet")
	}
	rings := openRings(t, "tun9", 2, testConfig(), Options{})
	list := packets(rand.New(rand.NewPCG(23, 24)), 500)
	var sent [][]byte
	for i, p := range list {
		sent = append(sent, p.ip())
		if _, err := f.Write(sent[i]); err != nil {
			t.Fatal(err)
		}
	}
	got := drain(t, rings, 50)
	compare(t, got, sent)
	var used [2]int
	for _, g := range got {
		used[g.ring]++
		if g.Link != 101 {
			t.Fatalf("link type %d, want 101", g.Link)
		}
	}
	if min(used[0], used[1]) < 100 {
		t.Errorf("packets by ring: %v", used)
	}
	for range 7 {
		if _, err := f.Write(make([]byte, 60)); err == nil {
			t.Fatal("the interface takes what is no packet")
		}
	}
	if got := rings[1].Stats().InterfaceDropped; got != 7 {
		t.Errorf("the interface dropped %d since the rings were opened, want 7", got)
	}
}

// tunnel makes an interface without a link layer of the kind that it says it has, and brings it up. What is written
// to the file is received there.
func tunnel(t *testing.T, name string, arphrd int) *os.File {
	t.Helper()
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Skipf("no tunnel for the test: %v", err)
	}
	f := os.NewFile(uintptr(fd), "tun")
	t.Cleanup(func() { f.Close() })
	request, err := unix.NewIfreq(name)
	if err != nil {
		t.Fatal(err)
	}
	request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, request); err != nil {
		t.Skipf("no tunnel for the test (CAP_NET_ADMIN): %v", err)
	}
	if err := unix.IoctlSetInt(fd, unix.TUNSETLINK, arphrd); err != nil {
		t.Fatal(err)
	}
	netnstest.Run(t, "ip link set "+name+" up")
	return f
}

// TestHardwareClock has Now follow the clock of a card that is ahead.
func TestHardwareClock(t *testing.T) {
	rings, s := start(t, 1, testConfig(), Options{})
	rings[0].hardware = true // as if: the stamps are still the kernel's
	send(t, s, frames(packets(rand.New(rand.NewPCG(25, 26)), 1))...)
	got := readUntil(t, rings[0], "arrival", func(all []caught) bool { return len(all) == 1 })
	if rings[0].skew >= 0 || rings[0].skew < -int64(time.Minute) {
		t.Errorf("a packet that is read later than stamped makes the clock %d ahead", rings[0].skew)
	}
	if now := rings[0].Now(); now < got[0].Time || now > time.Now().UnixNano() {
		t.Errorf("now %d, packet %d", now, got[0].Time)
	}
}
