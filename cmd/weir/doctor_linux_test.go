package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/weir-sensor/weir/doctor"
	"github.com/weir-sensor/weir/internal/netnstest"
)

// spanPort makes a host (namespace far, 192.0.2.2) that va is connected with, and a span port: what passes va in the
// given directions is mirrored to s0, and comes out of s1. Without offloads, segments are cut into packets where they
// leave va, vb and s0: tc sees them before.
func spanPort(t *testing.T, offloads bool, directions ...string) {
	t.Helper()
	netnstest.Pair(t, "va", "vb")
	netnstest.Pair(t, "s0", "s1")
	for _, iface := range []string{"va", "vb", "s0"} {
		netnstest.Offload(t, iface, netnstest.TSO, offloads)
		netnstest.Offload(t, iface, netnstest.GSO, offloads)
	}
	netnstest.Run(t, "ip netns add far")
	netnstest.Run(t, "ip link set vb netns far")
	netnstest.Run(t, "ip addr add 192.0.2.1/24 dev va")
	for _, c := range []string{"ip addr add 192.0.2.2/24 dev vb", "ip link set vb up", "ip link set lo up"} {
		netnstest.Run(t, "ip netns exec far "+c)
	}
	netnstest.Carries(t, "va")
	netnstest.Run(t, "tc qdisc add dev va clsact")
	for _, d := range directions {
		netnstest.Run(t, "tc filter add dev va "+d+" protocol all u32 match u32 0 0 action mirred egress mirror dev s0")
	}
}

// watched are the connections that a doctor watches until it has seen enough: two hundred a second, of 64 kB each, to the
// far host, until the test ends.
type watched struct {
	t    *testing.T
	done atomic.Int64
}

// diagnose has doctor watch an interface until a hundred connections were made while it did.
func (w *watched) diagnose(iface string) (int, doctorAnswer) {
	w.t.Helper()
	ctx, enough := context.WithCancel(context.Background())
	defer enough()
	pace := time.NewTicker(5 * time.Millisecond)
	defer pace.Stop()
	var watching sync.WaitGroup
	watching.Go(func() {
		defer enough()
		begun := false
		for end, before := time.Now().Add(patience), int64(0); time.Now().Before(end) && ctx.Err() == nil; <-pace.C {
			if !begun { // a line for each socket, behind the heading
				sockets, err := os.ReadFile("/proc/thread-self/net/packet")
				begun, before = err != nil || bytes.Count(sockets, []byte("\n")) > 1, w.done.Load()
			} else if w.done.Load() > before+100 {
				return
			}
		}
		if ctx.Err() == nil {
			w.t.Errorf("in %v doctor did not begin (%t), or no connections were made", patience, !begun)
		}
	})
	status, a := diagnoseUntil(w.t, ctx, "-i", iface, "--seconds", "600")
	enough()
	watching.Wait()
	return status, a
}

// transfers begins to make connections.
func transfers(t *testing.T) *watched {
	t.Helper()
	w := &watched{t: t}
	var listener net.Listener
	netnstest.In(t, "far", func() {
		var err error
		if listener, err = net.Listen("tcp4", "192.0.2.2:80"); err != nil {
			t.Error(err)
		}
	})
	if t.Failed() {
		t.FailNow()
	}
	done := make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer c.Close()
				n, _ := io.Copy(io.Discard, c) // until the other end has sent all
				fmt.Fprintln(c, n)
			})
		}
	})
	var sending sync.WaitGroup
	sending.Go(func() {
		data := make([]byte, 1<<16)
		pace := time.NewTicker(5 * time.Millisecond)
		defer pace.Stop()
		for {
			select {
			case <-done:
				return
			case <-pace.C:
			}
			c, err := net.DialTimeout("tcp4", "192.0.2.2:80", patience)
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := c.Write(data); err == nil && c.(*net.TCPConn).CloseWrite() == nil {
				_, _ = io.ReadAll(c) // the answer comes when all has arrived
			}
			c.Close()
			w.done.Add(1)
		}
	})
	t.Cleanup(func() {
		close(done)
		sending.Wait()
		listener.Close()
		running.Wait()
	})
	return w
}

// finding returns the finding of a name; its Name is empty where there is none.
func (a *doctorAnswer) finding(name string) doctor.Finding {
	for _, f := range a.Findings {
		if f.Name == name {
			return f
		}
	}
	return doctor.Finding{}
}

// A span port that shows both directions of what the wire carries: nothing to say but what s1 itself would do if it sent.
func TestDoctorOfSoundSpanPort(t *testing.T) {
	if !netnstest.Inside(t) {
		return
	}
	spanPort(t, false, "ingress", "egress")
	status, a := transfers(t).diagnose("s1")
	if status != exitOK || a.names() != doctor.SendOffload || a.Packets < 1000 || a.Connections < 3 || a.Seconds <= 0 {
		t.Errorf("got status %d, %+v, want nothing found", status, a)
	}
}

// One direction mirrored.
func TestDoctorOfOneWaySpanPort(t *testing.T) {
	if !netnstest.Inside(t) {
		return
	}
	spanPort(t, false, "egress")
	_, a := transfers(t).diagnose("s1")
	f := a.finding(doctor.OneWay)
	if a.names() != "one_way send_offload" || f.Numbers["share"] != 1 {
		t.Errorf("got %+v, want one way alone", a)
	}
}

// A wire that is mirrored where packets leave and again where they leave: each is there twice.
func TestDoctorOfDoubleSpanPort(t *testing.T) {
	if !netnstest.Inside(t) {
		return
	}
	spanPort(t, false, "ingress")
	netnstest.Run(t, "tc filter add dev va egress protocol all u32 match u32 0 0 action mirred egress mirror dev s0 action mirred egress mirror dev s0")
	_, a := transfers(t).diagnose("s1")
	if f := a.finding(doctor.Duplicates); f.Numbers["share"] < 0.2 || f.Numbers["routed"] != 0 {
		t.Errorf("got %+v, want duplicates", a)
	}
}

// Segmentation offload on the mirrored host: segments larger than the wire, seen from the span port, where nothing merges
// them, and from the host itself, which sent them.
func TestDoctorOfSendOffload(t *testing.T) {
	if !netnstest.Inside(t) {
		return
	}
	spanPort(t, true, "ingress", "egress")
	w := transfers(t)
	_, a := w.diagnose("s1")
	f := a.finding(doctor.LargeSegments)
	if f.Numbers["packets"] < 10 || f.Numbers["own"] != 0 || !strings.Contains(f.Mend, "ethtool -K OTHER") || a.finding(doctor.SendOffload).Severity != doctor.Info {
		t.Errorf("span port: got %+v", a)
	}
	_, a = w.diagnose("va")
	f = a.finding(doctor.LargeSegments)
	if f.Numbers["own"] < 10 || f.Numbers["own"] != f.Numbers["packets"] || f.Mend != "ethtool -K va tso off gso off" ||
		a.finding(doctor.SendOffload).Severity != doctor.Warning {
		t.Errorf("host: got %+v", a)
	}
}

// GRO on the watched interface merges packets that were cut before they got there.
func TestDoctorOfReceiveOffload(t *testing.T) {
	if !netnstest.Inside(t) {
		return
	}
	spanPort(t, false, "ingress", "egress")
	netnstest.Offload(t, "s1", netnstest.GRO, true)
	status, a := transfers(t).diagnose("s1")
	f := a.finding(doctor.ReceiveOffload)
	large := a.finding(doctor.LargeSegments)
	if status != exitFailed || f.Mend != "ethtool -K s1 gro off" || f.Numbers["large_segments"] < 1 ||
		!strings.HasPrefix(large.Mend, "ethtool -K s1 gro off; ") {
		t.Errorf("got status %d, %+v, want GRO found, and segments that it merged", status, a)
	}
}

// What stops a capture from beginning.
func TestDoctorOfInterfaces(t *testing.T) {
	if !netnstest.Inside(t) {
		return
	}
	netnstest.Pair(t, "va", "vb")
	if status, a := diagnose(t, "-i", "vb", "--seconds", "0.1"); status != exitFailed || a.names() != "silence send_offload" || a.Seconds < 0.1 {
		t.Errorf("quiet: got status %d, %+v", status, a)
	}
	if _, a := diagnose(t, "-i", "any", "--seconds", "0.1"); a.names() != "silence not_promiscuous" {
		t.Errorf("any: got %+v", a)
	}
	netnstest.Run(t, "ip link set vb down")
	if status, a := diagnose(t, "-i", "vb"); status != exitFailed || a.names() != doctor.InterfaceDown || a.Findings[0].Mend != "ip link set vb up" {
		t.Errorf("down: got status %d, %+v", status, a)
	}
	for _, test := range []struct{ iface, filter, want string }{
		{"eth9", "", "open eth9: no such interface; there are lo, vb, va, any"}, {"va", "tcp prt 80", "open va: filter does not compile"},
	} {
		status, _, stderr := command(t, nil, "doctor", "-i", test.iface, "--filter", test.filter)
		if status != exitUsage || !strings.Contains(stderr, test.want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("got status %d, %s, want %s", status, stderr, test.want)
		}
	}
}

// Without the capability: a finding that says how to get it, and nothing else on stderr than its name.
func TestDoctorWithoutPermission(t *testing.T) {
	if !netnstest.Inside(t) {
		return
	}
	netnstest.Pair(t, "va", "vb")
	runtime.LockOSThread() // capabilities are the thread's; it ends with the process
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	if err := unix.Capset(&header, &none[0]); err != nil {
		t.Fatal(err)
	}
	status, a := diagnose(t, "-i", "va")
	if status != exitFailed || a.names() != doctor.NoPermission || !strings.Contains(a.Findings[0].Mend, "setcap cap_net_raw=ep /") {
		t.Errorf("got status %d, %+v", status, a)
	}
	if status, _, stderr := command(t, nil, "interfaces"); status != exitOK || !strings.Contains(stderr, "CAP_NET_RAW") {
		t.Errorf("interfaces: got status %d, %s", status, stderr)
	}
}
