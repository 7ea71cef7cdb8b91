package features

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/weir-sensor/weir/packet"
)

const (
	ms     = int64(time.Millisecond)
	second = int64(time.Second)
	base   = int64(1_700_000_040) * second // a whole minute
)

// tcp returns a packet with payload from host a, port 40000, to host b, port 80, or back where a is greater.
func tcp(a, b int, seq uint32, flags uint8, payload int) packet.Packet {
	p := packet.Packet{Src: host(4, a), Dst: host(4, b), SrcPort: 40000, DstPort: 80, Proto: packet.ProtoTCP, Version: 4,
		TCPFlags: flags, Seq: seq, PayloadLen: uint32(payload), PayloadCap: uint32(payload), Length: uint32(payload) + 40}
	if a > b {
		p.SrcPort, p.DstPort = 80, 40000
	}
	return p
}

// line feeds one windower packet by packet, each its own clock unless that is later already.
type line struct {
	*Windower
	clock   int64
	ordinal uint64
	out     []Window
}

func newLine(change func(*Config)) *line {
	cfg := DefaultConfig()
	if change != nil {
		change(&cfg)
	}
	return &line{Windower: New(cfg, Network{MTU: 1500}, 1, [4]uint64{1, 3, 5, 7}), clock: math.MinInt64}
}

func (l *line) add(p packet.Packet, time int64, payload ...byte) {
	l.clock = max(l.clock, time)
	if payload == nil {
		payload = make([]byte, p.PayloadCap)
	}
	addOne(l.Windower, &p, time, l.clock, l.ordinal, payload)
	l.ordinal++
}

func (l *line) end() []Window {
	l.out = l.Advance(l.clock, l.out)
	l.Shutdown(l.clock)
	for more := true; more; {
		l.out, more = l.Drain(l.out, 3)
	}
	return l.out
}

// value returns a feature by its name.
func value(t *testing.T, w *Window, name string) float64 {
	t.Helper()
	i := slices.Index(Names(), name)
	if i < 0 {
		t.Fatalf("no feature %s", name)
	}
	return w.Features[i]
}

// check compares the features given as "name value name value ..." and wants the rest of that direction's to be 0.
func check(t *testing.T, w *Window, want map[string]float64) {
	t.Helper()
	for i, name := range Names() {
		if got := w.Features[i]; !near(got, want[name]) {
			t.Errorf("%s: got %v, want %v", name, got, want[name])
		}
	}
	for name := range want {
		value(t, w, name)
	}
}

// The features of six packets, by hand: 100, 100, 1500 and 3000 bytes up, nothing and two bytes down.
func TestFeaturesByHand(t *testing.T) {
	l := newLine(func(c *Config) { c.Packets = 6 })
	half := slices.Concat(make([]byte, 50), slices.Repeat([]byte{1}, 50)) // entropy 1
	l.add(tcp(1, 2, 10, packet.ACK, 100), base, half...)
	l.add(tcp(2, 1, 7, packet.ACK, 0), base+100*ms)
	l.add(tcp(1, 2, 110, packet.ACK|packet.PSH, 100), base+ms/2)
	l.add(tcp(1, 2, 110, packet.ACK, 1500), base+ms) // again the same sequence number
	l.add(tcp(2, 1, 8, packet.PSH, 2), base+1100*ms, 'a', 'b')
	l.add(tcp(1, 2, 4000, packet.ACK|packet.PSH, 3000), base+20*ms)
	out := l.end()
	if len(out) != 1 {
		t.Fatalf("got %d windows, want 1", len(out))
	}
	check(t, &out[0], map[string]float64{
		"mean_entropy_up": 0.25, "max_entropy_up": 1, "min_entropy_up": 0,
		"mean_interval_up":     10_000, // 500 us and 19500 us
		"bin_1000_interval_up": 0.25, "bin_100000_interval_up": 0.25,
		"top1_tcp_len_up": 100, "top2_tcp_len_up": 1500, "mean_tcp_len_up": 1175,
		"bin_200_len_up": 0.5, "bin_1500_len_up": 0.75, "push_ratio_up": 0.5,
		"mean_entropy_down": 0.5, "max_entropy_down": 1, "min_entropy_down": 0,
		"mean_interval_down": 1_000_000, // in no bin
		"top1_tcp_len_down":  0, "top2_tcp_len_down": 2, "mean_tcp_len_down": 1,
		"bin_100_len_down": 1, "push_ratio_down": 0, "up_down_ratio": 2,
	})
	w := out[0]
	if w.First != base || w.Last != base+1100*ms || w.Packets != 6 || w.Connections != 1 || w.SegmentStart != base ||
		w.Client != host(4, 1) || w.Target != host(4, 2) || w.ClientPort != 0 || w.Version != 4 {
		t.Errorf("got %+v", w)
	}
	if w.Truncated != 0 || !near(w.Offload, 2./6) || !near(w.Retransmitted, 1./6) || w.OneWay != 0 {
		t.Errorf("got shares %v, %v, %v, %v", w.Truncated, w.Offload, w.Retransmitted, w.OneWay)
	}
	if w.Written != base+1100*ms || w.Ordinal != 5 {
		t.Errorf("got due at %d, %d", w.Written, w.Ordinal)
	}
}

func TestOneDirectionAlone(t *testing.T) {
	l := newLine(func(c *Config) { c.Packets = 2 })
	l.add(tcp(2, 1, 5, packet.SYN|packet.ACK, 0), base)
	l.add(tcp(2, 1, 5, packet.SYN|packet.ACK, 0), base+1)
	out := l.end()
	if len(out) != 1 || out[0].Client != host(4, 1) || out[0].OneWay != 1 || out[0].Retransmitted != 0 {
		t.Fatalf("got %+v", out)
	}
	check(t, &out[0], map[string]float64{"mean_interval_up": 1_000_000, "mean_interval_down": 1_000_000, "bin_100_len_down": 1})
}

// Lengths and the bins that they count in, by the upper bound; a packet each.
func TestLengthBins(t *testing.T) {
	for length, want := range map[int]string{
		0: "100", 99: "100", 100: "200", 1399: "1400", 1400: "1500", 1499: "1500", 1500: "1500", 1501: "100 1500",
		1600: "200 1500", 2999: "1500 1500", 3000: "1500 1500", 4500: "1500 1500 1500",
	} {
		l := newLine(func(c *Config) { c.Packets = 1 })
		l.add(tcp(1, 2, 0, 0, length), base)
		out := l.end()
		for high := 100; high <= 1500; high += 100 {
			n := 0
			for _, bin := range strings.Fields(want) {
				if bin == fmt.Sprint(high) {
					n++
				}
			}
			if got := value(t, &out[0], fmt.Sprintf("bin_%d_len_up", high)); got != float64(n) {
				t.Errorf("length %d, bin %d: got %v, want %d", length, high, got, n)
			}
		}
	}
}

// Bounds of the interval bins, in nanoseconds.
func TestIntervalBins(t *testing.T) {
	for span, want := range map[int64]string{
		0: "1000", ms - 1: "1000", ms: "10000", 10*ms - 1: "10000", 10 * ms: "100000", 100*ms - 1: "100000",
		100 * ms: "1000000", second - 1: "1000000", second: "", -5 * ms: "10000",
	} {
		l := newLine(func(c *Config) { c.Packets = 2 })
		l.add(tcp(1, 2, 1, 0, 0), base+5*second)
		l.add(tcp(1, 2, 2, 0, 0), base+5*second+span)
		out := l.end()
		if got := value(t, &out[0], "mean_interval_up"); !near(got, math.Abs(float64(span))/1000) {
			t.Errorf("%d ns: got a mean of %v us", span, got)
		}
		for _, high := range []string{"1000", "10000", "100000", "1000000"} {
			got := value(t, &out[0], "bin_"+high+"_interval_up")
			if (got == 0.5) != (high == want) || got != 0 && got != 0.5 {
				t.Errorf("%d ns, bin %s: got %v", span, high, got)
			}
		}
	}
}

// Two connections of a pair: their packets make one window, in which a sequence number counts once, whoever bears it.
func TestConnectionsOfAPair(t *testing.T) {
	packets := []packet.Packet{tcp(1, 2, 9, packet.SYN, 0), tcp(1, 2, 9, packet.SYN, 0), tcp(1, 2, 10, packet.ACK, 5), tcp(2, 1, 1, packet.ACK, 0)}
	packets[1].SrcPort = 40001
	l := newLine(func(c *Config) { c.Packets = 4 })
	for i, p := range packets {
		l.add(p, base+int64(i)*ms)
	}
	out := l.end()
	if len(out) != 1 || out[0].Connections != 2 || out[0].OneWay != 0.25 || value(t, &out[0], "mean_interval_up") != 2000 {
		t.Errorf("by pair: got %+v", out)
	}
	l = newLine(func(c *Config) { c.Packets, c.By = 1, ByFlow })
	for i, p := range packets {
		l.add(p, base+int64(i)*ms)
	}
	out = l.end()
	var ports []uint16
	for _, w := range out {
		ports = append(ports, w.ClientPort, w.TargetPort)
	}
	if want := []uint16{40000, 80, 40001, 80, 40000, 80, 40000, 80}; !slices.Equal(ports, want) || out[3].Client != host(4, 1) {
		t.Errorf("by flow: got %v, want %v", ports, want)
	}
}

// A window never reaches beyond its segment: the remainder is dropped, and counted.
func TestSegmentsCutWindows(t *testing.T) {
	l := newLine(func(c *Config) { c.Packets = 4 })
	for i := range 7 {
		l.add(tcp(1, 2, uint32(i), packet.ACK, 0), base+60*second-7+int64(i))
	}
	for i := range 5 {
		l.add(tcp(1, 2, uint32(i), packet.ACK, 0), base+60*second+int64(i))
	}
	l.add(tcp(1, 2, 9, packet.ACK, 0), base+59*second) // late: the new segment's
	for i := range 2 {
		l.add(tcp(1, 2, uint32(20+i), packet.ACK, 0), base+61*second)
	}
	out := l.end()
	var starts []int64
	for _, w := range out {
		starts = append(starts, (w.SegmentStart-base)/second)
	}
	if want := []int64{0, 60, 60}; !slices.Equal(starts, want) || out[2].First != base+59*second {
		t.Errorf("got segments %v, want %v", starts, want)
	}
	c := l.Counters()
	if c.Opened != 4 || c.Written != 3 || c.Dropped[Remainder] != 1 || c.Counted != 15 {
		t.Errorf("got %+v", c)
	}
}

// Cut by time, whatever a segment holds is one window, due at its end, in the order of first packets.
func TestTimeWindows(t *testing.T) {
	l := newLine(func(c *Config) { c.Cut, c.Packets, c.Segment = CutTime, 4, 10*time.Second })
	for i := range 30 {
		l.add(tcp(1+2*(i%3), 2+2*(i%3), uint32(i), packet.ACK, 100*i), base+int64(i)*ms)
	}
	if got := l.Advance(base+10*second-1, nil); len(got) != 0 {
		t.Errorf("got %d windows before the segment's end", len(got))
	}
	got := l.Advance(base+10*second, nil)
	var clients []packet.Addr
	for _, w := range got {
		clients = append(clients, w.Client)
		if w.Packets != 10 || w.Written != base+10*second {
			t.Errorf("got %d packets, due at %d", w.Packets, w.Written)
		}
	}
	if want := []packet.Addr{host(4, 1), host(4, 3), host(4, 5)}; !slices.Equal(clients, want) || l.Open() != 0 {
		t.Errorf("got %v, want %v", clients, want)
	}
	if got := value(t, &got[0], "mean_tcp_len_up"); got != 1350 { // 0, 300, ... 2700: exact, though 4 lengths are remembered
		t.Errorf("got mean length %v, want 1350", got)
	}
	l.clock = base + 10*second
	l.add(tcp(1, 2, 0, packet.ACK, 0), base+10*second)
	out := l.end()
	if len(out) != 1 || out[0].Written != math.MaxInt64 || out[0].Packets != 1 {
		t.Errorf("at the end: got %+v", out)
	}
}

// What a window with cut time forgets: sequence numbers after Config.Packets others, lengths and connections beyond so many.
func TestTimeWindowsForget(t *testing.T) {
	l := newLine(func(c *Config) { c.Cut, c.Packets = CutTime, 3 })
	for i, seq := range []uint32{1, 2, 3, 1, 4, 1} { // the second 1 is known, the third is not any more
		p := tcp(1, 2, seq, packet.ACK, []int{10, 20, 30, 30, 40, 40}[i])
		p.SrcPort += uint16(i)
		l.add(p, base+int64(i)*ms)
	}
	out := l.end()
	if got := value(t, &out[0], "mean_interval_up"); got != 1250 { // 0, 1, 2, 4, 5 ms
		t.Errorf("got a mean interval of %v us, want 1250", got)
	}
	if got := out[0].Connections; got != 3 {
		t.Errorf("got %d connections, want 3", got)
	}
	if top1, top2 := value(t, &out[0], "top1_tcp_len_up"), value(t, &out[0], "top2_tcp_len_up"); top1 != 30 || top2 != 10 {
		t.Errorf("got lengths %v, %v, want 30, 10", top1, top2)
	}
}

func TestClientIsDecidedByTheFirstPacket(t *testing.T) {
	cases := []struct {
		name               string
		flags              uint8
		srcPort, dstPort   uint16
		clients            string
		want               int // host 1 sends first
		serverPortsBesides []uint16
	}{
		{"SYN", packet.SYN, 80, 40000, "", 1, nil},
		{"SYN-ACK", packet.SYN | packet.ACK, 40000, 80, "", 2, nil},
		{"to a server port", packet.ACK, 40000, 443, "", 1, nil},
		{"from a server port", packet.ACK, 443, 40000, "", 2, nil},
		{"both server ports", packet.ACK, 22, 443, "", 1, nil},
		{"neither", packet.ACK, 1024, 40000, "", 1, nil},
		{"port 0 is none", packet.ACK, 0, 40000, "", 1, nil},
		{"configured server port", packet.ACK, 8443, 40000, "", 2, []uint16{8443}},
		{"client network", packet.SYN, 40000, 80, "10.0.0.2/32", 2, nil},
		{"client network of another host", packet.SYN, 40000, 80, "10.0.0.3", 0, nil},
		{"both in it", packet.SYN | packet.ACK, 40000, 80, "10.0.0.0/8", 2, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			cfg := DefaultConfig()
			cfg.Packets = 2
			if c.clients != "" {
				cfg.Clients = []string{c.clients}
			}
			w := New(cfg, Network{ServerPorts: c.serverPortsBesides}, 1, [4]uint64{})
			p := tcp(1, 2, 1, c.flags, 0)
			p.SrcPort, p.DstPort = c.srcPort, c.dstPort
			addOne(w, &p, base, base, 0, nil)
			p.Src, p.Dst, p.SrcPort, p.DstPort, p.TCPFlags = p.Dst, p.Src, p.DstPort, p.SrcPort, packet.SYN // changes nothing
			addOne(w, &p, base, base, 1, nil)
			out := w.Advance(base, nil)
			if c.want == 0 {
				if len(out) != 0 || w.Counters().Outside != 2 {
					t.Errorf("got %d windows", len(out))
				}
				return
			}
			if len(out) != 1 || out[0].Client != host(4, c.want) || out[0].Features[upDownRatio] != 1 {
				t.Errorf("got %+v, want client %d", out, c.want)
			}
		})
	}
}

// The client stays while the pair is known, and is decided anew after 10 minutes of quiet.
func TestPairsAreForgotten(t *testing.T) {
	for _, c := range []struct {
		quiet int64
		want  int
	}{{600*second - 1, 1}, {600 * second, 2}} {
		l := newLine(func(c *Config) { c.Packets = 1 })
		l.add(tcp(1, 2, 1, packet.SYN, 0), base)
		p := tcp(2, 1, 1, packet.SYN, 0)
		l.add(p, base+c.quiet)
		if out := l.end(); len(out) != 2 || out[1].Client != host(4, c.want) {
			t.Errorf("after %d ns: got client %v, want %d", c.quiet, out[1].Client, c.want)
		}
	}
	l := newLine(nil)
	for i := range 100 {
		l.add(tcp(1, 2+i, 1, packet.SYN, 0), base+int64(i))
	}
	l.Advance(l.clock+600*second, nil)
	if l.Pairs() != 100 { // packets came since the last Advance: it left the work to the next one
		t.Logf("%d pairs", l.Pairs())
	}
	l.Advance(l.clock+600*second, nil)
	if l.Pairs() != 0 || l.Open() != 0 || l.Counters().Dropped[Remainder] != 100 {
		t.Errorf("got %d pairs, %d windows after 10 minutes of quiet, %+v", l.Pairs(), l.Open(), l.Counters())
	}
}

// Where a host talks to itself, ports tell the direction.
func TestLoopback(t *testing.T) {
	l := newLine(func(c *Config) { c.Packets = 4 })
	for i, ports := range [][2]uint16{{40000, 9050}, {9050, 40000}, {40001, 50000}, {50000, 40001}} {
		p := tcp(1, 1, uint32(i), packet.ACK, i)
		p.SrcPort, p.DstPort = ports[0], ports[1]
		if i < 3 && i%2 == 0 {
			p.TCPFlags = packet.SYN
		}
		l.add(p, base)
	}
	out := l.end()
	if len(out) != 1 || out[0].Client != out[0].Target || out[0].Connections != 2 || out[0].OneWay != 0 ||
		out[0].Features[upDownRatio] != 1 || value(t, &out[0], "mean_tcp_len_up") != 1 {
		t.Errorf("got %+v", out)
	}
}

// Groups that are off leave their columns 0, and out of Columns.
func TestGroupsThatAreOff(t *testing.T) {
	for _, on := range append(Groups(), "") {
		l := newLine(func(c *Config) {
			c.Packets, c.Groups = 4, []string{on}
			if on == "" {
				c.Groups = nil
			}
		})
		for i := range 4 {
			l.add(tcp(1+i%2, 2-i%2, uint32(i), packet.ACK|packet.PSH, 500+i), base+int64(i)*ms, 1, 2, 3)
		}
		out := l.end()
		columns := l.cfg.Columns()
		for i, f := range Features() {
			want := f.Group == on || f.Group == ""
			if slices.Contains(columns, i) != want {
				t.Errorf("groups [%s]: %s in the columns: %v", on, f.Name, !want)
			}
			if !want && out[0].Features[i] != 0 {
				t.Errorf("groups [%s]: %s is %v", on, f.Name, out[0].Features[i])
			}
		}
		if value(t, &out[0], "up_down_ratio") != 1 {
			t.Errorf("groups [%s]: no up_down_ratio", on)
		}
	}
}

// The table of features is complete and its constants are those that the code uses.
func TestFeatureTable(t *testing.T) {
	names := Names()
	if len(names) != 55 || WindowFeatures != 55 {
		t.Fatalf("got %d names, %d features, want 55", len(names), WindowFeatures)
	}
	for i, want := range map[int]string{meanEntropy: "mean_entropy_up", maxEntropy: "max_entropy_up", minEntropy: "min_entropy_up",
		meanInterval: "mean_interval_up", intervalBin: "bin_1000_interval_up", top1Len: "top1_tcp_len_up", top2Len: "top2_tcp_len_up",
		meanLen: "mean_tcp_len_up", lenBin: "bin_100_len_up", pushRatio: "push_ratio_up", perDirection + meanLen: "mean_tcp_len_down",
		perDirection + pushRatio: "push_ratio_down", upDownRatio: "up_down_ratio"} {
		if names[i] != want {
			t.Errorf("feature %d: got %s, want %s", i, names[i], want)
		}
	}
	for i, f := range Features() {
		if f.Unit == "" || f.Range == "" || f.Formula == "" || f.Edge == "" || slices.Index(names, f.Name) != i {
			t.Errorf("%+v is incomplete or there twice", f)
		}
	}
}

func TestPacketsThatAreInNoWindow(t *testing.T) {
	l := newLine(func(c *Config) { c.Packets = 1 })
	for _, flags := range []packet.Flags{packet.FragFirst, packet.FragLater, packet.HeaderCut} {
		p := tcp(1, 2, 1, packet.ACK, 3)
		p.Flags = flags
		l.add(p, base)
	}
	p := tcp(1, 2, 1, 0, 3)
	p.Proto = packet.ProtoUDP
	l.add(p, base)
	if out := l.end(); len(out) != 0 {
		t.Errorf("got %+v", out)
	}
	if c := l.Counters(); c != (Counters{Fragments: 2, CutHeaders: 1, NotTCP: 1}) {
		t.Errorf("got %+v", c)
	}
}

func TestConfigValidate(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Errorf("the defaults: %v", err)
	}
	bad := Config{By: "host", Cut: "", Packets: 1001, Segment: time.Hour, Clients: []string{"10.0.0.0/33", "fe80::1%eth0", "x", "::ffff:1.2.3.0/120"},
		Groups: []string{"psh", "psh", "tls"}, MaxPairs: 0}
	want := `by: got "host", want pair or flow
cut: got "", want packets or time
packets: got 1001, want 1 to 1000
segment: got 1h0m0s, want 1ms to 10m
clients: got "10.0.0.0/33", want networks such as 10.0.0.0/8 or fd00::/8, or addresses
clients: got "fe80::1%eth0", want networks such as 10.0.0.0/8 or fd00::/8, or addresses
clients: got "x", want networks such as 10.0.0.0/8 or fd00::/8, or addresses
clients: got "::ffff:1.2.3.0/120", want networks such as 10.0.0.0/8 or fd00::/8, or addresses
groups: got "psh", want each at most once of entropy, interval, interval_bins, tcp_len, tcp_len_bins, psh
groups: got "tls", want each at most once of entropy, interval, interval_bins, tcp_len, tcp_len_bins, psh
max_pairs: got 0, want 1 to 10000000`
	if err := bad.Validate(); err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}
