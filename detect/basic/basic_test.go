package basic

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
)

type sink struct{ alerts []detect.Alert }

func (s *sink) Alerts(a []detect.Alert) error {
	s.alerts = append(s.alerts, a...)
	return nil
}

func judge(t testing.TB, cfg Config, group int, flows ...detect.Flow) []detect.Alert {
	t.Helper()
	var got sink
	e := detect.NewEngine(detect.DefaultConfig(), []detect.Detector{New(cfg)}, &got)
	for part := range slices.Chunk(flows, group) {
		e.Judge(part)
		if err := e.Advance(part[len(part)-1].Time); err != nil {
			t.Fatal(err)
		}
		if err := e.Flush(); err != nil { // else the engine gathers groups
			t.Fatal(err)
		}
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	return got.alerts
}

// kinds lists what was found as "ID role subject", in order.
func kinds(alerts []detect.Alert) string {
	var all []string
	for _, a := range alerts {
		id := a.Message[strings.Index(a.Message, "(B")+1:][:3]
		all = append(all, fmt.Sprintf("%s %s %s", id, a.Role, a.Subject))
	}
	return strings.Join(all, ", ")
}

// flowOf is an ordinary flow, changed by edit.
func flowOf(proto uint8, from, to string, edit func(r *flowtable.Record)) detect.Flow {
	client, server := netip.MustParseAddrPort(from), netip.MustParseAddrPort(to)
	a, b := client.Addr().As16(), server.Addr().As16()
	r := &flowtable.Record{ID: 1, Version: 6, Proto: proto, Client: packet.AddrFrom16(a[:]), Server: packet.AddrFrom16(b[:]),
		ClientPort: client.Port(), ServerPort: server.Port(), Packets: [2]uint64{4, 4}, Bytes: [2]uint64{400, 900}, Payload: [2]uint64{200, 700},
		State: flowtable.Established}
	if client.Addr().Is4() {
		r.Version = 4
	}
	if proto == packet.ProtoTCP {
		r.ConnState, r.State = flowtable.SF, flowtable.Closed
		r.TCPFlags = [2]uint8{packet.SYN | packet.ACK | packet.PSH | packet.FIN, packet.SYN | packet.ACK | packet.FIN}
	}
	if edit != nil {
		edit(r)
	}
	return detect.Flow{Record: r, Time: 1e9}
}

// oneWay leaves nothing but n packets of the client.
func oneWay(n uint64, flags uint8) func(r *flowtable.Record) {
	return func(r *flowtable.Record) {
		r.Packets, r.Bytes, r.Payload = [2]uint64{n, 0}, [2]uint64{40 * n, 0}, [2]uint64{}
		r.TCPFlags, r.State, r.ConnState = [2]uint8{flags, 0}, flowtable.New, flowtable.OTH
	}
}

const (
	tcp  = packet.ProtoTCP
	udpP = packet.ProtoUDP
	igmp = 2
)

// Each rule, and what nearly breaks it.
func TestRules(t *testing.T) {
	const in, out = "10.0.0.1:40000", "192.0.2.1:443"
	// history packs letters as flowtable does: their places, five bits each.
	history := func(letters string) func(r *flowtable.Record) {
		return func(r *flowtable.Record) {
			for i := range letters {
				r.History[0] |= uint64(strings.IndexByte("SsHhAaDdFfRrCcGgTtWwIiQq", letters[i])+1) << (5 * i)
			}
			if got := string(r.History.Append(nil)); got != letters {
				t.Fatalf("history %q is %q", letters, got)
			}
		}
	}
	for _, c := range []struct {
		name, want string
		flow       detect.Flow
	}{
		{"ordinary TCP", "", flowOf(tcp, in, out, nil)},
		{"ordinary UDP", "", flowOf(udpP, in, out, nil)},

		{"TCP port 0", "B01 client 10.0.0.1", flowOf(tcp, in, "192.0.2.1:0", nil)},
		{"UDP from port 0", "B01 client 10.0.0.1", flowOf(udpP, "10.0.0.1:0", out, nil)},
		{"UDP from 0 to 0", "B01 client 10.0.0.1", flowOf(udpP, "10.0.0.1:0", "192.0.2.1:0", func(r *flowtable.Record) {
			r.Packets, r.Bytes, r.Payload = [2]uint64{2, 0}, [2]uint64{100, 0}, [2]uint64{44, 0}
		})},
		{"UDP fragments", "", flowOf(udpP, "10.0.0.1:0", "192.0.2.1:0", func(r *flowtable.Record) {
			r.Packets, r.Bytes, r.Payload = [2]uint64{2, 0}, [2]uint64{100, 0}, [2]uint64{60, 0}
		})},
		{"TCP fragments", "", flowOf(tcp, "10.0.0.1:0", "192.0.2.1:0", oneWay(2, 0))},
		{"ICMP echo", "", flowOf(packet.ProtoICMP, "10.0.0.1:8", "192.0.2.1:0", nil)},

		{"Tor", "B02 network ", flowOf(tcp, in, "192.0.2.1:9001", nil)},
		{"Tor's port is the client's", "", flowOf(tcp, "10.0.0.1:9001", out, nil)},
		{"Tor's port, unanswered", "", flowOf(tcp, in, "192.0.2.1:9001", oneWay(1, packet.SYN))},
		{"Tor's port, a guess", "", flowOf(tcp, in, "192.0.2.1:9001", func(r *flowtable.Record) { r.ClientBy = flowtable.ByFirst })},
		{"Tor's port of UDP", "", flowOf(udpP, in, "192.0.2.1:9001", nil)},

		{"no source", "B03 client 0.0.0.0", flowOf(tcp, "0.0.0.0:40000", out, oneWay(1, packet.SYN))},
		{"DHCP", "", flowOf(udpP, "0.0.0.0:68", "255.255.255.255:67", oneWay(2, 0))},
		{"not quite DHCP", "B03 client 0.0.0.0", flowOf(udpP, "0.0.0.0:68", "255.255.255.255:68", oneWay(2, 0))},
		{"IGMP", "", flowOf(igmp, "0.0.0.0:0", "224.0.0.22:0", oneWay(2, 0))},
		{"IPv6 duplicate address detection", "", flowOf(packet.ProtoICMPv6, "[::]:135", "[ff02::1:ff00:1]:0", oneWay(1, 0))},
		{"IPv6 no source", "B03 client ::", flowOf(udpP, "[::]:1000", "[ff02::1]:1000", oneWay(1, 0))},
		{"to broadcast", "", flowOf(udpP, "10.0.0.1:500", "255.255.255.255:500", oneWay(1, 0))},

		{"from multicast", "B04 client 224.0.0.1", flowOf(udpP, "224.0.0.1:500", out, oneWay(1, 0))},
		{"to multicast", "", flowOf(udpP, "10.0.0.1:5353", "224.0.0.251:5353", oneWay(1, 0))},
		{"answer from multicast", "B04 server 224.0.0.251", flowOf(udpP, "10.0.0.1:5353", "224.0.0.251:5353", nil)},
		{"from broadcast", "B04 client 255.255.255.255", flowOf(udpP, "255.255.255.255:500", out, oneWay(1, 0))},
		{"from IPv6 multicast", "B04 client ff02::1", flowOf(udpP, "[ff02::1]:500", "[2001:db8::1]:500", oneWay(1, 0))},
		{"from loopback", "B04 client 127.0.0.1", flowOf(tcp, "127.0.0.1:40000", out, oneWay(1, packet.SYN))},
		{"from IPv6 loopback", "B04 client ::1", flowOf(tcp, "[::1]:40000", "[2001:db8::1]:443", oneWay(1, packet.SYN))},
		{"within a host", "", flowOf(tcp, "127.0.0.1:40000", "127.0.0.1:80", nil)},
		{"within a host, unanswered", "", flowOf(udpP, "[::1]:40000", "[::1]:80", oneWay(1, 0))},
		{"within a host, its own address", "", flowOf(tcp, "10.0.0.1:40000", "10.0.0.1:80", nil)},
		{"land", "B04 client 10.0.0.1", flowOf(tcp, "10.0.0.1:139", "10.0.0.1:139", oneWay(1, packet.SYN))},

		{"SYN+FIN", "B05 client 10.0.0.1", flowOf(tcp, in, out, oneWay(1, packet.SYN|packet.FIN))},
		{"SYN+RST", "B05 client 10.0.0.1", flowOf(tcp, in, out, oneWay(1, packet.SYN|packet.RST))},
		{"no flags", "B05 client 10.0.0.1", flowOf(tcp, in, out, oneWay(3, 0))},
		{"no flags but ECE", "B05 client 10.0.0.1", flowOf(tcp, in, out, oneWay(1, packet.ECE))},
		{"FIN+PSH+URG", "B05 client 10.0.0.1", flowOf(tcp, in, out, oneWay(2, packet.FIN|packet.PSH|packet.URG))},
		{"all", "B05 client 10.0.0.1", flowOf(tcp, in, out, oneWay(1, 0xff))},
		{"SYN+ECE+CWR", "", flowOf(tcp, in, out, oneWay(1, packet.SYN|packet.ECE|packet.CWR))},
		{"FIN+PSH+URG+ACK", "", flowOf(tcp, in, out, oneWay(1, packet.FIN|packet.PSH|packet.URG|packet.ACK))},
		{"SYN and FIN, each in one", "", flowOf(tcp, in, out, oneWay(2, packet.SYN|packet.FIN))},
		{"history SQ", "B05 client 10.0.0.1", flowOf(tcp, in, out, history("SQ"))},
		{"history ShAdi", "B05 server 192.0.2.1", flowOf(tcp, in, out, history("ShAdi"))},
		{"history ShWw", "", flowOf(tcp, in, out, history("ShWw"))},
		{"flags missing", "", func() detect.Flow { f := flowOf(tcp, in, out, oneWay(1, 0)); f.Missing = detect.NoTCPFlags; return f }()},

		{"fragment ends in the header", "B07 client 10.0.0.1", flowOf(tcp, in, out, func(r *flowtable.Record) { r.HeaderCut[0] = true })},
		{"capture ends in the header", "", flowOf(tcp, in, out, func(r *flowtable.Record) {
			r.HeaderCut[0], r.Quality, r.TCPFlags[0] = true, flowtable.Truncated, 0
		})},
	} {
		if got := kinds(judge(t, DefaultConfig(), 1, c.flow)); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
		if _, id, _ := strings.Cut(c.want, ","); c.want != "" && id == "" {
			cfg := DefaultConfig()
			cfg.Silence = []string{c.want[:3]}
			if got := judge(t, cfg, 1, c.flow); len(got) != 0 {
				t.Errorf("%s, silenced: got %q", c.name, kinds(got))
			}
		}
	}
}

func TestRulesThatCount(t *testing.T) {
	empty := func(r *flowtable.Record) { r.Payload = [2]uint64{} }
	var flows []detect.Flow
	for range 20 {
		flows = append(flows, flowOf(tcp, "10.0.0.1:40000", "10.0.0.2:443", empty))
	}
	if got := kinds(judge(t, DefaultConfig(), 3, flows...)); got != "B08 client 10.0.0.1" {
		t.Errorf("20 empty connections: got %q", got)
	}
	if got := kinds(judge(t, DefaultConfig(), 3, flows[1:]...)); got != "" {
		t.Errorf("19 empty connections: got %q", got)
	}
	cfg := DefaultConfig()
	cfg.Border = true
	if got := kinds(judge(t, cfg, 1, flows[0], flowOf(tcp, "10.0.0.1:40000", "192.0.2.1:443", nil))); got != "B09 client 10.0.0.1" {
		t.Errorf("inside, at the border: got %q", got)
	}
	cfg = DefaultConfig()
	cfg.Compat = true
	if got := kinds(judge(t, cfg, 1, flowOf(tcp, "10.0.0.1:40000", "192.0.2.1:81", nil), flowOf(udpP, "0.0.0.0:68", "255.255.255.255:67", oneWay(1, 0)))); got != "B02 network , B03 client 0.0.0.0" {
		t.Errorf("compat: got %q", got)
	}
}

// One alert for a source, whatever it does how often and how the flows are grouped; many sources are few alerts.
func TestFewAlerts(t *testing.T) {
	var flows []detect.Flow
	for i := range 10_000 {
		flows = append(flows, flowOf(tcp, fmt.Sprintf("11.0.%d.%d:1", i/250, i%250), "10.0.0.2:1", oneWay(1, packet.SYN|packet.FIN)))
	}
	for i := range 1000 {
		f := flowOf(tcp, "10.0.0.1:40000", fmt.Sprintf("10.0.0.2:%d", i+1), oneWay(1, 0))
		f.ID = uint64(i + 1)
		flows = append(flows, f)
	}
	want := judge(t, DefaultConfig(), len(flows), flows...)
	if len(want) != 5 || want[0].Message != "10.0.0.1 sends TCP flags that no host sends (B05), first none: 1000 flows, first to 10.0.0.2 port 1" {
		t.Fatalf("got %d alerts: %+v", len(want), want)
	}
	last := want[4]
	if last.Role != detect.Network || last.Status != detect.Degraded || last.Message != "impossible_flags: the same (B05) of 4092 addresses more, in 4092 flows" {
		t.Errorf("summary: %+v", last)
	}
	for _, group := range []int{1, 777} {
		if diff := cmp.Diff(texts(want), texts(judge(t, DefaultConfig(), group, flows...))); diff != "" {
			t.Errorf("groups of %d (-want +got):\n%s", group, diff)
		}
	}
}

func texts(alerts []detect.Alert) (all []string) {
	for _, a := range alerts {
		all = append(all, fmt.Sprint(a.Kind, a.Subject, a.Role, a.Severity, a.Score, a.Evidence.IDs(), a.Message, a.ID, a.Client, a.Server, a.FlowID))
	}
	return all
}

func TestFlowsDoNotAllocate(t *testing.T) {
	d := New(DefaultConfig())
	flows := []detect.Flow{flowOf(tcp, "10.0.0.1:4000", "192.0.2.1:443", nil), flowOf(tcp, "10.0.0.1:4000", "192.0.2.1:0", oneWay(1, 0))}
	if got := testing.AllocsPerRun(100, func() { d.Flows(flows, nothing{}) }); got != 0 {
		t.Errorf("%v allocations", got)
	}
}

func BenchmarkFlows(b *testing.B) {
	d := New(DefaultConfig())
	flows := []detect.Flow{flowOf(tcp, "10.0.0.1:4000", "192.0.2.1:443", func(r *flowtable.Record) { r.History = flowtable.History{1 | 4<<5 | 5<<10 | 7<<15} })}
	for range b.N {
		d.Flows(flows, nothing{})
	}
}

type nothing struct{}

func (nothing) Alert(detect.Alert) {}
func (nothing) Score(detect.Score) {}
