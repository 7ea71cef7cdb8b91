package blocklist

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/weir-sensor/weir/packet"
)

// Of 10^5 random addresses, the table finds what net/netip finds in a linear scan over the prefixes.
func TestTableAgainstLinearScan(t *testing.T) {
	for _, seed := range []uint64{1, 2, 3} {
		r := rand.New(rand.NewPCG(seed, 0))
		var lists []*List
		var want []given
		for i := range 3 {
			prefixes := randomPrefixes(r, 80)
			lists = append(lists, listOf(t, fmt.Sprint("list", i), prefixes))
			for line, p := range prefixes {
				want = append(want, given{i, line + 1, p})
			}
		}
		table := NewTable(lists)
		found := 0
		for range 100_000 / 3 {
			a := randomAddr(r)
			got := describe(table.Matches(nil, table.Find(addrOf(a), versionOf(a))))
			if want := scan(want, a); !slices.Equal(got, want) {
				t.Fatalf("seed %d: %s is in %v, want %v", seed, a, got, want)
			}
			if got != nil {
				found++
			}
		}
		if found < 1000 {
			t.Errorf("seed %d: only %d addresses were in a list", seed, found)
		}
	}
}

type given struct {
	list, line int
	prefix     netip.Prefix
}

// scan returns what contains an address, the longest prefix first, then the last list; of a list's equal ones the first.
func scan(all []given, a netip.Addr) (found []string) {
	var in []given
	for _, g := range all {
		if g.prefix.Contains(a) && !slices.ContainsFunc(in, func(o given) bool { return o.list == g.list && o.prefix == g.prefix }) {
			in = append(in, g)
		}
	}
	slices.SortFunc(in, func(a, b given) int {
		if a.prefix.Bits() != b.prefix.Bits() {
			return b.prefix.Bits() - a.prefix.Bits()
		}
		return b.list - a.list
	})
	for _, g := range in {
		found = append(found, fmt.Sprintf("list%d:%d %s", g.list, g.line, g.prefix))
	}
	return found
}

func describe(matches []Match) (all []string) {
	for _, m := range matches {
		all = append(all, fmt.Sprintf("%s:%d %s", m.List.Name, m.Line, m.Prefix))
	}
	return all
}

// randomPrefixes crowds prefixes of all lengths in few places, so that they are nested, equal and neighbours.
func randomPrefixes(r *rand.Rand, n int) (all []netip.Prefix) {
	for len(all) < n {
		a := randomAddr(r)
		bits := a.BitLen() - r.IntN(10)
		if r.IntN(4) == 0 {
			bits = a.BitLen() - r.IntN(a.BitLen()-15)
		}
		if p := netip.PrefixFrom(a, bits).Masked(); refused(p) == "" {
			all = append(all, p)
		}
	}
	return all
}

func randomAddr(r *rand.Rand) netip.Addr {
	if r.IntN(2) == 0 {
		return netip.AddrFrom4([4]byte{byte(1 + 50*r.IntN(4)), byte(r.IntN(2)), byte(r.IntN(2)), byte(r.IntN(256))})
	}
	b := [16]byte{0x20, byte(r.IntN(2)), 5: byte(r.IntN(2)), 7: byte(r.IntN(2)), 8: byte(255 * r.IntN(2)), 15: byte(r.IntN(256))}
	return netip.AddrFrom16(b)
}

func listOf(t testing.TB, name string, prefixes []netip.Prefix) *List {
	t.Helper()
	var text strings.Builder
	for _, p := range prefixes {
		fmt.Fprintln(&text, p)
	}
	l, err := Source{Name: name}.Read(strings.NewReader(text.String()))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// The addresses at both ends of every stretch, and those beside them.
func TestTableAtTheEdges(t *testing.T) {
	table := NewTable([]*List{listOf(t, "a", []netip.Prefix{
		netip.MustParsePrefix("1.0.0.0/8"), netip.MustParsePrefix("1.0.0.0/32"), netip.MustParsePrefix("1.255.255.255/32"),
		netip.MustParsePrefix("255.255.255.254/32"), netip.MustParsePrefix("fe00::/16"), netip.MustParsePrefix("fe00:0:ffff::/48"),
	})})
	for text, want := range map[string]int{
		"0.255.255.255": 0, "1.0.0.0": 2, "1.0.0.1": 1, "1.255.255.254": 1, "1.255.255.255": 3, "2.0.0.0": 0,
		"255.255.255.253": 0, "255.255.255.254": 4, "255.255.255.255": 0, "0.0.0.0": 0,
		"fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff": 0, "fe00::": 5, "fe00:0:fffe:ffff:ffff:ffff:ffff:ffff": 5,
		"fe00:0:ffff::": 6, "fe00:0:ffff:ffff:ffff:ffff:ffff:ffff": 6, "fe01::": 0, "::": 0, "ffff::": 0,
	} {
		a := netip.MustParseAddr(text)
		got := 0
		if all := table.Matches(nil, table.Find(addrOf(a), versionOf(a))); all != nil {
			got = all[0].Line
		}
		if got != want {
			t.Errorf("%s: line %d, want %d", text, got, want)
		}
	}
}

func TestEmptyTable(t *testing.T) {
	if got := NewTable(nil).Find(packet.Addr{}, 6) + NewTable(nil).Find(packet.AddrFrom4([]byte{1, 2, 3, 4}), 4); got != 0 {
		t.Errorf("an empty table finds %d", got)
	}
}

// A million prefixes take less than 100 MiB, lists included.
func TestMillionPrefixesFit(t *testing.T) {
	if testing.Short() {
		t.Skip("a million prefixes")
	}
	for name, l := range map[string]*List{"IPv4": million4(), "IPv6": million6()} {
		table := NewTable([]*List{l})
		if got := table.Bytes() >> 20; got >= 100 {
			t.Errorf("%s: %d prefixes take %d MiB, want less than 100", name, table.Prefixes(), got)
		}
	}
}

// million4 has a million random prefixes, nine of ten single addresses.
func million4() *List {
	l := &List{Source: Source{Name: "million"}}
	r := rand.New(rand.NewPCG(1, 2))
	for len(l.entries) < 1_000_000 {
		a := r.Uint32()
		bits := 32
		if r.IntN(10) == 0 {
			bits = 16 + r.IntN(16)
		}
		p := netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(a >> 24), byte(a >> 16), byte(a >> 8), byte(a)}), bits).Masked()
		add(l, p)
	}
	l.sort()
	return l
}

// million6 has a million random prefixes of 2000::/3, in 20,000 allocations.
func million6() *List {
	l := &List{Source: Source{Name: "million"}}
	r := rand.New(rand.NewPCG(1, 2))
	for len(l.entries) < 1_000_000 {
		add(l, netip.PrefixFrom(random6(r), 48+16*r.IntN(6)).Masked())
	}
	l.sort()
	return l
}

func random6(r *rand.Rand) netip.Addr {
	alloc := uint32(r.IntN(20_000)) * 2654435761
	return netip.AddrFrom16([16]byte{0x20 | byte(alloc>>27), byte(alloc >> 19), byte(alloc >> 11), byte(alloc >> 3), byte(r.Uint32()),
		byte(r.Uint32()), byte(r.Uint32()), byte(r.Uint32()), 8: byte(r.Uint32()), 9: byte(r.Uint32()), 15: byte(r.Uint32())})
}

func add(l *List, p netip.Prefix) {
	if refused(p) == "" {
		(&parser{list: l}).add(entry{line: uint32(len(l.entries) + 1)}, p)
	}
}

func BenchmarkFind(b *testing.B) {
	r := rand.New(rand.NewPCG(7, 7))
	for _, c := range []struct {
		name string
		list *List
		addr func() netip.Addr
	}{
		{"IPv4", million4(), func() netip.Addr {
			a := r.Uint32()
			return netip.AddrFrom4([4]byte{byte(a >> 24), byte(a >> 16), byte(a >> 8), byte(a)})
		}},
		{"IPv6", million6(), func() netip.Addr { return random6(r) }},
	} {
		table := NewTable([]*List{c.list})
		addrs := make([]packet.Addr, 1<<20)
		hits := make([]packet.Addr, 1<<20)
		var version uint8
		for i := range addrs {
			a := c.addr()
			addrs[i], version = addrOf(a), versionOf(a)
			hits[i] = c.list.entries[r.IntN(len(c.list.entries))].first
		}
		for name, addrs := range map[string][]packet.Addr{"random": addrs, "hits": hits} {
			b.Run(c.name+"/"+name, func(b *testing.B) {
				found, before := 0, cpuTime()
				for i := range b.N {
					if table.Find(addrs[i&(len(addrs)-1)], version) != 0 {
						found++
					}
				}
				b.ReportMetric(float64(found)/float64(b.N), "hits/op")
				b.ReportMetric(float64(b.N)/(cpuTime()-before).Seconds()/1e6, "M/cpu-s")
			})
		}
		b.Run(c.name+"/build", func(b *testing.B) {
			for range b.N {
				NewTable([]*List{c.list})
			}
			b.ReportMetric(float64(table.Bytes())/(1<<20), "MiB")
		})
	}
}

// cpuTime is what the process has used: on a busy machine it tells more than the time that passes.
func cpuTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
