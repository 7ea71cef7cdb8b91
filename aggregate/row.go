package aggregate

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"

	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
)

// States is how many states a flow can be in.
const States = int(flowtable.Reset) + 1

// TupleKey is a 5-tuple. Ports are those of the records: of ICMP its types and codes, 0 where the protocol has none.
type TupleKey struct {
	Client, Server         packet.Addr
	ClientPort, ServerPort uint16
	Proto, Version         uint8
}

// Tuple sums up the flow records of a 5-tuple. Times are ns since the Unix epoch.
type Tuple struct {
	TupleKey
	TupleSums
	SpanStart int64 // with HasSpan
	HasSpan   bool
	Written   int64 // packet time of the record with which the row was handed on
}

// TupleSums are the sums of a Tuple.
type TupleSums struct {
	Entries     uint64 // flow records
	First, Last int64  // first and last packet
	Time        int64  // sum of the durations, ns
	Bytes       [2]uint64
	States      [States]uint32 // records in each state
	FirstState  flowtable.State
	LastState   flowtable.State
	place       uint64 // in the order of the first records
}

// Numbers appends the row's numbers to dst, in the order of TupleNumbers; what is true is 1.
func (t *Tuple) Numbers(dst []float64) []float64 {
	up, down, _ := t.Throughput()
	dst = append(dst, float64(t.Entries), float64(t.Time)/1e9, float64(t.Bytes[0]), float64(t.Bytes[1]), up, down)
	for _, n := range t.States {
		dst = append(dst, float64(n))
	}
	dst = append(dst, one(Private(t.Client, t.Version)), one(Private(t.Server, t.Version)))
	for _, p := range OwnPorts() {
		dst = append(dst, one(t.Serves(p)))
	}
	return dst
}

// Serves says whether the server port is this one; what ICMP has is none.
func (t *Tuple) Serves(port uint16) bool { return hasPorts(t.Proto) && t.ServerPort == port }

func one(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// TupleNumbers returns the names of a Tuple's numbers, which are those of the table's columns. The caller owns the slice.
func TupleNumbers() []string {
	names := []string{"entries", "total_time", "bytes_up", "bytes_down", "throughput_up", "throughput_down"}
	for i := range States {
		names = append(names, "entries_"+flowtable.State(i).String())
	}
	names = append(names, "client_private", "server_private")
	for _, p := range OwnPorts() {
		names = append(names, "port_"+strconv.Itoa(int(p)))
	}
	return names
}

// OwnPorts returns the server ports that have a column of their own.
func OwnPorts() [4]uint16 { return [...]uint16{80, 8080, 443, 22} }

// Throughput returns the bytes per second of total time each way; ok is false, and they are 0, where that is 0.
func (t *Tuple) Throughput() (up, down float64, ok bool) {
	if t.Time <= 0 {
		return 0, 0, false
	}
	seconds := float64(t.Time) / 1e9
	return float64(t.Bytes[0]) / seconds, float64(t.Bytes[1]) / seconds, true
}

// PairKey is a client and a server.
type PairKey struct {
	Client, Server packet.Addr
	Version        uint8
}

// Step sums up the flow records of a pair that were written within a step.
type Step struct {
	PairKey
	StepSums
	Start   int64 // ns since the Unix epoch
	Written int64 // packet time of the record with which the row was handed on
}

// StepSums are the sums of a Step.
type StepSums struct {
	Bytes          [2]uint64
	Flows          uint32 // records
	Connections    uint32 // those that are the first of their flow
	TCP, UDP       uint32 // connections
	ServerPorts    uint32 // distinct (protocol, server port)
	ClientPorts    uint32 // distinct (protocol, client port)
	NewServerPorts uint32 // that the pair did not use for Config.Expiry before the step
}

// Numbers appends the row's numbers to dst, in the order of StepNumbers; what is true is 1.
func (s *Step) Numbers(dst []float64) []float64 {
	return append(dst, float64(s.Bytes[0]), float64(s.Bytes[1]), float64(s.Connections), float64(s.Flows), float64(s.ServerPorts),
		float64(s.ClientPorts), float64(s.NewServerPorts), float64(s.TCP), float64(s.UDP),
		one(Private(s.Client, s.Version)), one(Private(s.Server, s.Version)))
}

// StepNumbers returns the names of a Step's numbers, which are those of the table's columns. The caller owns the slice.
func StepNumbers() []string {
	return []string{"bytes_up", "bytes_down", "connections", "flows", "server_ports", "client_ports", "new_server_ports",
		"tcp_connections", "udp_connections", "client_private", "server_private"}
}

// Networks names the networks of addresses. The zero value knows the /24 of IPv4 and the /64 of IPv6 alone.
type Networks []netip.Prefix // longest first

// NewNetworks returns networks of a valid configuration.
func NewNetworks(texts []string) Networks {
	var n Networks
	for _, text := range texts {
		p, err := packet.ParseNetwork(text)
		if err != nil {
			panic("bug: network was not validated: " + text)
		}
		n = append(n, p)
	}
	slices.SortStableFunc(n, func(a, b netip.Prefix) int { return cmp.Compare(b.Bits(), a.Bits()) })
	return n
}

// Of returns the smallest of the networks that an address is in, else its /24 or /64.
func (n Networks) Of(addr packet.Addr, version uint8) netip.Prefix {
	a := addr.Netip(version)
	for _, p := range n {
		if p.Contains(a) {
			return p
		}
	}
	bits := 64
	if version == 4 {
		bits = 24
	}
	return netip.PrefixFrom(a, bits).Masked()
}

// Private says whether an address is for use within a network alone: RFC 1918, RFC 4193, link-local or loopback.
func Private(addr packet.Addr, version uint8) bool {
	a := addr.Netip(version)
	return a.IsPrivate() || a.IsLinkLocalUnicast() || a.IsLoopback()
}
