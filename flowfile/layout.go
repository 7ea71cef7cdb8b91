package flowfile

import (
	"encoding/binary"
	"hash/fnv"
	"slices"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
)

// layout is one kind of flow records: the columns that are read, by their cells, and how these become a record.
type layout struct {
	name    string // as Stats and errors have it
	columns []string
	needed  []int // cells without which there is no record
	named   []int // other columns that must be there; rows may have no value in them
	decode  func(r *row)
}

// layouts returns all kinds, in the order in which a header is held against them.
func layouts() []*layout {
	return []*layout{weirLayout(), argusLayout(), zeekLayout(), netflowLayout(), volumesLayout()}
}

// lacking returns the columns that must be there and are not among names.
func (l *layout) lacking(names []string) []string {
	var all []string
	for _, c := range slices.Concat(l.needed, l.named) {
		if !slices.Contains(names, l.columns[c]) {
			all = append(all, l.columns[c])
		}
	}
	return all
}

// layoutOf returns the layout among kinds whose needed columns are all among names, or else the one that lacks the fewest of them, and
// what it lacks. It is nil where the names have less than half of any.
func layoutOf(kinds []*layout, names []string) (best *layout, lacking []string) {
	for _, l := range kinds {
		missing := l.lacking(names)
		if 2*len(missing) < len(l.needed) && (best == nil || len(missing) < len(lacking)) {
			best, lacking = l, missing
		}
	}
	return best, lacking
}

// read makes the row's record of its cells. It is false where there is none: see notIP and fault.
func (l *layout) read(r *row) bool {
	r.record, r.missing, r.groups, r.notIP, r.fault = flowtable.Record{}, 0, 0, false, fault{}
	for _, c := range l.needed {
		if !r.has(c) {
			r.fault = fault{want: "no value for " + l.columns[c]}
			if l.name == "argus" && r.notIPProto(l.columns, "Proto") {
				r.notIP = true
			}
			return false
		}
	}
	l.decode(r)
	return !r.notIP && r.fault.want == ""
}

// notIPProto says whether the row's protocol is one that has no IP addresses.
func (r *row) notIPProto(columns []string, column string) bool {
	p, _ := protocol(r.bytes(slices.Index(columns, column)))
	return p == notIP
}

// setID gives a record that came without an id one that is the same from run to run: a hash of its key and start, and of
// the name that the file has for it, if any.
func (r *row) setID(name []byte) {
	rec := &r.record
	h := fnv.New64a()
	var b [45]byte
	k := binary.BigEndian.AppendUint64(b[:0], rec.Client.Hi)
	k = binary.BigEndian.AppendUint64(k, rec.Client.Lo)
	k = binary.BigEndian.AppendUint64(k, rec.Server.Hi)
	k = binary.BigEndian.AppendUint64(k, rec.Server.Lo)
	k = binary.BigEndian.AppendUint16(k, rec.ClientPort)
	k = binary.BigEndian.AppendUint16(k, rec.ServerPort)
	k = append(binary.BigEndian.AppendUint64(k, uint64(rec.Start)), rec.Proto)
	h.Write(k)
	h.Write(name)
	rec.ID = detect.Mix(h.Sum64(), 0)
}

// setStates sets what follows from the bytes of a protocol other than TCP.
func (r *row) setStates() {
	rec := &r.record
	up, down := rec.Bytes[flowtable.Up] > 0, rec.Bytes[flowtable.Down] > 0
	rec.State = flowtable.New
	if up && down {
		rec.State = flowtable.Established
	}
	if rec.Proto != packet.ProtoUDP {
		return // OTH
	}
	switch {
	case up && down:
		rec.ConnState = flowtable.SF
	case up:
		rec.ConnState = flowtable.S0
	case down:
		rec.ConnState = flowtable.SHR
	}
}

// icmpPorts sets the ports as Community ID has them, from an ICMP type and code.
func (r *row) icmpPorts(kind, code uint8) {
	r.record.ClientPort, r.record.ServerPort = uint16(kind), uint16(code)
	reply, ok := packet.ICMPCounterpart(r.record.Proto, kind)
	if ok {
		r.record.ServerPort = uint16(reply)
	}
	r.record.ICMPOneWay = !ok
}

func isICMP(proto uint8) bool { return proto == packet.ProtoICMP || proto == packet.ProtoICMPv6 }

// end sets the record's end from its duration in ns.
func (r *row) end(column int, duration int64) {
	if duration < 0 || r.record.Start > flowtable.MaxClock-duration {
		r.fail(column, "a duration that is not negative")
		return
	}
	r.record.End = r.record.Start + duration
}
