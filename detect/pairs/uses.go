package pairs

import (
	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/flowtable"
)

// use is a port that a pair used, once or more, since the log was folded.
type use struct {
	at    int64  // of the last flow, ns
	pair  uint32 // its place
	hash  uint32 // of the port's key; when the log is folded, the port's place
	last  uint32 // how many flows were before the last one
	port  uint16 // with hasPort
	proto uint8

	hasPort bool
	failed  bool // the first flow had no answer
}

// uses is a log: looking up what pairs used before is for many flows at once, which is faster.
type uses struct {
	all   []use
	flows []uint32 // of each flow its use
	index index    // of all but a pair's first
	limit int      // of all, flows: the log is full
}

const logSize = 1 << 13

// use notes that the i-th pair uses the flow's server port.
func (d *Detector) use(i int, f *detect.Flow) {
	l := &d.log
	if len(l.flows) == l.limit {
		d.fold()
	}
	u := l.find(i, &d.pairs[i], f)
	u.at, u.last = f.Time, uint32(len(l.flows)-1)
}

// find returns the use of the flow's port, which may be a new one.
func (l *uses) find(i int, p *pair, f *detect.Flow) *use {
	var port uint16
	if f.HasPorts() {
		port = f.ServerPort
	}
	first := int(p.use) >= len(l.all) || l.all[p.use].pair != uint32(i)
	if !first {
		if u := &l.all[p.use]; u.port == port && u.proto == f.Proto {
			l.flows = append(l.flows, p.use)
			return u
		}
	}
	hash := fold(detect.Mix(f.PairHash, uint64(f.Proto)<<16|uint64(port)))
	n := len(l.all)
	if first {
		p.use = uint32(n)
	} else {
		for at, k := l.index.seek(hash, l.index.home(hash)); k >= 0; at, k = l.index.seek(hash, at+1) {
			if u := &l.all[k]; u.pair == uint32(i) && u.port == port && u.proto == f.Proto {
				l.flows = append(l.flows, uint32(k))
				return u
			}
		}
		l.index.add(hash, n)
	}
	l.flows = append(l.flows, uint32(n))
	l.all = append(l.all, use{pair: uint32(i), hash: hash, port: port, proto: f.Proto,
		hasPort: f.HasPorts(), failed: f.Failed() || !f.Answered() && f.Payload[flowtable.Down] == 0})
	return &l.all[n]
}

// fold looks up what is in the log, and empties it. The result is the same whenever it is called: no port is forgotten
// that is in the log, because there are not more there than are remembered, and their order is that of their last uses.
func (d *Detector) fold() {
	l := &d.log
	for n := range l.all {
		if n%warmed == 0 {
			d.known.warm(l.all[n:min(n+warmed, len(l.all))])
		}
		d.lookUp(&l.all[n])
	}
	for n, i := range l.flows {
		if u := &l.all[i]; u.last == uint32(n) {
			d.known.join(int(u.hash))
		}
	}
	l.all, l.flows = l.all[:0], l.flows[:0]
	l.index.clear()
}

// lookUp counts a use for its pair.
func (d *Detector) lookUp(u *use) {
	p, t := &d.pairs[u.pair], &d.tallies[u.pair]
	port, place, known := d.known.touch(p, u)
	before := port.at
	port.at, u.hash = u.at, uint32(place)
	if known && before >= d.start {
		return // by a flow that is not in the log any more
	}
	isNew := !known || d.start-before >= int64(d.cfg.Expiry)
	switch {
	case u.hasPort:
		t.ports++
		if isNew {
			t.newPorts++
		}
	case isNew:
		t.newOther++
	}
	if isNew && u.failed {
		t.unanswered++
	}
}
