package summary

import (
	"cmp"
	"container/heap"
	"net/netip"
	"slices"

	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/output"
	"github.com/weir-sensor/weir/packet"
)

const (
	top      = 10      // rows of each table
	maxHosts = 1 << 17 // addresses told apart; what comes later is counted as others
)

// Summary is a Sink. Its memory is bounded: addresses beyond the first 131,072 are counted together, and the tables
// say so.
type Summary struct {
	hosts   map[netip.Addr]*host
	others  host
	ports   map[port]*service // at most 65,536 for each of the protocols with ports
	longest longest
	start   int64 // of the first flow
	end     int64 // of the last
	flows   uint64
}

var _ output.Sink = (*Summary)(nil)

type host struct {
	addr           netip.Addr
	flows          uint64
	sent, received uint64 // bytes, IP total lengths
	packets        uint64
}

type port struct {
	proto  uint8
	number uint16
}

type service struct {
	port
	flows, packets, bytes uint64
}

// New returns an empty summary.
func New() *Summary {
	return &Summary{hosts: make(map[netip.Addr]*host), ports: make(map[port]*service)}
}

// Flows adds records to the totals.
func (s *Summary) Flows(records []flowtable.Record) error {
	for i := range records {
		s.add(&records[i])
	}
	return nil
}

// Flush does nothing.
func (s *Summary) Flush() error { return nil }

// Close does nothing: the totals stay.
func (s *Summary) Close() error { return nil }

// Abort does nothing.
func (s *Summary) Abort() error { return nil }

func (s *Summary) add(r *flowtable.Record) {
	if s.flows == 0 {
		s.start, s.end = r.Start, r.End
	}
	s.flows++
	s.start, s.end = min(s.start, r.Start), max(s.end, r.End)
	packets, bytes := r.Packets[flowtable.Up]+r.Packets[flowtable.Down], r.Bytes[flowtable.Up]+r.Bytes[flowtable.Down]
	client, server := s.host(r.Client.Netip(r.Version)), s.host(r.Server.Netip(r.Version))
	client.count(packets, r.Bytes[flowtable.Up], r.Bytes[flowtable.Down])
	if r.Client != r.Server {
		server.count(packets, r.Bytes[flowtable.Down], r.Bytes[flowtable.Up])
	}
	key := port{r.Proto, r.ServerPort}
	if !ported(r.Proto) {
		key.number = 0
	}
	p := s.ports[key]
	if p == nil {
		p = &service{port: key}
		s.ports[key] = p
	}
	p.flows++
	p.packets += packets
	p.bytes += bytes
	s.longest.add(r)
}

func (s *Summary) host(a netip.Addr) *host {
	h := s.hosts[a]
	if h == nil {
		if len(s.hosts) == maxHosts {
			return &s.others
		}
		h = &host{addr: a}
		s.hosts[a] = h
	}
	return h
}

func (h *host) count(packets, sent, received uint64) {
	h.flows++
	h.packets += packets
	h.sent += sent
	h.received += received
}

// talkers returns the hosts with the most bytes, most first; ties go to the lower address.
func (s *Summary) talkers() []*host {
	all := make([]*host, 0, len(s.hosts))
	for _, h := range s.hosts {
		all = append(all, h)
	}
	slices.SortFunc(all, func(a, b *host) int {
		return cmp.Or(cmp.Compare(b.sent+b.received, a.sent+a.received), a.addr.Compare(b.addr))
	})
	return all[:min(top, len(all))]
}

// services returns the server ports with the most bytes, most first; ties go to the lower protocol and port.
func (s *Summary) services() []*service {
	all := make([]*service, 0, len(s.ports))
	for _, p := range s.ports {
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b *service) int {
		return cmp.Or(cmp.Compare(b.bytes, a.bytes), cmp.Compare(a.proto, b.proto), cmp.Compare(a.number, b.number))
	})
	return all[:min(top, len(all))]
}

// longest keeps the longest records, the shortest of them first: a heap.
type longest []flowtable.Record

func (l *longest) add(r *flowtable.Record) {
	if len(*l) < top {
		heap.Push(l, *r)
	} else if compareDuration(r, &(*l)[0]) > 0 {
		(*l)[0] = *r
		heap.Fix(l, 0)
	}
}

// compareDuration orders by duration, and earlier records of equal ones as longer.
func compareDuration(a, b *flowtable.Record) int {
	return cmp.Or(cmp.Compare(a.End-a.Start, b.End-b.Start), cmp.Compare(b.Ordinal, a.Ordinal))
}

func (l longest) Len() int           { return len(l) }
func (l longest) Less(i, j int) bool { return compareDuration(&l[i], &l[j]) < 0 }
func (l longest) Swap(i, j int)      { l[i], l[j] = l[j], l[i] }

// Push implements heap.Interface.
func (l *longest) Push(x any) { *l = append(*l, x.(flowtable.Record)) }

// Pop implements heap.Interface.
func (l *longest) Pop() any {
	last := (*l)[len(*l)-1]
	*l = (*l)[:len(*l)-1]
	return last
}

func (l longest) sorted() []flowtable.Record {
	all := slices.Clone(l)
	slices.SortFunc(all, func(a, b flowtable.Record) int { return compareDuration(&b, &a) })
	return all
}

// ported says whether the protocol's ports name a service; those of ICMP are types and codes.
func ported(proto uint8) bool {
	return proto == packet.ProtoTCP || proto == packet.ProtoUDP || proto == packet.ProtoSCTP
}
