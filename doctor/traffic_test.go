package doctor

import (
	"bytes"
	"encoding/binary"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/weir-sensor/weir/capture"
	"github.com/weir-sensor/weir/capture/pcapfile"
)

// packetOf is a frame with its bytes.
type packetOf struct {
	capture.Frame
	bytes []byte
}

// demo returns the packets of the demo capture: Ethernet, 11534 packets, all of them IP, seen in both directions.
func demo(t *testing.T) (all []packetOf) {
	t.Helper()
	src, err := pcapfile.Open([]string{"../testdata/demo.pcap.gz"}, pcapfile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	b := capture.Batch{Frames: make([]capture.Frame, 0, 1024)}
	for {
		err := src.Read(&b)
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		for i := range b.Frames {
			all = append(all, packetOf{b.Frames[i], bytes.Clone(b.Bytes(i))})
		}
	}
}

func watched(opt Options, all []packetOf) *Traffic {
	t := NewTraffic(opt)
	for i := range all {
		t.Add(&all[i].Frame, all[i].bytes)
	}
	return t
}

// What tshark counts in the demo capture.
const (
	largerThan1400 = 1667  // ip.len > 1400 or ipv6.plen > 1360
	longerThan86   = 4042  // ip.len > 86 or ipv6.plen > 46
	connections    = 1147  // -z conv,tcp
	distinct       = 10285 // (ip and ip.id != 0) or tcp.len > 0 or udp.length > 8 or icmp or icmpv6
)

var ethernet = Options{MTU: 1500}

// only returns the one finding, and fails where there are others.
func only(t *testing.T, found []Finding, name string) Finding {
	t.Helper()
	if len(found) != 1 || found[0].Name != name {
		t.Fatalf("got %+v, want %s alone", found, name)
	}
	f := found[0]
	if f.Seen == "" || f.Effect == "" || f.Mend == "" || f.Numbers == nil {
		t.Errorf("%s: got %+v, want everything said", name, f)
	}
	return f
}

// checkNumbers compares the numbers of a finding, to 1e-9.
func checkNumbers(t *testing.T, f Finding, want map[string]float64) {
	t.Helper()
	for name, n := range want {
		if got, ok := f.Numbers[name]; !ok || math.Abs(got-n) > 1e-9 {
			t.Errorf("%s: %s: got %v, want %v", f.Name, name, got, n)
		}
	}
}

// A capture without any distortion has no finding; its numbers are those of tshark.
func TestSoundCapture(t *testing.T) {
	traffic := watched(ethernet, demo(t))
	if found := traffic.Findings(nil); len(found) != 0 || Distorts(found) || found == nil {
		t.Errorf("got %+v, want none", found)
	}
	if traffic.Packets() != 11534 || traffic.IP() != 11534 || traffic.Connections() != connections {
		t.Errorf("got %d packets, %d of IP, %d connections, want 11534 and %d", traffic.Packets(), traffic.IP(), traffic.Connections(), connections)
	}
}

// With a smaller MTU, the longer packets are segments.
func TestLargeSegments(t *testing.T) {
	all := demo(t)
	f := only(t, watched(Options{MTU: 1400}, all).Findings(nil), LargeSegments)
	checkNumbers(t, f, map[string]float64{"packets": largerThan1400, "own": 0, "mtu": 1400, "share": largerThan1400 / 11534.})
	// Those whose source is the capturing interface were sent by this host.
	var own float64
	mac := all[0].bytes[6:12]
	for _, p := range all {
		if p.Wire > 1414 && bytes.Equal(p.bytes[6:12], mac) {
			own++
		}
	}
	f = only(t, watched(Options{MTU: 1400, MAC: mac}, all).Findings(nil), LargeSegments)
	checkNumbers(t, f, map[string]float64{"packets": largerThan1400, "own": own})
}

// A capture of one direction alone, that of whoever has the larger address: connections in which it acknowledges four
// times or more show that there was an answer.
func TestOneWay(t *testing.T) {
	var half []packetOf
	for _, p := range demo(t) {
		src, dst := p.bytes[26:30], p.bytes[30:34]
		if p.bytes[12] == 0x86 {
			src, dst = p.bytes[22:38], p.bytes[38:54]
		}
		if bytes.Compare(src, dst) > 0 {
			half = append(half, p)
		}
	}
	f := only(t, watched(ethernet, half).Findings(nil), OneWay)
	if f.Numbers["share"] != 1 || f.Numbers["one_way"] < 100 || f.Severity != Warning {
		t.Errorf("got %+v, want all of more than a hundred connections", f)
	}
}

// A scan has no answers, and is no fault of the mirror.
func TestScanIsNotOneWay(t *testing.T) {
	traffic := NewTraffic(ethernet)
	for port := range 1000 {
		for try, flags := range []byte{2, 2, 2, 4, 4} { // SYN, RST
			p := tcp(uint16(port), flags, uint16(10*port+try))
			traffic.Add(&p.Frame, p.bytes)
		}
	}
	if found := traffic.Findings(nil); len(found) != 0 {
		t.Errorf("got %+v, want none", found)
	}
}

// tcp is a segment without payload of 192.0.2.1 to 198.51.100.1, padded to 60 bytes.
func tcp(port uint16, flags byte, id uint16) packetOf {
	b := append(make([]byte, 12), 8, 0, 0x45, 0, 0, 40)
	b = binary.BigEndian.AppendUint16(b, id)
	b = append(b, 0, 0, 64, 6, 0, 0, 192, 0, 2, 1, 198, 51, 100, 1, 0x30, 0x39)
	b = binary.BigEndian.AppendUint16(b, port)
	b = append(b, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, flags, 1, 0, 0, 0, 0, 0)
	b = append(b, make([]byte, 60-len(b))...)
	return packetOf{capture.Frame{Len: 60, Wire: 60, Link: 1}, b}
}

// Every packet twice, 1 ms apart, then 11 ms apart, then with a router in between.
func TestDuplicates(t *testing.T) {
	all := demo(t)
	twice := func(apart time.Duration, change func(*packetOf)) (double []packetOf) {
		at := int64(0)
		for _, p := range all {
			at += int64(time.Second) // far from each other, and from equal ones
			p.Time = at
			again := packetOf{p.Frame, bytes.Clone(p.bytes)}
			again.Time += int64(apart)
			change(&again)
			double = append(double, p, again)
		}
		return double
	}
	as := func(*packetOf) {}
	f := only(t, watched(ethernet, twice(time.Millisecond, as)).Findings(nil), Duplicates)
	checkNumbers(t, f, map[string]float64{"packets": distinct, "share": 0.5, "routed": 0})
	if !strings.Contains(f.Mend, "capture.dedup=true") {
		t.Errorf("got mend %s", f.Mend)
	}
	if found := watched(ethernet, twice(11*time.Millisecond, as)).Findings(nil); len(found) != 0 {
		t.Errorf("11 ms apart: got %+v, want none", found)
	}
	f = only(t, watched(ethernet, twice(time.Millisecond, func(p *packetOf) {
		if p.bytes[12] == 8 { // IPv4: the hop count, and the checksum
			p.bytes[22]--
			p.bytes[24] ^= 0x55
		} else {
			p.bytes[21]--
		}
	})).Findings(nil), Duplicates)
	checkNumbers(t, f, map[string]float64{"packets": distinct, "routed": distinct})
	if strings.Contains(f.Mend, "dedup=true") {
		t.Errorf("routed: got mend %s, which keeps them", f.Mend)
	}
}

// Packets cut at 100 bytes, by the capture and by the mirror.
func TestCutPackets(t *testing.T) {
	all := demo(t)
	for i := range all {
		p := &all[i]
		p.Len = min(p.Len, 100)
		p.bytes = p.bytes[:p.Len]
	}
	f := only(t, watched(ethernet, all).Findings(nil), CutPackets)
	checkNumbers(t, f, map[string]float64{"packets": longerThan86, "cut_on_wire": 0, "longest": 100})
	for i := range all {
		all[i].Wire = all[i].Len
	}
	f = only(t, watched(ethernet, all).Findings(nil), CutPackets)
	checkNumbers(t, f, map[string]float64{"packets": longerThan86, "cut_on_wire": longerThan86})
}

// VLAN tags in one direction alone; in both, or in none, is as it should be. Frames of 56 bytes lost a tag.
func TestStrippedVLAN(t *testing.T) {
	tag := func(p packetOf) packetOf {
		b := append(append(bytes.Clone(p.bytes[:12]), 0x81, 0, 0, 7), p.bytes[12:]...)
		p.Len, p.Wire, p.bytes = p.Len+4, p.Wire+4, b
		return p
	}
	for _, test := range []struct {
		name        string
		up, down    bool
		wantFinding bool
	}{{"up", true, false, true}, {"down", false, true, true}, {"both", true, true, false}, {"none", false, false, false}} {
		var all []packetOf
		for _, p := range demo(t) {
			source := p.bytes[26:34]
			if p.bytes[12] == 0x86 {
				source = p.bytes[22:54]
			}
			up := bytes.Compare(source[:len(source)/2], source[len(source)/2:]) > 0
			if up && test.up || !up && test.down {
				p = tag(p)
			}
			all = append(all, p)
		}
		found := watched(ethernet, all).Findings(nil)
		if !test.wantFinding {
			if len(found) != 0 {
				t.Errorf("%s: got %+v, want none", test.name, found)
			}
			continue
		}
		f := only(t, found, StrippedVLAN)
		if n := f.Numbers["connections"]; n < 500 || f.Numbers["half_tagged"] != n {
			t.Errorf("%s: got %+v, want all of the connections", test.name, f)
		}
	}
	for _, length := range []uint32{60, 56} {
		var all []packetOf
		for id := range 20 {
			p := tcp(80, 2, uint16(id)+1)
			p.Len, p.Wire = length, length
			p.bytes = p.bytes[:length]
			all = append(all, p)
		}
		if found := watched(ethernet, all).Findings(nil); len(found) != 0 != (length == 56) {
			t.Errorf("frames of %d bytes: got %+v", length, found)
		}
	}
}

// Time that goes back: a little is the card's doing, more is the clock's.
func TestClockSteps(t *testing.T) {
	all := demo(t)
	all[500].Time = all[499].Time - int64(9*time.Millisecond)
	if found := watched(ethernet, all).Findings(nil); len(found) != 0 {
		t.Errorf("9 ms back: got %+v, want none", found)
	}
	for i := 500; i < len(all); i++ {
		all[i].Time -= int64(time.Hour)
	}
	all[500].Time = all[499].Time - int64(time.Hour)
	f := only(t, watched(ethernet, all).Findings(nil), ClockSteps)
	checkNumbers(t, f, map[string]float64{"steps": 1, "farthest_seconds": 3600})
}

// Frames of a link type that nobody reads are worse than a distortion, and stand first.
func TestUnknownLink(t *testing.T) {
	all := demo(t)
	for i := range all {
		if all[i].Link = 250; i%2 == 0 {
			all[i].Link = 1
			all[i].Len = min(all[i].Len, 60)
			all[i].bytes = all[i].bytes[:all[i].Len]
		}
	}
	found := watched(ethernet, all).Findings(nil)
	if len(found) < 2 || found[0].Name != UnknownLink || found[0].Severity != Error {
		t.Fatalf("got %+v, want %s first", found, UnknownLink)
	}
	checkNumbers(t, found[0], map[string]float64{"packets": 5767, "link_type": 250})
}

// An empty capture is no sound one.
func TestEmptyCapture(t *testing.T) {
	only(t, NewTraffic(ethernet).Findings(nil), Silence)
}

// Frames that are rubbish change nothing but the count; nothing panics.
func TestRubbish(t *testing.T) {
	traffic := NewTraffic(Options{MTU: 68, MAC: make([]byte, 6)})
	for _, p := range demo(t)[:2000] {
		for n := range min(len(p.bytes), 80) {
			f := p.Frame
			f.Len = uint32(n)
			for _, f.Link = range []uint16{0, 1, 9, 12, 101, 113, 192, 276, 999} {
				traffic.Add(&f, p.bytes[:n:n])
			}
		}
	}
}

// However many connections: only so many are remembered.
func TestFlowsAreBounded(t *testing.T) {
	traffic := NewTraffic(ethernet)
	for i := range maxFlows + 100 {
		p := tcp(80, 16, 0)
		binary.BigEndian.PutUint32(p.bytes[26:], uint32(i))
		traffic.Add(&p.Frame, p.bytes)
	}
	if traffic.Connections() != maxFlows || traffic.flows.unwatched != 100 {
		t.Errorf("got %d connections, %d packets left out, want %d and 100", traffic.Connections(), traffic.flows.unwatched, maxFlows)
	}
}

// Add allocates nothing for a packet of a known connection.
func TestAddAllocatesNothing(t *testing.T) {
	all := demo(t)
	traffic := watched(ethernet, all)
	if n := testing.AllocsPerRun(10, func() {
		for i := range all[:1000] {
			traffic.Add(&all[i].Frame, all[i].bytes)
		}
	}); n != 0 {
		t.Errorf("got %v allocations for 1000 packets, want none", n)
	}
}
