package sensor_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
)

// oracleKey is one direction of a flow: what other tools' answers are keyed by. Ports are 0 where there are none.
type oracleKey struct {
	proto            uint8
	src, dst         netip.Addr
	srcPort, dstPort uint16
}

func (k oracleKey) String() string {
	return fmt.Sprintf("%d %v %d %v %d", k.proto, k.src, k.srcPort, k.dst, k.dstPort)
}

// total is what was counted under a key: frames and their bytes on the wire.
type total struct{ packets, bytes uint64 }

func (t total) plus(u total) total  { return total{t.packets + u.packets, t.bytes + u.bytes} }
func (t total) minus(u total) total { return total{t.packets - u.packets, t.bytes - u.bytes} }

// captureAnswer is what the other tools say of one capture.
type captureAnswer struct {
	tshark   map[oracleKey]total
	ndpi     map[oracleKey]total
	later    map[oracleKey]total // tshark's later fragments, without ports
	enclosed total               // tshark: frames with more than one IP header, by no key
	nonIP    total
}

// protoOf reads a protocol by tshark's or nDPI's name.
func protoOf(t testing.TB, name string) uint8 {
	switch name {
	case "tcp", "TCP":
		return 6
	case "udp", "UDP":
		return 17
	case "sctp", "SCTP":
		return 132
	case "ICMP":
		return 1
	case "ICMPV6":
		return 58
	case "IGMP":
		return 2
	case "ESP":
		return 50
	case "AH":
		return 51
	case "OSPF":
		return 89
	case "PIM":
		return 103
	}
	n, err := strconv.ParseUint(strings.TrimPrefix(name, "ip"), 10, 8)
	if err != nil {
		t.Fatalf("protocol %q: %v", name, err)
	}
	return uint8(n)
}

// parseKey reads protocol, source, its port, destination, its port.
func parseKey(t testing.TB, f []string) oracleKey {
	// An address that is not there (the header was cut off), or is written wrong, is the zero value: no one's.
	src, _ := netip.ParseAddr(f[1])
	dst, _ := netip.ParseAddr(f[3])
	return oracleKey{protoOf(t, f[0]), src, dst, uint16(number(t, f[2])), uint16(number(t, f[4]))}
}

// number reads a count; empty is 0.
func number(t testing.TB, s string) uint64 {
	if s == "" {
		return 0
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// answers reads what tshark and nDPI say of each capture.
func answers(t testing.TB, data string) map[string]*captureAnswer {
	all := map[string]*captureAnswer{}
	of := func(path string) *captureAnswer {
		if all[path] == nil {
			all[path] = &captureAnswer{tshark: map[oracleKey]total{}, ndpi: map[oracleKey]total{}, later: map[oracleKey]total{}}
		}
		return all[path]
	}
	zipped, err := os.ReadFile(filepath.Join(data, "oracle", "tshark_dirs.tsv.gz"))
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range oracleRows(t, unzip(t, zipped)) {
		a, n := of(row[0]), total{number(t, row[7]), number(t, row[8])}
		switch {
		case row[1] == "nonip":
			a.nonIP = n
		case row[1] == "tunnel_or_icmp_quote":
			a.enclosed = n
		case row[6] == "frag":
			k := parseKey(t, row[1:])
			a.later[k] = a.later[k].plus(n)
		default:
			k := parseKey(t, row[1:])
			a.tshark[k] = a.tshark[k].plus(n)
		}
	}
	text, err := os.ReadFile(filepath.Join(data, "oracle", "ndpi_flows.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range oracleRows(t, string(text)) {
		a, k := of(row[0]), parseKey(t, row[2:])
		back := oracleKey{k.proto, k.dst, k.src, k.dstPort, k.srcPort}
		if n := (total{number(t, row[8]), number(t, row[9])}); n.packets > 0 {
			a.ndpi[k] = a.ndpi[k].plus(n)
		}
		if n := (total{number(t, row[10]), number(t, row[11])}); n.packets > 0 {
			a.ndpi[back] = a.ndpi[back].plus(n)
		}
	}
	return all
}

func unzip(t testing.TB, zipped []byte) string {
	r, err := gzip.NewReader(bytes.NewReader(zipped))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// comparison sums up what was compared over all captures.
type comparison struct {
	sync.Mutex
	captures  int
	twoTools  int // directed 5-tuples of which tshark and nDPI say the same
	oneTool   int // those that tshark alone has, or has otherwise than nDPI
	pooled    int // of these: equal as sums over the address pair
	enclosing int // of these: equal with the capture's frames of several IP headers
	listed    int // of these: different for a known reason
	known     map[string]string
	used      map[string]bool
}

// TestTotalsEqualOtherTools compares packets and frame bytes per directed 5-tuple with those of tshark and nDPI.
func TestTotalsEqualOtherTools(t *testing.T) {
	t.Parallel()
	data := oracleData(t)
	all := answers(t, data)
	c := comparison{known: exceptions(t, "totals.tsv"), used: map[string]bool{}}
	sideBySide(manifest(t, data), func(path string) {
		if all[path] == nil {
			return
		}
		opt := neverEnding()
		opt.Decode.Checksums = len(path)%2 == 0 // must not matter
		records, _, err := runFile(filepath.Join(data, path), opt)
		if err != nil && !notCapture(err) {
			t.Errorf("%s: %v", path, err)
			return
		}
		c.Lock()
		defer c.Unlock()
		c.compare(t, path, all[path], totals(records))
	})
	t.Logf("%d captures: %d directed 5-tuples of tshark and nDPI, %d of tshark alone (%d of them equal as sums over the "+
		"address pair, %d with the frames of several IP headers); %d differ for a reason", c.captures, c.twoTools, c.oneTool,
		c.pooled, c.enclosing, c.listed)
	for key, reason := range c.known {
		if !c.used[key] {
			t.Errorf("%s: agrees, though listed as different: %s", key, reason)
		}
	}
	if c.twoTools < 3000 || c.oneTool < 19000 {
		t.Error("too little compared")
	}
}

// totals sums the records up by directed 5-tuple.
func totals(records []flowtable.Record) map[oracleKey]total {
	sums := map[oracleKey]total{}
	for i := range records {
		r := &records[i]
		for d, k := range directions(r) {
			if r.Packets[d] > 0 {
				sums[k] = sums[k].plus(total{r.Packets[d], r.WireBytes[d]})
			}
		}
	}
	return sums
}

// compare compares one capture. A key of which both tools say the same must be equal; others may be listed.
func (c *comparison) compare(t *testing.T, path string, a *captureAnswer, mine map[oracleKey]total) {
	c.captures++
	left := map[oracleKey]bool{} // keys that differ
	for k, want := range a.tshark {
		agreed := a.ndpi[k] == want
		if agreed {
			c.twoTools++
		} else {
			c.oneTool++
		}
		switch {
		case mine[k] == want:
		case agreed:
			t.Errorf("%s\t%v\t%v of tshark and nDPI, %v here", path, k, want, mine[k]) // no excuse is listed for these
		default:
			left[k] = true
		}
	}
	for k := range mine {
		if _, ok := a.tshark[k]; !ok {
			left[k] = true
		}
	}
	c.pool(a, mine, left)
	c.enclose(a, mine, left)
	for k := range left {
		c.differs(t, path, k, fmt.Sprintf("%v of tshark, %v here, %v of nDPI", a.tshark[k], mine[k], a.ndpi[k]))
	}
}

// differs reports a difference that is not listed for the key or the whole capture.
func (c *comparison) differs(t *testing.T, path string, k oracleKey, what string) {
	for _, key := range []string{path + "\t" + k.String(), path + "\t*"} {
		if _, ok := c.known[key]; ok {
			c.used[key] = true
			c.listed++
			return
		}
	}
	t.Errorf("%s\t%v\t%s", path, k, what)
}

// pool strikes out keys that are equal as sums over the address pair. tshark's table names some packets otherwise: later
// fragments have no ports (here: those of their first), the protocol of IPv6 is that of the first header behind IPv6's own
// (here: the transport's), and a transport header that it did not dissect has no ports.
func (c *comparison) pool(a *captureAnswer, mine map[oracleKey]total, left map[oracleKey]bool) {
	named := map[oracleKey]bool{} // pairs with such packets
	want, got := map[oracleKey]total{}, map[oracleKey]total{}
	for k, n := range a.later {
		named[pair(k)] = true
		want[pair(k)] = want[pair(k)].plus(n)
	}
	for k, n := range a.tshark {
		if isExtension(k.proto) || hasPorts(k.proto) && k.srcPort == 0 && k.dstPort == 0 {
			named[pair(k)] = true
		}
		want[pair(k)] = want[pair(k)].plus(n)
	}
	for k, n := range mine {
		got[pair(k)] = got[pair(k)].plus(n)
	}
	for k := range left {
		if p := pair(k); named[p] && want[p] == got[p] {
			delete(left, k)
			if _, ok := a.tshark[k]; ok {
				c.pooled++
			}
		}
	}
}

// enclose strikes all keys out where what is counted here and not by key in tshark's table is, in packets and bytes, its
// sum of the frames with more than one IP header and of the later fragments.
func (c *comparison) enclose(a *captureAnswer, mine map[oracleKey]total, left map[oracleKey]bool) {
	more, want := total{}, a.enclosed
	for k, n := range a.later {
		if slices.ContainsFunc(slices.Collect(maps.Keys(left)), func(l oracleKey) bool { return pair(l) == pair(k) }) {
			want = want.plus(n)
		}
	}
	for k := range left {
		if mine[k].packets < a.tshark[k].packets {
			return
		}
		more = more.plus(mine[k].minus(a.tshark[k]))
	}
	if a.enclosed.packets == 0 || more != want {
		return
	}
	for k := range left {
		if _, ok := a.tshark[k]; ok {
			c.enclosing++
		}
	}
	clear(left)
}

// pair is the key's addresses alone.
func pair(k oracleKey) oracleKey { return oracleKey{src: k.src, dst: k.dst} }

// isExtension: hop-by-hop options, routing, fragment, authentication, destination options, mobility.
func isExtension(proto uint8) bool { return slices.Contains([]uint8{0, 43, 44, 51, 60, 135}, proto) }

func hasPorts(proto uint8) bool {
	return slices.Contains([]uint8{packet.ProtoTCP, packet.ProtoUDP, packet.ProtoSCTP}, proto)
}
