package features

import (
	"cmp"
	"fmt"
	"math"
	"math/big"
	"math/rand"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/weir-sensor/weir/packet"
	"github.com/weir-sensor/weir/payload"
)

// seen is a packet as the model keeps it: all of them, in slices.
type seen struct {
	packet.Packet
	time, clock int64
	ordinal     uint64
	payload     []byte
}

// model computes the windows straight from their definition, looking at everything again and again.
type model struct {
	cfg     Config
	servers []uint16
	mtu     uint32
}

const (
	modelUp   = "up"
	modelDown = "down"
)

type modelWindow struct {
	Window
	packets    []seen
	directions []string
}

// windows returns the windows of the packets, in order, and how many were dropped for want of packets.
func (m *model) windows(in []seen) (out []Window, remainders int) {
	groups := map[string][]*modelWindow{}
	var order []string
	for i := range in {
		p := &in[i]
		if p.Proto != packet.ProtoTCP || p.Flags&(packet.FragFirst|packet.FragLater|packet.HeaderCut) != 0 {
			continue
		}
		direction := m.direction(in[:i], p, m.cfg.By == ByFlow || p.Src == p.Dst)
		if direction == "" {
			continue
		}
		w := modelWindow{Window: Window{Client: p.Src, Target: p.Dst, Version: p.Version, SegmentStart: m.segment(p.clock)}}
		if m.cfg.By == ByFlow {
			w.ClientPort, w.TargetPort = p.SrcPort, p.DstPort
		}
		if direction == modelDown {
			w.Client, w.Target, w.ClientPort, w.TargetPort = w.Target, w.Client, w.TargetPort, w.ClientPort
		}
		key := fmt.Sprint(w.Client, w.Target, w.ClientPort, w.TargetPort, w.Version, w.SegmentStart)
		open := groups[key]
		if open == nil {
			order = append(order, key)
		}
		if len(open) == 0 || m.cfg.Cut == CutPackets && len(open[len(open)-1].packets) == m.cfg.Packets {
			open = append(open, &w)
			groups[key] = open
		}
		last := open[len(open)-1]
		last.packets = append(last.packets, *p)
		last.directions = append(last.directions, direction)
	}
	clock := int64(0)
	if len(in) > 0 {
		clock = in[len(in)-1].clock
	}
	for _, key := range order {
		for _, w := range groups[key] {
			if m.cfg.Cut == CutPackets && len(w.packets) < m.cfg.Packets {
				remainders++
				continue
			}
			m.finish(w, clock)
			out = append(out, w.Window)
		}
	}
	slices.SortFunc(out, func(a, b Window) int {
		return cmp.Or(cmp.Compare(a.Written, b.Written), cmp.Compare(a.Ordinal, b.Ordinal))
	})
	return out, remainders
}

// segment takes from the clock what it is beyond a whole number of segments since the epoch.
func (m *model) segment(clock int64) int64 {
	beyond := new(big.Int).Mod(big.NewInt(clock), big.NewInt(int64(m.cfg.Segment))) // never negative
	return clock - beyond.Int64()
}

func (m *model) server(port uint16) bool {
	return port > 0 && port < 1024 || slices.Contains(m.servers, port)
}

// direction finds the packet that told who is the client: the first after the last quiet, going back from p.
func (m *model) direction(before []seen, p *seen, withPorts bool) string {
	first := p
	last := p.clock
	for i := len(before) - 1; i >= 0; i-- {
		q := &before[i]
		if q.Proto != packet.ProtoTCP || q.Flags&(packet.FragFirst|packet.FragLater|packet.HeaderCut) != 0 || q.Version != p.Version {
			continue
		}
		same := q.Src == p.Src && q.Dst == p.Dst && (!withPorts || q.SrcPort == p.SrcPort && q.DstPort == p.DstPort)
		swapped := q.Src == p.Dst && q.Dst == p.Src && (!withPorts || q.SrcPort == p.DstPort && q.DstPort == p.SrcPort)
		if !same && !swapped {
			continue
		}
		if last-q.clock >= int64(10*time.Minute) {
			break
		}
		first, last = q, q.clock
	}
	srcIn, dstIn := m.inside(p.Src, p.Version), m.inside(p.Dst, p.Version)
	switch {
	case len(m.cfg.Clients) > 0 && !srcIn && !dstIn:
		return ""
	case len(m.cfg.Clients) > 0 && srcIn && !dstIn:
		return modelUp
	case len(m.cfg.Clients) > 0 && dstIn && !srcIn:
		return modelDown
	case p.Src == p.Dst && p.SrcPort == p.DstPort:
		return modelUp
	}
	firstUp := true
	switch syn, ack := first.TCPFlags&packet.SYN != 0, first.TCPFlags&packet.ACK != 0; {
	case syn:
		firstUp = !ack
	case m.server(first.SrcPort) && !m.server(first.DstPort):
		firstUp = false
	}
	sameWay := first.Src == p.Src
	if p.Src == p.Dst {
		sameWay = first.SrcPort == p.SrcPort
	}
	if firstUp == sameWay {
		return modelUp
	}
	return modelDown
}

func (m *model) inside(a packet.Addr, version uint8) bool {
	for _, c := range m.cfg.Clients {
		if netip.MustParsePrefix(c).Contains(a.Netip(version)) {
			return true
		}
	}
	return false
}

func (m *model) finish(w *modelWindow, clock int64) {
	w.First, w.Last = math.MaxInt64, math.MinInt64
	ports := map[[2]uint16]map[string]bool{}
	connection := func(i int) [2]uint16 {
		if w.directions[i] == modelUp {
			return [2]uint16{w.packets[i].SrcPort, w.packets[i].DstPort}
		}
		return [2]uint16{w.packets[i].DstPort, w.packets[i].SrcPort}
	}
	for i, p := range w.packets {
		w.First, w.Last = min(w.First, p.time), max(w.Last, p.time)
		if ports[connection(i)] == nil {
			ports[connection(i)] = map[string]bool{}
		}
		ports[connection(i)][w.directions[i]] = true
	}
	var truncated, offload, resent, oneWay float64
	for i, p := range w.packets {
		if p.Flags&packet.PayloadCut != 0 {
			truncated++
		}
		if p.Flags&packet.NoLength != 0 || p.Length > m.mtu {
			offload++
		}
		if len(ports[connection(i)]) == 1 {
			oneWay++
		}
		for j, q := range w.packets[:i] {
			if p.PayloadLen > 0 && q.PayloadLen > 0 && p.Seq == q.Seq && w.directions[i] == w.directions[j] {
				resent++
				break
			}
		}
	}
	n := float64(len(w.packets))
	w.Truncated, w.Offload, w.Retransmitted, w.OneWay = truncated/n, offload/n, resent/n, oneWay/n
	w.Window.Packets, w.Connections = uint32(n), uint32(len(ports))
	values := map[string]float64{}
	var counts []float64
	for _, d := range []string{modelUp, modelDown} {
		var ps []seen
		for i, p := range w.packets {
			if w.directions[i] == d {
				ps = append(ps, p)
			}
		}
		m.direction27(values, d, ps)
		counts = append(counts, float64(len(ps)))
	}
	if counts[0] > 0 && counts[1] > 0 {
		values["up_down_ratio"] = counts[0] / counts[1]
	}
	for i, f := range Features() {
		if f.Group == "" || slices.Contains(m.cfg.Groups, f.Group) {
			w.Features[i] = values[f.Name]
		}
	}
	w.Written, w.Ordinal = w.packets[len(w.packets)-1].clock, w.packets[len(w.packets)-1].ordinal
	if m.cfg.Cut == CutTime {
		w.Written, w.Ordinal = w.SegmentStart+int64(m.cfg.Segment), w.packets[0].ordinal
		if w.Written > clock {
			w.Written = math.MaxInt64
		}
	}
}

// direction27 computes the features of one direction by name.
func (m *model) direction27(v map[string]float64, d string, ps []seen) {
	v["mean_interval_"+d] = 1000000
	if len(ps) == 0 {
		return
	}
	n := float64(len(ps))
	v["min_entropy_"+d] = math.Inf(1)
	var firsts []int64
	var seqs []uint32
	tally := map[uint32]int{}
	acks := 0.0
	for _, p := range ps {
		h := exactlyShannon(p.payload)
		v["mean_entropy_"+d] += h / n
		v["max_entropy_"+d] = max(v["max_entropy_"+d], h)
		v["min_entropy_"+d] = min(v["min_entropy_"+d], h)
		if !slices.Contains(seqs, p.Seq) {
			seqs = append(seqs, p.Seq)
			firsts = append(firsts, p.time)
		}
		tally[p.PayloadLen]++
		v["mean_tcp_len_"+d] += float64(p.PayloadLen) / n
		left := p.PayloadLen
		for left >= 1500 {
			v["bin_1500_len_"+d] += 1 / n
			left -= 1500
		}
		if left > 0 || p.PayloadLen == 0 {
			v[fmt.Sprintf("bin_%d_len_%s", left-left%100+100, d)] += 1 / n
		}
		if p.TCPFlags&packet.ACK != 0 {
			acks++
			if p.TCPFlags&packet.PSH != 0 {
				v["push_ratio_"+d]++
			}
		}
	}
	if acks > 0 {
		v["push_ratio_"+d] /= acks
	}
	if len(firsts) > 1 {
		v["mean_interval_"+d] = 0
	}
	for i := 1; i < len(firsts); i++ {
		us := math.Abs(float64(firsts[i]-firsts[i-1])) / 1000
		v["mean_interval_"+d] += us / float64(len(firsts)-1)
		for _, high := range []float64{1e3, 1e4, 1e5, 1e6} {
			if us < high {
				v[fmt.Sprintf("bin_%.0f_interval_%s", high, d)] += 1 / n
				break
			}
		}
	}
	var lengths []uint32
	for length := range tally {
		lengths = append(lengths, length)
	}
	slices.SortFunc(lengths, func(a, b uint32) int { return cmp.Or(cmp.Compare(tally[b], tally[a]), cmp.Compare(a, b)) })
	v["top1_tcp_len_"+d] = float64(lengths[0])
	if len(lengths) > 1 {
		v["top2_tcp_len_"+d] = float64(lengths[1])
	}
}

// exactlyShannon sums -p*log2(p).
func exactlyShannon(b []byte) (h float64) {
	counts := map[byte]float64{}
	for _, v := range b {
		counts[v]++
	}
	for c := 0; c < 256; c++ {
		if p := counts[byte(c)] / float64(len(b)); p > 0 && p < 1 {
			h -= p * math.Log2(p)
		}
	}
	return h
}

// scenario makes random packets of few hosts and ports, so that they meet; times jump and go back.
func scenario(rng *rand.Rand, n int) []seen {
	start := int64(1_700_000_000_000_000_000)
	if rng.Intn(4) == 0 {
		start = -int64(90 * time.Second) // across the epoch
	}
	now, clock := start, int64(math.MinInt64)
	hosts := 2 + rng.Intn(4)
	var in []seen
	for i := range n {
		switch r := rng.Intn(1000); {
		case r == 0:
			now += int64(rng.Intn(1300)) * int64(time.Second)
		case r < 20:
			now += int64(rng.Intn(20_000_000_000))
		case r < 500:
			now += int64(rng.Intn(3_000_000))
		}
		at := now
		if rng.Intn(40) == 0 {
			at -= int64(rng.Intn(2_000_000_000))
		}
		clock = max(clock, at)
		in = append(in, seen{Packet: randomPacket(rng, hosts), time: at, clock: clock, ordinal: uint64(3 * i)})
		p := &in[i]
		p.payload = make([]byte, p.PayloadCap)
		for j := range p.payload {
			p.payload[j] = byte(rng.Intn(1 + rng.Intn(256)))
		}
	}
	return in
}

func host(version uint8, n int) packet.Addr {
	if version == 4 {
		return packet.AddrFrom4([]byte{10, 0, byte(n >> 8), byte(n)})
	}
	return packet.AddrFrom16([]byte{0x20, 1, 0xd, 0xb8, 15: byte(n)})
}

func randomPacket(rng *rand.Rand, hosts int) (p packet.Packet) {
	p.Version, p.Proto = 4, packet.ProtoTCP
	if rng.Intn(3) == 0 {
		p.Version = 6
	}
	p.Src, p.Dst = host(p.Version, rng.Intn(hosts)), host(p.Version, rng.Intn(hosts))
	ports := []uint16{0, 80, 443, 8080, 40000, 50000}
	p.SrcPort, p.DstPort = ports[rng.Intn(len(ports))], ports[rng.Intn(len(ports))]
	p.TCPFlags = []uint8{packet.SYN, packet.SYN | packet.ACK, packet.ACK, packet.ACK, packet.ACK | packet.PSH, packet.PSH, packet.RST}[rng.Intn(7)]
	p.Seq = []uint32{math.MaxUint32 - 5, 0, 1 << 31, 1000}[rng.Intn(4)] + uint32(rng.Intn(12))
	p.PayloadLen = []uint32{0, 0, 1, 99, 100, 1448, 1499, 1500, 1501, 3000, 65000}[rng.Intn(11)]
	if rng.Intn(5) == 0 {
		p.PayloadLen = uint32(rng.Intn(2000))
	}
	p.PayloadCap = min(p.PayloadLen, uint32(rng.Intn(300)))
	if p.PayloadCap < p.PayloadLen {
		p.Flags |= packet.PayloadCut
	}
	p.Length = p.PayloadLen + 40
	switch rng.Intn(60) {
	case 0:
		p.Flags |= packet.FragFirst
	case 1:
		p.Flags |= packet.FragLater
	case 2:
		p.Flags |= packet.HeaderCut
	case 3:
		p.Flags |= packet.BadHeader
	case 4:
		p.Flags |= packet.NoLength
	case 5, 6:
		p.Proto = packet.ProtoUDP
	}
	return p
}

func randomConfig(rng *rand.Rand) Config {
	cfg := DefaultConfig()
	cfg.Packets = []int{1, 2, 3, 10, 50, 200}[rng.Intn(6)]
	cfg.Segment = []time.Duration{time.Second, 7 * time.Second, time.Minute, 10 * time.Minute}[rng.Intn(4)]
	if rng.Intn(2) == 0 {
		cfg.By = ByFlow
	}
	if rng.Intn(3) == 0 {
		cfg.Cut = CutTime
		cfg.Packets = maxPackets // so that nothing is forgotten
	}
	switch rng.Intn(4) {
	case 0:
		cfg.Clients = []string{"10.0.0.0/31", "2001:db8::1/128"}
	case 1:
		cfg.Clients = []string{"10.0.0.0/8", "10.0.0.1/32", "2001:db8::/126"}
	}
	if rng.Intn(2) == 0 {
		cfg.Groups = nil
		for _, g := range Groups() {
			if rng.Intn(2) == 0 {
				cfg.Groups = append(cfg.Groups, g)
			}
		}
	}
	return cfg
}

// feedAll gives the packets to shards by host pair, calls Advance now and then, and returns what comes out, shard by
// shard merged, with the counters summed.
func feedAll(t *testing.T, rng *rand.Rand, cfg Config, net Network, in []seen, shards int) ([]Window, Counters) {
	t.Helper()
	var out []Window
	var sum Counters
	for shard := range shards {
		w := New(cfg, net, shards, [4]uint64{rng.Uint64(), rng.Uint64(), rng.Uint64(), rng.Uint64()})
		var own []Window
		clock := int64(math.MinInt64)
		for i := range in {
			p := &in[i]
			clock = p.clock
			if int(packet.HashPair(p.Src, p.Dst))%shards == shard {
				given := p.Packet
				addOne(w, &given, p.time, p.clock, p.ordinal, p.payload)
				if given != p.Packet {
					t.Fatal("Add changed the packet")
				}
			}
			if rng.Intn(50) == 0 {
				own = advance(t, w, p.clock, own)
			}
		}
		w.Shutdown(clock)
		for more := true; more; {
			n := len(own)
			own, more = w.Drain(own, 1+rng.Intn(20))
			if more && len(own) == n {
				t.Fatal("Drain says that there is more and gives nothing")
			}
		}
		c := w.Counters()
		if c.Opened != c.Written+c.Dropped[Remainder]+c.Dropped[Evicted]+uint64(w.Open()) || w.Open() != 0 {
			t.Fatalf("the books do not balance: %+v, %d open", c, w.Open())
		}
		if !slices.IsSortedFunc(own, inOrder) {
			t.Fatal("windows are out of order")
		}
		out = append(out, own...)
		sum = add(sum, c)
	}
	slices.SortFunc(out, inOrder)
	return out, sum
}

func inOrder(a, b Window) int {
	return cmp.Or(cmp.Compare(a.Written, b.Written), cmp.Compare(a.Ordinal, b.Ordinal))
}

func add(a, b Counters) Counters {
	a.Opened += b.Opened
	a.Written += b.Written
	a.PairsEvicted += b.PairsEvicted
	a.Counted += b.Counted
	a.NotTCP += b.NotTCP
	a.Fragments += b.Fragments
	a.CutHeaders += b.CutHeaders
	a.Outside += b.Outside
	for i := range a.Dropped {
		a.Dropped[i] += b.Dropped[i]
	}
	return a
}

// advance checks that nothing comes that was due before it was said that all of it had come.
func advance(t *testing.T, w *Windower, clock int64, out []Window) []Window {
	t.Helper()
	settled, n := w.Settled(), len(out)
	out = w.Advance(clock, out)
	for _, r := range out[n:] {
		if r.Written < settled {
			t.Fatalf("a window due at %d after all before %d had come", r.Written, settled)
		}
	}
	if w.Settled() < settled || w.Settled() > clock {
		t.Fatalf("settled went from %d to %d at %d", settled, w.Settled(), clock)
	}
	return out
}

func TestWindowerEqualsTheModel(t *testing.T) {
	seeds := 120
	if testing.Short() {
		seeds = 30
	}
	windows, remainders := 0, 0
	for seed := range seeds {
		rng := rand.New(rand.NewSource(int64(seed)))
		in := scenario(rng, 100+rng.Intn(900))
		cfg := randomConfig(rng)
		if err := cfg.Validate(); err != nil {
			t.Fatal(err)
		}
		net := Network{ServerPorts: []uint16{8080}, MTU: 1500}
		m := model{cfg: cfg, servers: net.ServerPorts, mtu: net.MTU}
		want, dropped := m.windows(in)
		var first []Window
		for _, shards := range []int{1, 2, 5} {
			got, counters := feedAll(t, rng, cfg, net, in, shards)
			if !compareAll(t, got, want) {
				t.Fatalf("seed %d, %d shards, %+v", seed, shards, cfg)
			}
			if int(counters.Dropped[Remainder]) != dropped || counters.PairsEvicted != 0 {
				t.Fatalf("seed %d: got %d remainders, %d evicted, want %d, 0", seed, counters.Dropped[Remainder], counters.PairsEvicted, dropped)
			}
			if n := counters.Counted + counters.NotTCP + counters.Fragments + counters.CutHeaders + counters.Outside; int(n) != len(in) {
				t.Fatalf("seed %d: %d packets accounted for of %d", seed, n, len(in))
			}
			if first == nil {
				first = got
			} else if !slices.Equal(first, got) {
				t.Fatalf("seed %d: windows differ in the last bits with %d shards", seed, shards)
			}
		}
		windows += len(want)
		remainders += dropped
	}
	t.Logf("%d windows, %d remainders", windows, remainders)
}

// compareAll compares features to 1e-9 and everything else exactly.
func compareAll(t *testing.T, got, want []Window) bool {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("got %d windows, want %d", len(got), len(want))
		return false
	}
	for i := range got {
		g, w := got[i], want[i]
		for j := range g.Features {
			if near(g.Features[j], w.Features[j]) {
				g.Features[j] = w.Features[j]
			} else {
				t.Errorf("window %d: %s: got %v, want %v", i, Names()[j], g.Features[j], w.Features[j])
			}
		}
		if g != w {
			t.Errorf("window %d:\ngot  %+v\nwant %+v", i, g, w)
			return false
		}
	}
	return !t.Failed()
}

// addOne counts one packet, whose payload is what was captured of it.
func addOne(w *Windower, p *packet.Packet, time, clock int64, ordinal uint64, captured []byte) {
	w.Add([]Input{{p, time, clock, ordinal, payload.NewMeter().Entropy(captured)}})
}
