package research

import (
	"cmp"
	"slices"

	"github.com/weir-sensor/weir/packet"
)

// Tolerance is by how many nanoseconds a row and a record may miss each other and still overlap: labels files give
// times in microseconds, rounded or cut.
const Tolerance = 1000

// spans says where the rows of a key are in a sorted slice.
type spans map[key]span

type span struct{ from, to uint32 }

// sortRows orders rows by key and time, sets their reach, and says where each key's rows are.
func sortRows(rows []row) spans {
	slices.SortFunc(rows, func(r, s row) int {
		return cmp.Or(r.key.compare(s.key), cmp.Compare(r.first, s.first), cmp.Compare(r.file, s.file), cmp.Compare(r.line, s.line))
	})
	at := spans{}
	for i := range rows {
		r := &rows[i]
		r.reach = r.last
		s, known := at[r.key]
		if known {
			r.reach = max(r.last, rows[i-1].reach)
		} else {
			s.from = uint32(i)
		}
		s.to = uint32(i + 1)
		at[r.key] = s
	}
	return at
}

func (k key) compare(l key) int {
	return cmp.Or(compareAddr(k.a, l.a), compareAddr(k.b, l.b), cmp.Compare(k.portA, l.portA), cmp.Compare(k.portB, l.portB),
		cmp.Compare(k.proto, l.proto), cmp.Compare(k.version, l.version))
}

func compareAddr(a, b packet.Addr) int {
	return cmp.Or(cmp.Compare(a.Hi, b.Hi), cmp.Compare(a.Lo, b.Lo))
}

// begun returns the rows of a span that begin by the time given. Those among them that have not ended by some earlier time
// are found from the last one down, as long as reach is not before that time.
func begun(rows []row, s span, by int64) []row {
	rows = rows[s.from:s.to]
	low, high := 0, len(rows)
	for low < high { // the first that begins later
		if middle := (low + high) / 2; rows[middle].first > by {
			high = middle
		} else {
			low = middle + 1
		}
	}
	return rows[:low]
}

// stretches makes of the rows of TCP flows what windows are joined to: for each key (two hosts, or with byFlow two hosts
// and two ports) and label, stretches of time that do not overlap, in order of time.
func stretches(rows []row, byFlow bool) []row {
	tcp := 0
	for i := range rows {
		if rows[i].proto == packet.ProtoTCP {
			tcp++
		}
	}
	all := make([]row, 0, tcp)
	for i := range rows {
		if rows[i].proto != packet.ProtoTCP {
			continue
		}
		s := row{key: rows[i].key, first: rows[i].first, last: rows[i].last, label: rows[i].label}
		if !byFlow {
			s.portA, s.portB = 0, 0
		}
		all = append(all, s)
	}
	slices.SortFunc(all, func(r, s row) int {
		return cmp.Or(r.key.compare(s.key), cmp.Compare(r.label, s.label), cmp.Compare(r.first, s.first))
	})
	kept := all[:0]
	for _, s := range all {
		if n := len(kept) - 1; n >= 0 && kept[n].key == s.key && kept[n].label == s.label && s.first <= kept[n].last {
			kept[n].last = max(kept[n].last, s.last)
			continue
		}
		kept = append(kept, s)
	}
	return slices.Clip(kept)
}
