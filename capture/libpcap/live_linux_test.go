package libpcap

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/weir-sensor/weir/capture"
	"github.com/weir-sensor/weir/internal/netdev"
	"github.com/weir-sensor/weir/internal/netnstest"
)

// udpFrame is the i-th of a series of UDP packets in Ethernet frames whose length, destination port and bytes depend on i.
func udpFrame(i int) []byte {
	payload := bytes.Repeat([]byte{byte(i)}, i%1400)
	b := append([]byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1}, 0x08, 0)
	b = append(b, 0x45, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(28+len(payload)))
	b = append(b, byte(i>>8), byte(i), 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2)
	b = append(b, 0x30, 0x39, 0, byte(i%2+1)) // ports 12345 to 1 or 2
	b = binary.BigEndian.AppendUint16(b, uint16(8+len(payload)))
	return append(append(b, 0, 0), payload...)
}

// tagged is a frame with an 802.1Q tag.
func tagged(f []byte, vlan uint16) []byte {
	tag := binary.BigEndian.AppendUint16([]byte{0x81, 0}, vlan)
	return append(append(append([]byte{}, f[:12]...), tag...), f[12:]...)
}

func openTest(t *testing.T, iface string, cfg Config, filter string) *Live {
	t.Helper()
	l, err := Open(iface, cfg, filter)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// quick is a configuration for tests: they do not wait long. The buffer has 256 of libpcap's blocks: so many frames fit, also
// where the machine is so busy that each of them is handed over in a block of its own.
func quick() Config {
	cfg := DefaultConfig()
	cfg.Poll, cfg.Buffer = 5*time.Millisecond, 64<<20
	return cfg
}

// patience is how long tests wait for what happens at once: so long that only what never comes fails.
const patience = 2 * time.Minute

type received struct {
	capture.Frame
	bytes []byte
}

// receive reads until there were n frames.
func receive(t *testing.T, l *Live, n int) (all []received) {
	t.Helper()
	b := capture.Batch{Frames: make([]capture.Frame, 0, 64)}
	for end := time.Now().Add(patience); len(all) < n; {
		err := l.Read(&b)
		if err != nil && err != capture.ErrIdle {
			t.Fatalf("after %d frames: %v", len(all), err)
		}
		if err == nil && len(b.Frames) == 0 || err != nil && len(b.Frames) != 0 {
			t.Fatalf("got %d frames with error %v", len(b.Frames), err)
		}
		for i := range b.Frames {
			all = append(all, received{b.Frames[i], bytes.Clone(b.Bytes(i))})
		}
		if time.Now().After(end) {
			t.Fatalf("got %d frames, want %d; stats %+v", len(all), n, l.Stats())
		}
	}
	return all
}

// Every frame that was sent arrives: once, in order, with all its bytes, stamped before it is read and after the frames were
// sent that had been read before; and the counters say so.
func TestLiveReceivesWhatWasSent(t *testing.T) {
	if !netnstest.Inside(t) {
		return
	}
	netnstest.Pair(t, "va", "vb")
	for _, immediate := range []bool{false, true} {
		cfg := quick()
		if cfg.Immediate = immediate; immediate {
			cfg.Snaplen = 2048 // the buffer has as many places as frames of that length fit
		}
		l := openTest(t, "vb", cfg, "")
		sender := netnstest.NewSender(t, "va")
		const n = 3000
		var sent [][]byte
		for i := range n {
			f := udpFrame(i)
			if i%7 == 0 {
				f = tagged(f, uint16(100+i%3))
			}
			sent = append(sent, f)
		}
		var odd int
		var end int64
		for i := 0; i < n; {
			some, begin := sent[i:min(i+100, n)], time.Now().UnixNano()
			for _, f := range some {
				sender.Send(t, f)
			}
			got := receive(t, l, len(some))
			end = time.Now().UnixNano()
			for j, f := range got {
				if j >= len(some) || !bytes.Equal(f.bytes, some[j]) || f.Wire != uint32(len(some[j])) || f.Link != 1 || f.Iface != 0 {
					t.Fatalf("immediate %t: frame %d: got %+v\n%x, want\n%x", immediate, i, f.Frame, f.bytes, sent[i])
				}
				if f.Time < begin || f.Time > end {
					t.Fatalf("immediate %t: frame %d: got time %d, want %d to %d", immediate, i, f.Time, begin, end)
				}
				if f.Time%1000 != 0 {
					odd++
				}
				i++
			}
		}
		if odd < n/2 {
			t.Errorf("immediate %t: %d of %d timestamps are finer than microseconds, want most", immediate, odd, n)
		}
		if s := l.Stats(); s != (capture.Stats{Interface: "vb", Packets: n}) {
			t.Errorf("immediate %t: got %+v, want %d packets and nothing else", immediate, s, n)
		}
		if now := l.Now(); now < end || now > time.Now().UnixNano() {
			t.Errorf("got clock %d, want the system's", now)
		}
	}
}

// All interfaces at once, as Linux cooked frames: both ends of the pair see each packet.
func TestLiveAny(t *testing.T) {
	if !netnstest.Inside(t) {
		return
	}
	netnstest.Pair(t, "va", "vb")
	l := openTest(t, netdev.Any, quick(), "")
	sender := netnstest.NewSender(t, "va")
	for i := range 100 {
		sender.Send(t, udpFrame(i))
	}
	directions := map[byte]int{}
	for i, f := range receive(t, l, 200) {
		if f.Link != 113 || len(f.bytes) < 16 {
			t.Fatalf("frame %d: got link type %d, %d bytes, want Linux cooked", i, f.Link, len(f.bytes))
		}
		id := binary.BigEndian.Uint16(f.bytes[16+4:])
		if want := udpFrame(int(id)); !bytes.Equal(f.bytes[16:], want[14:]) || !bytes.Equal(f.bytes[14:16], []byte{8, 0}) {
			t.Fatalf("frame %d: got\n%x, want after 16 bytes\n%x", i, f.bytes, want[14:])
		}
		directions[f.bytes[1]]++
	}
	const forOthers, outgoing = 3, 4
	if directions[forOthers] != 100 || directions[outgoing] != 100 {
		t.Errorf("got packets by direction %v, want 100 of %d and of %d", directions, forOthers, outgoing)
	}
}

// An interface without a link header: DLT_RAW becomes LINKTYPE_RAW.
func TestLiveRaw(t *testing.T) {
	if !netnstest.Inside(t) {
		return
	}
	if _, err := os.Stat("/dev/net/tun"); err != nil {
		t.Skip("needs /dev/net/tun")
	}
	netnstest.Run(t, "ip tuntap add dev tun0 mode tun")
	netnstest.Run(t, "ip link set tun0 up")
	if l := openTest(t, "tun0", quick(), ""); l.Link() != 101 {
		t.Errorf("got link type %d, want 101", l.Link())
	}
	if i, _ := netdev.Lookup("tun0"); i.Link != 101 {
		t.Errorf("netdev: got link type %d, want 101", i.Link)
	}
}

// A filter lets through what it says, on Ethernet and on cooked frames, behind a VLAN tag too.
func TestLiveFilter(t *testing.T) {
	if !netnstest.Inside(t) {
		return
	}
	netnstest.Pair(t, "va", "vb")
	for _, test := range []struct {
		iface, filter string
		want          int
	}{
		{"vb", "udp dst port 1", 50}, {netdev.Any, "udp dst port 1", 100}, {"vb", "vlan 7", 10}, {"vb", "vlan 7 and udp dst port 2", 10},
	} {
		all := openTest(t, "vb", counting(), "")
		l := openTest(t, test.iface, quick(), test.filter)
		sender := netnstest.NewSender(t, "va")
		for i := range 100 {
			sender.Send(t, udpFrame(i))
		}
		for range 10 {
			sender.Send(t, tagged(udpFrame(1), 7))
		}
		arrived(t, all, 110)
		got := receive(t, l, test.want)
		b := capture.Batch{Frames: make([]capture.Frame, 0, 64)}
		if err := l.Read(&b); err != capture.ErrIdle || len(got) != test.want {
			t.Errorf("%s: %s: got %d frames and %v after them, want %d and nothing more", test.iface, test.filter, len(got), err, test.want)
		}
	}
}

// counting is a configuration of a source that is not read but for its counters. Opened before another it counts a packet
// after the other has it, for the kernel begins with the latest.
func counting() Config {
	cfg := quick()
	cfg.Buffer = 1 << 20
	return cfg
}

// arrived waits until so many packets have arrived in all, which a busy kernel puts off.
func arrived(t *testing.T, l *Live, n uint64) {
	t.Helper()
	for end := time.Now().Add(patience); ; runtime.Gosched() {
		s := l.Stats()
		if s.Packets+s.Dropped >= n {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d of %d packets arrive", s.Packets+s.Dropped, n)
		}
	}
}

// What is cut keeps its length on the wire.
func TestLiveSnaplen(t *testing.T) {
	if !netnstest.Inside(t) {
		return
	}
	netnstest.Pair(t, "va", "vb")
	cfg := quick()
	cfg.Snaplen = 100
	l := openTest(t, "vb", cfg, "")
	netnstest.NewSender(t, "va").Send(t, udpFrame(1000))
	f := receive(t, l, 1)[0]
	if f.Len != 100 || f.Wire != 1042 || !bytes.Equal(f.bytes, udpFrame(1000)[:100]) {
		t.Errorf("got %+v, want 100 bytes of 1042", f.Frame)
	}
}

// More than fits: what was sent is what was read and what was dropped, exactly.
func TestLiveDropsAreCounted(t *testing.T) {
	if !netnstest.Inside(t) {
		return
	}
	netnstest.Pair(t, "va", "vb")
	cfg := quick()
	cfg.Buffer = 1 << 20
	l := openTest(t, "vb", cfg, "")
	sender := netnstest.NewSender(t, "va")
	const n = 5000
	for range n {
		sender.Send(t, udpFrame(1300)) // 6.5 MB into 1 MB, while nobody reads
	}
	arrived(t, l, n)
	s := l.Stats()
	if s.Packets+s.Dropped != n || s.Dropped == 0 {
		t.Errorf("got %+v, want %d together, some of them dropped", s, n)
	}
	receive(t, l, int(s.Packets))
	b := capture.Batch{Frames: make([]capture.Frame, 0, 64)}
	if err := l.Read(&b); err != capture.ErrIdle {
		t.Errorf("after %d packets: got %d more, error %v, want %v", s.Packets, len(b.Frames), err, capture.ErrIdle)
	}
	l.Close()
	if after := l.Stats(); after != s {
		t.Errorf("after Close: got %+v, want %+v", after, s)
	}
}

// After Interrupt, what was there before is still read, and then the input ends, also while packets keep coming.
func TestLiveInterrupt(t *testing.T) {
	if !netnstest.Inside(t) {
		return
	}
	netnstest.Pair(t, "va", "vb")
	for _, busy := range []bool{false, true} {
		l := openTest(t, "vb", quick(), "")
		sender := netnstest.NewSender(t, "va")
		for i := range 500 {
			sender.Send(t, udpFrame(i))
		}
		arrived(t, l, 500)
		l.Interrupt()
		done, stopped := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(stopped)
			for busy {
				select {
				case <-done:
					return
				default:
					sender.Send(t, udpFrame(1))
				}
			}
		}()
		b := capture.Batch{Frames: make([]capture.Frame, 0, 64)}
		n := 0
		for {
			err := l.Read(&b)
			if n += len(b.Frames); err == io.EOF {
				break
			} else if err != nil && err != capture.ErrIdle {
				t.Fatal(err)
			}
		}
		close(done)
		<-stopped
		if n < 500 || n > 500 && !busy {
			t.Errorf("busy %t: got %d frames, want the 500 before the interrupt", busy, n)
		}
		if err := l.Read(&b); err != io.EOF {
			t.Errorf("busy %t: got %v, want %v again", busy, err, io.EOF)
		}
	}
}

// An interface that goes down and comes back is waited for and counted; one that is removed ends the capture.
func TestLiveDownUpGone(t *testing.T) {
	if !netnstest.Inside(t) {
		return
	}
	netnstest.Pair(t, "va", "vb")
	l := openTest(t, "vb", quick(), "")
	sender := netnstest.NewSender(t, "va")
	b := capture.Batch{Frames: make([]capture.Frame, 0, 64)}
	sender.Send(t, udpFrame(1))
	receive(t, l, 1)
	for outages := uint64(1); outages <= 2; outages++ {
		netnstest.Run(t, "ip link set vb down")
		for end := time.Now().Add(patience); l.Stats().Outages < outages; { // what came before is read first
			if err := l.Read(&b); err != nil && err != capture.ErrIdle || time.Now().After(end) {
				t.Fatalf("down: got %v and %+v, want %d outages", err, l.Stats(), outages)
			}
		}
		netnstest.Run(t, "ip link set vb up")
		for end := time.Now().Add(patience); ; { // the pair needs a moment until it carries packets again
			sender.Send(t, udpFrame(2))
			err := l.Read(&b)
			if err == nil && bytes.Equal(b.Bytes(0), udpFrame(2)) {
				break
			}
			if err != nil && err != capture.ErrIdle || time.Now().After(end) {
				t.Fatalf("up again: got %v and %d frames", err, len(b.Frames))
			}
		}
	}
	netnstest.Run(t, "ip link del vb")
	for end := time.Now().Add(patience); ; {
		err := l.Read(&b)
		if err != nil && err != capture.ErrIdle {
			if !strings.HasPrefix(err.Error(), "read vb: ") {
				t.Errorf("removed: got %v", err)
			}
			return
		}
		if time.Now().After(end) {
			t.Fatal("removed: the capture did not end")
		}
	}
}

// Opened and closed a hundred times: each works, and no descriptor stays open.
func TestLiveHundredTimes(t *testing.T) {
	if !netnstest.Inside(t) {
		return
	}
	netnstest.Pair(t, "va", "vb")
	sender := netnstest.NewSender(t, "va")
	descriptors := func() int {
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	cfg := quick()
	cfg.Buffer, cfg.Poll = 1<<20, time.Millisecond
	before, goroutines := 0, 0
	for i := range 100 {
		l, err := Open("vb", cfg, "udp")
		if err != nil {
			t.Fatal(err)
		}
		sender.Send(t, udpFrame(i))
		if got := receive(t, l, 1)[0]; !bytes.Equal(got.bytes, udpFrame(i)) {
			t.Fatalf("time %d: got %x", i, got.bytes)
		}
		for range 2 {
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.Read(&capture.Batch{Frames: make([]capture.Frame, 0, 1)}); err != io.EOF {
			t.Fatalf("after Close: got %v, want %v", err, io.EOF)
		}
		if i == 0 {
			before, goroutines = descriptors(), runtime.NumGoroutine()
		}
	}
	if after := descriptors(); after != before {
		t.Errorf("got %d descriptors, want %d", after, before)
	}
	for end := time.Now().Add(patience); runtime.NumGoroutine() > goroutines; runtime.Gosched() { // some are about to end
		if time.Now().After(end) {
			t.Fatalf("got %d goroutines, want %d", runtime.NumGoroutine(), goroutines)
		}
	}
}

// Read allocates nothing once the batch has its room, and where it does not end idle: then it looks at the interface.
func TestLiveReadAllocatesNothing(t *testing.T) {
	if !netnstest.Inside(t) {
		return
	}
	netnstest.Pair(t, "va", "vb")
	cfg := quick()
	cfg.Poll = 100 * time.Millisecond // so that no Read ends idle, if the machine is not busy
	l := openTest(t, "vb", cfg, "")
	sender := netnstest.NewSender(t, "va")
	b := capture.Batch{Frames: make([]capture.Frame, 0, 256)}
	f := udpFrame(100)
	idle, allocs := 0, 1.0
	for try := 0; try == 0 || try < 20 && idle > 0 && allocs > 0; try++ {
		idle = 0
		allocs = testing.AllocsPerRun(20, func() {
			for range 200 {
				sender.Send(t, f)
			}
			for n := 0; n < 200; n += len(b.Frames) {
				if err := l.Read(&b); err == capture.ErrIdle {
					idle++
				} else if err != nil {
					t.Fatal(err)
				}
			}
		})
	}
	if allocs != 0 {
		t.Errorf("got %.0f allocations for 200 packets, want none; %d calls of Read were idle", allocs, idle)
	}
}

// What a user can get wrong is said in one line, with what would be right.
func TestOpenErrors(t *testing.T) {
	if !netnstest.Inside(t) {
		return
	}
	netnstest.Pair(t, "va", "vb")
	netnstest.Run(t, "ip link add off type veth peer name off2")
	with := func(change func(*Config)) Config {
		cfg := quick()
		change(&cfg)
		return cfg
	}
	for _, test := range []struct {
		iface, filter string
		cfg           Config
		is            error
		want          string
	}{
		{"eth9", "", quick(), ErrNoInterface, "open eth9: no such interface; there are lo, vb, va, off2, off, any"},
		{"off", "", quick(), ErrDown, "open off: interface is down; 'ip link set off up' brings it up"},
		{"vb", "tcp prt 80", quick(), ErrFilter, `open vb: filter does not compile: "tcp prt 80": `},
		{"vb", "tcp\x00", quick(), ErrFilter, `open vb: filter does not compile: "tcp\x00": zero byte in the text`},
		{"vb", "", with(func(c *Config) { c.Timestamps = "adapter" }), ErrTimestamps,
			`open vb: no such timestamps: got "adapter", want host`},
		{"vb", "", with(func(c *Config) { c.Snaplen = 1 }), nil, "open vb: snaplen: got 1, want 64 to 262144 bytes"},
	} {
		_, err := Open(test.iface, test.cfg, test.filter)
		if err == nil || !strings.HasPrefix(err.Error(), test.want) || strings.Contains(err.Error(), "\n") ||
			test.is != nil && !errors.Is(err, test.is) {
			t.Errorf("%s, %q: got %v, want %v: %s", test.iface, test.filter, err, test.is, test.want)
		}
	}
}

// Without the capability, the error says which one it takes; a wrong name is still called wrong.
func TestOpenWithoutPermission(t *testing.T) {
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
	_, err := Open("vb", quick(), "")
	want := "open vb: no permission to capture: it takes CAP_NET_RAW; run as root, or once 'setcap cap_net_raw=ep "
	if !errors.Is(err, ErrPermission) || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
	if _, err := Open("eth9", quick(), ""); !errors.Is(err, ErrNoInterface) {
		t.Errorf("got %v, want %v", err, ErrNoInterface)
	}
}

// A batch of one frame and large frames: memory stays what it is.
func TestLiveBatchIsBounded(t *testing.T) {
	if !netnstest.Inside(t) {
		return
	}
	netnstest.Pair(t, "va", "vb")
	cfg := quick()
	cfg.Poll = maxPoll // so that there are blocks for all
	l := openTest(t, "vb", cfg, "")
	sender := netnstest.NewSender(t, "va")
	for range 2000 {
		sender.Send(t, udpFrame(1399))
	}
	b := capture.Batch{Frames: make([]capture.Frame, 0, 4096)}
	for n := 0; n < 2000; n += len(b.Frames) {
		if err := l.Read(&b); err != nil && err != capture.ErrIdle {
			t.Fatal(err)
		}
		if len(b.Data) > blockBytes+1500 || cap(b.Data) > blockBytes+2*maxSnaplen {
			t.Fatalf("got %d bytes in room for %d", len(b.Data), cap(b.Data))
		}
	}
}

// BenchmarkLive is the cost of a packet from libpcap's buffer to the batch, without the sending.
func BenchmarkLive(b *testing.B) {
	if os.Geteuid() != 0 {
		b.Skip("needs CAP_NET_RAW: run as root")
	}
	cfg := DefaultConfig()
	cfg.Poll = time.Millisecond
	l, err := Open("lo", cfg, "")
	if err != nil {
		b.Skip(err)
	}
	defer l.Close()
	sender := netnstest.NewSender(b, "lo")
	f := udpFrame(100)
	batch := capture.Batch{Frames: make([]capture.Frame, 0, 4096)}
	b.ReportAllocs()
	for n := 0; n < b.N; {
		b.StopTimer()
		for range 20000 {
			sender.Send(b, f)
		}
		b.StartTimer()
		for at := n; n < at+20000; n += len(batch.Frames) {
			if err := l.Read(&batch); err != nil && err != capture.ErrIdle {
				b.Fatal(err)
			}
		}
	}
	if s := l.Stats(); s.Dropped > 0 {
		b.Fatalf("dropped %d", s.Dropped)
	}
}
