package summary

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
)

func addr(n int) packet.Addr {
	return packet.AddrFrom4([]byte{192, 0, byte(n >> 8), byte(n)})
}

func record(rng *rand.Rand, ordinal uint64) flowtable.Record {
	start := rng.Int64N(1e12)
	return flowtable.Record{
		Client: addr(rng.IntN(40)), Server: addr(rng.IntN(40)), Version: 4,
		ClientPort: 50000, ServerPort: uint16(rng.IntN(20)), Proto: []uint8{packet.ProtoTCP, packet.ProtoUDP, packet.ProtoICMP}[rng.IntN(3)],
		Start: start, End: start + rng.Int64N(50)*1e9,
		Packets: [2]uint64{1, rng.Uint64N(100)}, Bytes: [2]uint64{rng.Uint64N(1000), rng.Uint64N(1000)}, Ordinal: ordinal,
	}
}

// The tables are what sorting everything would give.
func TestTablesEqualPlainSums(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	s := New()
	var records []flowtable.Record
	sums := map[string]uint64{}  // bytes by address
	ports := map[string]uint64{} // bytes by port and protocol
	for i := range 5000 {
		r := record(rng, uint64(i))
		records = append(records, r)
		total := r.Bytes[0] + r.Bytes[1]
		sums[r.Client.Netip(4).String()] += total
		if r.Client != r.Server {
			sums[r.Server.Netip(4).String()] += total
		}
		key := fmt.Sprint(r.Proto, " ", r.ServerPort)
		if r.Proto == packet.ProtoICMP {
			key = fmt.Sprint(r.Proto, " ", 0)
		}
		ports[key] += total
	}
	for part := range slices.Chunk(records, 777) {
		if err := s.Flows(part); err != nil {
			t.Fatal(err)
		}
	}
	last := ^uint64(0)
	for _, h := range s.talkers() {
		got := h.sent + h.received
		if want := sums[h.addr.String()]; got != want {
			t.Errorf("%s: got %d bytes, want %d", h.addr, got, want)
		}
		if got > last {
			t.Errorf("%s: %d bytes after %d, want falling numbers", h.addr, got, last)
		}
		last = got
		delete(sums, h.addr.String())
	}
	for a, n := range sums {
		if n > last {
			t.Errorf("%s with %d bytes is missing from the table, which ends with %d", a, n, last)
		}
	}
	for _, p := range s.services() {
		if got, want := p.bytes, ports[fmt.Sprint(p.proto, " ", p.number)]; got != want {
			t.Errorf("port %d/%d: got %d bytes, want %d", p.number, p.proto, got, want)
		}
	}
	slices.SortStableFunc(records, func(a, b flowtable.Record) int { return int((b.End-b.Start)/1e9 - (a.End-a.Start)/1e9) })
	for i, r := range s.longest.sorted() {
		if r.Ordinal != records[i].Ordinal {
			t.Errorf("longest flow %d: got ordinal %d, want %d", i, r.Ordinal, records[i].Ordinal)
		}
	}
}

func TestMemoryIsBounded(t *testing.T) {
	s := New()
	for i := range maxHosts + 1000 {
		r := flowtable.Record{
			Client: packet.Addr{Hi: 1, Lo: uint64(i)}, Server: packet.Addr{Hi: 2}, Version: 6, Packets: [2]uint64{1, 0}, Bytes: [2]uint64{10, 0},
		}
		if err := s.Flows([]flowtable.Record{r}); err != nil {
			t.Fatal(err)
		}
	}
	if got := len(s.hosts); got != maxHosts {
		t.Errorf("got %d addresses, want %d", got, maxHosts)
	}
	if got, want := s.others.sent, uint64(10*1001); got != want { // one place is the server's
		t.Errorf("others: got %d bytes, want %d", got, want)
	}
	var text strings.Builder
	if err := s.Print(&text, Ledger{}); err != nil || !strings.Contains(text.String(), "(beyond the first 131,072 addresses)") {
		t.Errorf("got %v and no word of the others", err)
	}
}

func TestPrint(t *testing.T) {
	s := New()
	start := time.Date(2026, 11, 20, 23, 37, 0, 0, time.UTC).UnixNano()
	err := s.Flows([]flowtable.Record{{
		Client: addr(1), Server: addr(2), Version: 4, ClientPort: 50000, ServerPort: 443, Proto: packet.ProtoTCP, State: flowtable.Closed,
		Start: start, End: start + 83*1e9, Packets: [2]uint64{1000, 2000}, Bytes: [2]uint64{123456, 7890123},
	}})
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	ledger := Ledger{
		Packets: 3100, WireBytes: 8100000, Fates: []Count{{"flow", 3000}, {"non_ip", 100}}, Remarks: []Count{{"late", 0}, {"fragments", 7}},
		Written: map[string]uint64{"end": 1, "idle": 0},
	}
	if err := s.Print(&got, ledger); err != nil {
		t.Fatal(err)
	}
	want := `3,100 packets, 8.1 MB on the wire, 2026-11-20 23:37:00Z, over 1m23s
  of them: flow 3,000, non_ip 100
  in flows: fragments 7
1 flow records: end 1

top talkers, by bytes
  address    sent     received  packets  flows
  192.0.0.1  123 kB   7.89 MB   3,000    1
  192.0.0.2  7.89 MB  123 kB    3,000    1

top ports, by bytes
  server port  bytes    packets  flows
  443/tcp      8.01 MB  3,000    1

longest flows
  client           server             duration  bytes    packets  state   start
  192.0.0.1:50000  192.0.0.2:443 tcp  1m23s     8.01 MB  3,000    closed  2026-11-20 23:37:00Z
`
	if got.String() != want {
		t.Errorf("got\n%s\nwant\n%s", got.String(), want)
	}
}

func TestSize(t *testing.T) {
	for n, want := range map[uint64]string{0: "0 B", 999: "999 B", 1000: "1 kB", 1234: "1.23 kB", 999_499: "999 kB", 999_500: "1 MB",
		1_994_999_999: "1.99 GB", 1<<64 - 1: "18.4 EB"} {
		if got := size(n); got != want {
			t.Errorf("%d: got %q, want %q", n, got, want)
		}
	}
}

func TestEndpointOfIPv6(t *testing.T) {
	r := flowtable.Record{Proto: packet.ProtoUDP}
	if got, want := endpoint(&r, netip.MustParseAddr("2001:db8::1"), 53), "[2001:db8::1]:53"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
