package output

import (
	"errors"
	"strconv"

	"github.com/weir-sensor/weir/aggregate"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
)

// The names of the schemas of aggregates.
const (
	TupleSchema = "weir.aggregate.v1"
	StepSchema  = "weir.step.v1"
)

// Aggregates is the Sink that sums flow records up, and writes the sums in any format: those by 5-tuple into one target,
// those by (client, server) and step into another. It works on the caller's goroutine.
type Aggregates struct {
	sums   *aggregate.Aggregator
	tuples Records[aggregate.Tuple]
	steps  Records[aggregate.Step]
	closed bool
}

var _ Sink = (*Aggregates)(nil)

// NewAggregates returns a sink that writes to the two targets, which it owns from now on; cfg must be valid. Version is as in
// NewRecords.
func NewAggregates(cfg aggregate.Config, tuples, steps Target, format Format, version string) *Aggregates {
	a := &Aggregates{tuples: newTuples(cfg, tuples, format, version), steps: newSteps(cfg, steps, format, version)}
	a.sums = aggregate.New(cfg, a)
	return a
}

func newTuples(cfg aggregate.Config, target Target, format Format, version string) Records[aggregate.Tuple] {
	return NewRecords(target, format, tupleFields(aggregate.NewNetworks(cfg.Networks)), TupleSchema, version)
}

func newSteps(cfg aggregate.Config, target Target, format Format, version string) Records[aggregate.Step] {
	return NewRecords(target, format, stepFields(aggregate.NewNetworks(cfg.Networks)), StepSchema, version)
}

// Tuples implements aggregate.Sink.
func (a *Aggregates) Tuples(rows []aggregate.Tuple) error { return a.tuples.Write(rows) }

// Steps implements aggregate.Sink.
func (a *Aggregates) Steps(rows []aggregate.Step) error { return a.steps.Write(rows) }

// Flows implements Sink.
func (a *Aggregates) Flows(records []flowtable.Record) error { return a.sums.Flows(records) }

// Flush implements Sink. Sums whose span or step has not ended stay.
func (a *Aggregates) Flush() error { return errors.Join(a.tuples.Flush(), a.steps.Flush()) }

// Close implements Sink. Both targets are complete, or neither where one fails before.
func (a *Aggregates) Close() error {
	if a.closed {
		return nil
	}
	a.closed = true
	if err := a.sums.Close(); err != nil {
		return errors.Join(err, a.tuples.Abort(), a.steps.Abort())
	}
	if err := a.tuples.Close(); err != nil {
		return errors.Join(err, a.steps.Abort())
	}
	return a.steps.Close()
}

// Abort implements Sink.
func (a *Aggregates) Abort() error {
	if a.closed {
		return nil
	}
	a.closed = true
	return errors.Join(a.tuples.Abort(), a.steps.Abort())
}

// Counts returns what was counted so far.
func (a *Aggregates) Counts() aggregate.Counts { return a.sums.Counts() }

// AggregateColumns returns the columns of the rows by 5-tuple in their order. The caller owns the slice.
func AggregateColumns() []Column { return columnsOf(tupleFields(nil)) }

// StepColumns returns the columns of the rows by (client, server) and step in their order. The caller owns the slice.
func StepColumns() []Column { return columnsOf(stepFields(nil)) }

func columnsOf[T any](fields []Field[T]) []Column {
	var all []Column
	for _, f := range fields {
		all = append(all, f.Column)
	}
	return all
}

func addrText(a packet.Addr, version uint8) Value { return TextValue(a.Netip(version).String()) }

// tupleFields returns the columns of rows by 5-tuple.
func tupleFields(networks aggregate.Networks) []Field[aggregate.Tuple] {
	type row = aggregate.Tuple
	integer := func(name, unit, doc string, value func(t *row) uint64) Field[row] {
		return Field[row]{Column{Name: name, Type: Integer, Unit: unit, Doc: doc}, func(t *row) Value { return UintValue(value(t)) }}
	}
	port := func(name, doc string, value func(t *row) uint16) Field[row] {
		return Field[row]{Column{Name: name, Type: Integer, Nullable: true, Max: 1<<16 - 1, Doc: doc},
			func(t *row) Value { return UintOrNull(hasPorts(t.Proto), uint64(value(t))) }}
	}
	throughput := func(name, doc string, value func(t *row) float64) Field[row] {
		return Field[row]{Column{Name: name, Type: Number, Unit: "bytes/s", Nullable: true, Doc: doc}, func(t *row) Value {
			v := NumberOrNull(value(t))
			_, _, v.known = t.Throughput()
			return v
		}}
	}
	fields := []Field[row]{
		{Column{Name: "span_start", Type: Time, Nullable: true, Doc: "Beginning of the span; null where it is the whole input."},
			func(t *row) Value { return TimeOrNull(t.HasSpan, t.SpanStart) }},
		{Column{Name: "proto", Type: String, Doc: "Protocol: tcp, udp, icmp, icmp6, sctp, or its number."}, func(t *row) Value { return TextValue(ProtoName(t.Proto)) }},
		{Column{Name: "client", Type: String, Doc: "Address of the client."}, func(t *row) Value { return addrText(t.Client, t.Version) }},
		port("client_port", "Port of the client, of ICMP as in flow records (FLOWS.md); null for protocols without ports.", func(t *row) uint16 { return t.ClientPort }),
		{Column{Name: "server", Type: String, Doc: "Address of the server."}, func(t *row) Value { return addrText(t.Server, t.Version) }},
		port("server_port", "Port of the server, likewise.", func(t *row) uint16 { return t.ServerPort }),
		integer("entries", "records", "Flow records.", func(t *row) uint64 { return t.Entries }),
		{Column{Name: "first", Type: Time, Doc: "First packet."}, func(t *row) Value { return TimeValue(t.First) }},
		{Column{Name: "last", Type: Time, Doc: "Last packet."}, func(t *row) Value { return TimeValue(t.Last) }},
		{Column{Name: "total_time", Type: Seconds, Unit: "s", Doc: "Sum of the records' durations."}, func(t *row) Value { return SecondsValue(t.Time) }},
		integer("bytes_up", "bytes", "IP bytes from client to server.", func(t *row) uint64 { return t.Bytes[flowtable.Up] }),
		integer("bytes_down", "bytes", "IP bytes from server to client.", func(t *row) uint64 { return t.Bytes[flowtable.Down] }),
		throughput("throughput_up", "bytes_up by total_time; null where that is 0.", func(t *row) float64 { up, _, _ := t.Throughput(); return up }),
		throughput("throughput_down", "bytes_down by total_time; null where that is 0.", func(t *row) float64 { _, down, _ := t.Throughput(); return down }),
		{Column{Name: "first_state", Type: String, Doc: "State of the first record."}, func(t *row) Value { return TextValue(t.FirstState.String()) }},
		{Column{Name: "last_state", Type: String, Doc: "State of the last record."}, func(t *row) Value { return TextValue(t.LastState.String()) }},
	}
	for i := range aggregate.States {
		name := flowtable.State(i).String()
		fields = append(fields, integer("entries_"+name, "records", "Records in the state "+name+".", func(t *row) uint64 { return uint64(t.States[i]) }))
	}
	fields = append(fields, endFields(networks, func(t *row) (packet.Addr, packet.Addr, uint8) { return t.Client, t.Server, t.Version })...)
	for _, p := range aggregate.OwnPorts() {
		name := strconv.Itoa(int(p))
		fields = append(fields, Field[row]{Column{Name: "port_" + name, Type: Bool, Doc: "The server port is " + name + "."},
			func(t *row) Value { return BoolValue(t.Serves(p)) }})
	}
	return fields
}

// endFields returns the columns about the networks of both ends.
func endFields[T any](networks aggregate.Networks, ends func(r *T) (client, server packet.Addr, version uint8)) []Field[T] {
	network := func(a packet.Addr, version uint8) Value { return TextValue(networks.Of(a, version).String()) }
	return []Field[T]{
		{Column{Name: "client_network", Type: String, Doc: "Network of the client: of aggregate.networks, else its /24 or /64."},
			func(r *T) Value { c, _, v := ends(r); return network(c, v) }},
		{Column{Name: "server_network", Type: String, Doc: "Network of the server, likewise."},
			func(r *T) Value { _, s, v := ends(r); return network(s, v) }},
		{Column{Name: "client_private", Type: Bool, Doc: "The client's address is private (RFC 1918, RFC 4193), link-local or loopback."},
			func(r *T) Value { c, _, v := ends(r); return BoolValue(aggregate.Private(c, v)) }},
		{Column{Name: "server_private", Type: Bool, Doc: "The server's address is, likewise."},
			func(r *T) Value { _, s, v := ends(r); return BoolValue(aggregate.Private(s, v)) }},
	}
}

// stepFields returns the columns of rows by (client, server) and step.
func stepFields(networks aggregate.Networks) []Field[aggregate.Step] {
	type row = aggregate.Step
	integer := func(name, unit, doc string, value func(s *row) uint64) Field[row] {
		return Field[row]{Column{Name: name, Type: Integer, Unit: unit, Doc: doc}, func(s *row) Value { return UintValue(value(s)) }}
	}
	fields := []Field[row]{
		{Column{Name: "start", Type: Time, Doc: "Beginning of the step."}, func(s *row) Value { return TimeValue(s.Start) }},
		{Column{Name: "client", Type: String, Doc: "Address of the client."}, func(s *row) Value { return addrText(s.Client, s.Version) }},
		{Column{Name: "server", Type: String, Doc: "Address of the server."}, func(s *row) Value { return addrText(s.Server, s.Version) }},
		integer("bytes_up", "bytes", "IP bytes from client to server.", func(s *row) uint64 { return s.Bytes[flowtable.Up] }),
		integer("bytes_down", "bytes", "IP bytes from server to client.", func(s *row) uint64 { return s.Bytes[flowtable.Down] }),
		integer("connections", "flows", "Flows whose first record was written in the step.", func(s *row) uint64 { return uint64(s.Connections) }),
		integer("flows", "records", "Flow records, also later parts of long flows.", func(s *row) uint64 { return uint64(s.Flows) }),
		integer("server_ports", "ports", "Distinct (protocol, server port).", func(s *row) uint64 { return uint64(s.ServerPorts) }),
		integer("client_ports", "ports", "Distinct (protocol, client port).", func(s *row) uint64 { return uint64(s.ClientPorts) }),
		integer("new_server_ports", "ports", "Those of server_ports that the pair did not use for aggregate.expiry before the step.", func(s *row) uint64 { return uint64(s.NewServerPorts) }),
		integer("tcp_connections", "flows", "Connections by TCP.", func(s *row) uint64 { return uint64(s.TCP) }),
		integer("udp_connections", "flows", "Connections by UDP.", func(s *row) uint64 { return uint64(s.UDP) }),
	}
	return append(fields, endFields(networks, func(s *row) (packet.Addr, packet.Addr, uint8) { return s.Client, s.Server, s.Version })...)
}
