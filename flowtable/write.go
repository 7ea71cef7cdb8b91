package flowtable

import (
	"cmp"
	"math"
	"slices"

	"github.com/weir-sensor/weir/packet"
)

// Moment is a place in the order of records: packet time, then place in the input.
type Moment struct {
	Time  int64
	Order uint64
}

// Before says whether m comes before n.
func (m Moment) Before(n Moment) bool {
	return m.Time < n.Time || m.Time == n.Time && m.Order < n.Order
}

// Moment returns the record's place in the order of records.
func (r *Record) Moment() Moment { return Moment{r.Written, r.Order} }

// Advance lets the input's clock go on to clock, which ends flows even where no packet comes, and appends to out the
// records that are due before all that are still to come, in their order. Settled says up to where that is. The clock
// is at least that of every packet added, and at most that of every packet still to come; next is at most the place in
// the input of all of those.
//
// While packets come it is they that move the queues: so which flow goes when the table is full does not depend on how
// often Advance is called.
func (t *Table) Advance(clock int64, next uint64, out []Record) []Record {
	if !t.added && clock >= t.nextDue {
		t.sweep(clock, advanceBudget)
	}
	t.added = false
	if now := t.settled(clock, next); t.settle.Before(now) {
		t.settle = now
	}
	return t.handOut(out)
}

// advanceBudget bounds the flows looked at in one Advance.
const advanceBudget = 1 << 14

// Settled returns the moment before which the table has handed out all records.
func (t *Table) Settled() Moment { return t.settle }

// handOut appends the pending records before t.settle to out, sorted.
func (t *Table) handOut(out []Record) []Record {
	t.order = t.order[:0]
	for i := range t.pending {
		if m := t.pending[i].Moment(); m.Before(t.settle) {
			t.order = append(t.order, place{Moment: m, at: uint32(i)})
		}
	}
	if len(t.order) == 0 {
		return out
	}
	slices.SortFunc(t.order, place.compare)
	out = slices.Grow(out, len(t.order))
	for _, o := range t.order {
		out = append(out, t.pending[o.at])
	}
	kept := t.pending[:0]
	if len(t.order) < len(t.pending) {
		for i := range t.pending {
			if !t.pending[i].Moment().Before(t.settle) {
				kept = append(kept, t.pending[i])
			}
		}
	}
	t.pending = kept
	return out
}

// place is where a record or flow is, with what it is sorted by. Records of one packet stay as they were written.
type place struct {
	Moment
	at      uint32
	pending bool // at is an index of Table.pending, not a flow's place
}

func (p place) compare(q place) int {
	switch {
	case p.Before(q.Moment):
		return -1
	case q.Before(p.Moment):
		return 1
	}
	return cmp.Compare(p.at, q.at)
}

// Shutdown ends the input at the clock: flows whose time has come end as they would have, the others with
// EndShutdown. The records come from Drain.
func (t *Table) Shutdown(clock int64) {
	t.settle = Moment{Time: noTime}
	t.closing = slices.Grow(t.closing[:0], len(t.pending)+t.index.used)
	for i := range t.pending {
		t.closing = append(t.closing, place{t.pending[i].Moment(), uint32(i), true})
	}
	for _, s := range t.index.slots {
		if s == 0 {
			continue
		}
		f := t.flow(uint32(s))
		due := t.deadline(f)
		if due > clock {
			due = noTime
		}
		t.closing = append(t.closing, place{Moment{due, f.ordinal}, uint32(s), false})
	}
	slices.SortFunc(t.closing, place.compare)
}

// Drain appends up to n records after Shutdown, in order, and says whether there are more. Those of EndShutdown come
// last; their Written is the end of time.
func (t *Table) Drain(out []Record, n int) ([]Record, bool) {
	n = min(n, len(t.closing))
	for i, p := range t.closing[:n] {
		if i%groupSize == 0 {
			t.fetchClosing(t.closing[i:min(i+groupSize, n)])
		}
		if p.pending {
			out = append(out, t.pending[p.at])
			continue
		}
		f := t.flow(p.at)
		reason := EndShutdown
		if p.Time != noTime {
			reason = f.idleReason()
		}
		out = append(out, Record{})
		t.record(&out[len(out)-1], p.at, f, reason, p.Moment)
		t.release(p.at, f)
	}
	t.closing = t.closing[n:]
	return out, len(t.closing) > 0
}

// fetchClosing fetches what the records of at most groupSize flows need.
func (t *Table) fetchClosing(closing []place) {
	var places [groupSize]uint32
	n := 0
	for _, p := range closing {
		if !p.pending {
			places[n] = p.at
			n++
		}
	}
	t.fetch(places[:n])
}

// end writes the flow's record and forgets the flow.
func (t *Table) end(place uint32, f *flow, reason EndReason, due Moment) {
	t.write(place, f, reason, due)
	t.release(place, f)
}

// expire ends a flow that was idle until due.
func (t *Table) expire(place uint32, f *flow, due int64) {
	t.end(place, f, f.idleReason(), Moment{due, f.ordinal})
}

// makeRoom ends flows early when the table is nearly full, and one when it is full.
func (t *Table) makeRoom(now Moment) {
	clock := now.Time
	if clock >= t.nextDue {
		t.sweep(clock, math.MaxInt)
	}
	if t.index.used < t.relief {
		t.pressed = false
	} else if t.index.used >= t.high {
		t.pressed = true
	}
	if t.pressed && t.index.used < t.limit {
		for range 2 {
			place, f := t.victim(clock, true)
			if f == nil {
				break
			}
			t.counters.Pressure++
			t.end(place, f, EndEvicted, now)
		}
	}
	for t.index.used >= t.limit {
		if place, f := t.victim(clock, false); f != nil {
			t.end(place, f, EndEvicted, now)
		}
	}
}

func (t *Table) release(place uint32, f *flow) {
	t.index.remove(f.hash, place)
	t.dequeue(place, f)
	if t.measures != nil {
		t.measures.forget(place, f)
	}
	if f.ext != 0 {
		t.freeExts = append(t.freeExts, f.ext)
	}
	t.free = append(t.free, place)
}

// cut writes what the flow has counted and lets it go on in another part that begins with the packet.
func (t *Table) cut(place uint32, f *flow, in *Input) {
	t.write(place, f, EndActive, in.moment())
	if t.measures != nil {
		t.measures.next(place, f)
	}
	e := t.extOf(f)
	if e.part == 0 {
		e.id = t.id(f)
	}
	e.part++
	e.oldResent, e.oldLate = e.resent, e.late
	f.bits |= fixed
	f.quality = 0
	f.packets, f.bytes, f.wire, f.payload = [2]uint32{}, [2]uint64{}, [2]uint64{}, [2]uint64{}
	f.flags, f.ttl = [2]uint8{}, [2]uint8{}
	f.holed &= 3
	t.exts[f.ext].startLag = 0
	t.open(f, in)
}

func (t *Table) write(place uint32, f *flow, reason EndReason, due Moment) {
	if t.held++; t.held > t.patience {
		t.nextDue = math.MinInt64
	}
	t.pending = append(t.pending, Record{})
	t.record(&t.pending[len(t.pending)-1], place, f, reason, due)
}

// record fills r with what the flow has counted.
func (t *Table) record(r *Record, place uint32, f *flow, reason EndReason, due Moment) {
	t.counters.Written[reason]++
	up := f.bits.client()
	down := 1 - up
	*r = Record{
		ID: t.id(f), Client: f.a, Server: f.b, ClientPort: f.portA, ServerPort: f.portB, VLAN: f.vlan, Proto: f.proto,
		Version: 4, HasVLAN: f.bits&hasVLAN != 0, ICMPOneWay: f.bits&oneWay != 0, ClientBy: f.bits.clientBy(),
		State: New, ConnState: t.connState(f), EndReason: reason, Quality: f.quality,
		TCPFlags: [2]uint8{f.flags[up], f.flags[down]}, TTLMin: [2]uint8{f.ttl[up], f.ttl[down]},
		Start: f.start, End: f.end, RTT: f.rtt,
		Packets:   [2]uint64{uint64(f.packets[up]), uint64(f.packets[down])},
		Bytes:     [2]uint64{f.bytes[up], f.bytes[down]},
		WireBytes: [2]uint64{f.wire[up], f.wire[down]},
		Payload:   [2]uint64{f.payload[up], f.payload[down]},
		HeaderCut: [2]bool{f.holed&(headerCut<<up) != 0, f.holed&(headerCut<<down) != 0},
		History:   t.history(f), Ordinal: f.ordinal, Written: due.Time, Order: due.Order,
	}
	if up == 1 {
		r.Client, r.Server, r.ClientPort, r.ServerPort = r.Server, r.Client, r.ServerPort, r.ClientPort
	}
	if f.bits&version6 != 0 {
		r.Version = 6
	}
	if f.proto == packet.ProtoTCP {
		r.State = f.connectionState()
	} else if f.answered() {
		r.State = Established
	}
	if f.packets[up] == 0 || f.packets[down] == 0 {
		r.Quality |= OneWay
	}
	if f.ext != 0 {
		e := &t.exts[f.ext]
		r.Part = e.part
		for i, d := range [2]int{up, down} {
			r.Retransmits[i] = e.resent[d] - e.oldResent[d]
			r.OutOfOrder[i] = e.late[d] - e.oldLate[d]
		}
	}
	if t.measures != nil {
		r.Features = t.measures.features(place, f, up)
	}
}

// generation says how many flows of the same key began at the same instant before this one.
func (t *Table) generation(f *flow) uint32 {
	if f.ext == 0 {
		return 0
	}
	return t.exts[f.ext].generation
}

// id derives the flow's id from its key and the time of its first packet: the same in every run.
func (t *Table) id(f *flow) uint64 {
	if f.ext != 0 && t.exts[f.ext].part > 0 {
		return t.exts[f.ext].id
	}
	h := fold(f.a.Hi^0x9e3779b97f4a7c15, f.a.Lo^0xc2b2ae3d27d4eb4f)
	h = fold(h^f.b.Hi, f.b.Lo^0x165667b19e3779f9)
	h = fold(h^uint64(f.portA)<<32^uint64(f.portB)<<16^uint64(f.proto)<<8^uint64(f.bits&(version6|oneWay)), 0xd6e8feb86659fd93)
	if t.cfg.KeyVLAN && f.bits&hasVLAN != 0 {
		h = fold(h^uint64(f.vlan), 0xa0761d6478bd642f)
	}
	return fold(h^uint64(f.start), 0xe7037ed1a0b428db^uint64(t.generation(f)))
}
