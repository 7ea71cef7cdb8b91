package research

import (
	"cmp"
	"maps"
	"slices"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
)

// Truth gathers from labelled flow records with which hosts and flows something is wrong.
type Truth struct {
	bad   []bool // by label: something is wrong with the flow
	flood []bool // by label: it is one of a flood's, which come from addresses that may be anybody's
	hosts map[detect.Host]*part
	flows map[uint64]bool
}

// part is what a host did.
type part struct{ bad, floods, flooded int }

// The host's part in a flood is known from so many flows on.
const floodFlows = 10

// NewTruth returns an empty Truth, for which flows of one of the classes are those with which something is wrong. Labels
// of family dos are floods.
func NewTruth(l *Labels, classes ...string) *Truth {
	t := &Truth{hosts: map[detect.Host]*part{}, flows: map[uint64]bool{}}
	labels := l.FlowLabels()
	class, family := slices.Index(labels.Names, "class"), slices.Index(labels.Names, "family")
	for _, row := range labels.Rows {
		t.bad = append(t.bad, class >= 0 && slices.Contains(classes, row[class]))
		t.flood = append(t.flood, family >= 0 && row[family] == "dos")
	}
	return t
}

// Flows takes records whose labels are set.
func (t *Truth) Flows(records []flowtable.Record) {
	for i := range records {
		r := &records[i]
		client, server := t.part(r.Client, r.Version), t.part(r.Server, r.Version)
		if r.Label == 0 || !t.bad[r.Label-1] {
			continue
		}
		t.flows[r.ID] = true
		if t.flood[r.Label-1] {
			client.floods++
			server.flooded++
		} else {
			client.bad++
		}
	}
}

func (t *Truth) part(a packet.Addr, version uint8) *part {
	h := detect.Host{Addr: a, Version: version}
	if t.hosts[h] == nil {
		t.hosts[h] = &part{}
	}
	return t.hosts[h]
}

// Hosts returns all hosts that were seen, by IP version and address. The caller owns the slice.
func (t *Truth) Hosts() []detect.Host {
	return slices.SortedFunc(maps.Keys(t.hosts), func(a, b detect.Host) int {
		return cmp.Or(cmp.Compare(a.Version, b.Version), cmp.Compare(a.Addr.Hi, b.Addr.Hi), cmp.Compare(a.Addr.Lo, b.Addr.Lo))
	})
}

// Flow says whether something is wrong with a flow.
func (t *Truth) Flow(id uint64) bool { return t.flows[id] }

// Host says whether something is wrong with a host: it is the client of such a flow, or the target of a flood. known is
// false where that cannot be told: its address was in a few flows of a flood, which may have been somebody else's.
func (t *Truth) Host(h detect.Host) (wrong, known bool) {
	p := t.hosts[h]
	switch {
	case p == nil:
		return false, true
	case p.bad > 0 || p.floods >= floodFlows || p.flooded >= floodFlows:
		return true, true
	}
	return false, p.floods == 0
}
