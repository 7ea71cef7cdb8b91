package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/weir-sensor/weir/internal/netnstest"
	"github.com/weir-sensor/weir/internal/sendtest"
)

// twoWires makes two pairs of interfaces, tx0 to rx0 and tx1 to rx1, and returns what sends frames in their order: into
// tx0, and into tx1 those for which second says so.
func twoWires(t *testing.T) (send func(frames [][]byte, second func(frame []byte) bool) (sent [2]uint64)) {
	t.Helper()
	var senders [2]*sendtest.Sender
	for i, name := range []string{"0", "1"} {
		netnstest.Pair(t, "tx"+name, "rx"+name)
		for _, end := range []string{"tx", "rx"} {
			netnstest.Run(t, "ip link set "+end+name+" mtu 9000 up")
		}
		var err error
		if senders[i], err = sendtest.NewSender("tx"+name, false); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { senders[i].Close() })
	}
	return func(frames [][]byte, second func(frame []byte) bool) (sent [2]uint64) {
		before := [2]uint64{received(t, "rx0"), received(t, "rx1")}
		for at := 0; at < len(frames); {
			which, end := 0, at+1
			if second(frames[at]) {
				which = 1
			}
			for end < len(frames) && second(frames[end]) == (which == 1) {
				end++
			}
			if err := senders[which].Send(frames[at:end]); err != nil {
				t.Fatal(err)
			}
			sent[which] += uint64(end - at)
			at = end
		}
		until(t, "the frames to arrive", func() bool {
			return received(t, "rx0")-before[0] == sent[0] && received(t, "rx1")-before[1] == sent[1]
		})
		return sent
	}
}

// Two interfaces with a direction each, as two taps of one cable give it, make the same flows as one with both.
func TestLiveOnTwoInterfaces(t *testing.T) {
	if !netnstest.Inside(t) {
		return
	}
	send := twoWires(t)
	frames := demoFrames(t)
	var want uint64
	var wantVolumes map[string][2]uint64
	for _, args := range [][]string{
		{"-i", "rx0"}, // all on one
		{"-i", "rx0", "-i", "rx1", "--shards", "1"},
		{"-i", "rx0,rx1", "--shards", "2", "--windows", "--features", "all"},
		{"-i", "rx1,rx0", "--engine", "pcap"},
	} {
		one := want == 0
		back := func(frame []byte) bool { return !one && bytes.Compare(frame[:6], frame[6:12]) > 0 }
		dir, kept := t.TempDir(), t.TempDir()
		var sent [2]uint64
		ledger := liveRun(t, dir, append(args, "--out", dir, "--write-pcap", kept), func() { sent = send(frames, back) })
		if ledger.Packets != uint64(len(frames)) || ledger.Late != 0 || ledger.Capture.Dropped+ledger.Capture.Unread != 0 {
			t.Errorf("%v: got %d packets, %d late, capture %+v, want %d, in order and none lost", args, ledger.Packets, ledger.Late,
				ledger.Capture, len(frames))
		}
		got := volumes(t, filepath.Join(dir, "flows-*.ndjson"))
		if one {
			want, wantVolumes = ledger.Flows.Opened, got
			continue
		}
		if ledger.Flows.Opened != want {
			t.Errorf("%v: got %d flows, want the %d of one interface", args, ledger.Flows.Opened, want)
		}
		for id, v := range wantVolumes {
			if got[id] != v {
				t.Errorf("%v: %s: got %v packets and bytes, want %v", args, id, got[id], v)
			}
		}
		for _, i := range ledger.Capture.Interfaces {
			if n := sent[i.Interface[2]-'0']; i.Received != n || n == 0 {
				t.Errorf("%v: got %+v, want %d received", args, i, n)
			}
		}
		if len(ledger.Capture.Interfaces) != 2 || ledger.Capture.Received != ledger.Packets {
			t.Errorf("%v: got %+v, want the sums of two interfaces", args, ledger.Capture)
		}
		if status, stdout, stderr := command(t, nil, "parity", kept); status != 0 || !strings.Contains(stdout, "no difference") {
			t.Errorf("%v: got %d from a replay of the same packets, %s%s", args, status, stdout, stderr)
		}
	}
}

// An Ethernet interface and one of raw IP make one flow, through each shard and with a filter; they are not kept in files
// of one link type.
func TestLiveOnTwoLinkTypes(t *testing.T) {
	if !netnstest.Inside(t) {
		return
	}
	send := twoWires(t)
	raw := openTun(t, "tun0")
	netnstest.Run(t, "ip link set tun0 up")
	there, back := udpPair(false), udpPair(true)
	for _, shards := range []string{"1", "3"} {
		dir := t.TempDir()
		ledger := liveRun(t, dir, []string{"-i", "rx0,tun0", "--shards", shards, "--filter", "udp port 53", "--out", dir}, func() {
			send([][]byte{there}, func([]byte) bool { return false })
			before := received(t, "tun0")
			if _, err := raw.Write(back[14:]); err != nil {
				t.Fatal(err)
			}
			until(t, "the packet to arrive", func() bool { return received(t, "tun0") > before })
		})
		if ledger.Packets != 2 || ledger.Flow != 2 || ledger.Flows.Opened != 1 {
			t.Errorf("%s shards: got %d packets, %d in %d flows, want 2 in 1", shards, ledger.Packets, ledger.Flow, ledger.Flows.Opened)
		}
	}
	status, _, stderr := command(t, nil, "live", "-i", "rx0,tun0", "--write-pcap", t.TempDir())
	if status != 2 || !strings.Contains(stderr, "--write-pcap: got the link types [1 101] of the interfaces rx0, tun0, want one for all") {
		t.Errorf("got %d, %q, want that files have one link type", status, stderr)
	}
}

// udpPair is a UDP packet with an Ethernet header, or the one that answers it.
func udpPair(answer bool) []byte {
	a, b := []byte{192, 0, 2, 1, 192, 0, 2, 2}, []byte{0x80, 0, 0, 53}
	if answer {
		a, b = []byte{192, 0, 2, 2, 192, 0, 2, 1}, []byte{0, 53, 0x80, 0}
	}
	frame := append(make([]byte, 12), 8, 0, 0x45, 0, 0, 30, 0, 0, 0, 0, 64, 17, 0, 0)
	return append(append(append(frame, a...), b...), 0, 10, 0, 0, 'x', 'y')
}

// openTun makes an interface without a link layer. What is written to the file is received there.
func openTun(t *testing.T, name string) *os.File {
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
		t.Fatal(err)
	}
	return f
}
