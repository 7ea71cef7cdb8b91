package pairs

import (
	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/packet"
)

// knownPort is one cache line.
type knownPort struct {
	client, server packet.Addr
	at             int64  // of the last use, ns
	port           uint16 // 0 for protocols without ports
	proto, version uint8
	hash           uint32 // of all but at
	older, newer   uint32 // neighbours by last use, from 1; of one that is given back, newer is the next such
}

// knownPorts remembers when pairs used ports last: so many at most, beyond that the one that was not used for longest is
// forgotten. It is used many at a time: each is taken out of the order of use by touch, and put back as the newest by join.
type knownPorts struct {
	index          index
	chunks         [][]knownPort
	cap, len, used int    // used: places that were ever taken
	free           uint32 // first place given back, from 1
	oldest, newest uint32 // from 1
	evicted        uint64
	warmth         uint32 // so that reads ahead are not left out
}

const chunk = 1024

// warmed is how many waits for memory are made to overlap.
const warmed = 64

func newKnownPorts(limit int) knownPorts {
	return knownPorts{index: newIndex(), chunks: [][]knownPort{make([]knownPort, chunk)}, cap: limit}
}

func (k *knownPorts) count() detect.TableCount {
	return detect.TableCount{Name: "ports", Entries: k.len, Cap: k.cap, Evicted: k.evicted}
}

func (k *knownPorts) at(i int) *knownPort { return &k.chunks[uint(i)/chunk][uint(i)%chunk] }

// warm reads the entries that touch will look at first, so that the waits for memory are over. It makes no
// difference between slots that are taken and free: a wrong guess would have the ones behind it wait.
func (k *knownPorts) warm(uses []use) {
	var first [warmed]uint32
	for i := range uses {
		first[i] = max(k.index.slots[k.index.home(uses[i].hash)].entry, 1) - 1
	}
	for _, i := range first[:len(uses)] {
		k.warmth += k.at(int(i)).hash
	}
	k.warmOldest(k.len + len(uses) - k.cap)
}

// warmOldest does so with as many as there are of those that were not used for longest, for forget.
func (k *knownPorts) warmOldest(n int) {
	for i := k.oldest; i != 0 && n > 0; n-- {
		p := k.at(int(i) - 1)
		k.warmth += k.index.slots[k.index.home(p.hash)].hash
		i = p.newer
	}
}

// touch returns a port that is used now, and until join not in the order of use, and its place. Where it is not known it is
// added, for which the one not used for longest is forgotten if there is no room: there must be one in the order of use then.
func (k *knownPorts) touch(p *pair, u *use) (o *knownPort, place int, known bool) {
	for at, i := k.index.seek(u.hash, k.index.home(u.hash)); i >= 0; at, i = k.index.seek(u.hash, at+1) {
		o = k.at(i)
		if o.server == p.server && o.client == p.client && o.port == u.port && o.proto == u.proto && o.version == p.version {
			k.leave(o)
			return o, i, true
		}
	}
	if k.len == k.cap {
		k.evicted++
		k.forget()
	}
	place = k.take()
	o = k.at(place)
	o.client, o.server, o.version = p.client, p.server, p.version
	o.port, o.proto, o.hash = u.port, u.proto, u.hash
	k.index.add(u.hash, place)
	return o, place, false
}

// take returns a place for one more.
func (k *knownPorts) take() int {
	k.len++
	if i := k.free; i != 0 {
		k.free = k.at(int(i) - 1).newer
		return int(i) - 1
	}
	if k.used == len(k.chunks)*chunk {
		k.chunks = append(k.chunks, make([]knownPort, chunk))
	}
	k.used++
	return k.used - 1
}

// join makes a port that touch returned the newest.
func (k *knownPorts) join(place int) {
	p, i := k.at(place), uint32(place)+1
	if p.older, p.newer = k.newest, 0; k.newest != 0 {
		k.at(int(k.newest) - 1).newer = i
	} else {
		k.oldest = i
	}
	k.newest = i
}

// leave takes a port out of the order of use.
func (k *knownPorts) leave(p *knownPort) {
	if p.older != 0 {
		k.at(int(p.older) - 1).newer = p.newer
	} else {
		k.oldest = p.newer
	}
	if p.newer != 0 {
		k.at(int(p.newer) - 1).older = p.older
	} else {
		k.newest = p.older
	}
}

// forget forgets the port that was not used for longest.
func (k *knownPorts) forget() {
	i := k.oldest
	p := k.at(int(i) - 1)
	k.index.remove(p.hash, int(i)-1)
	k.leave(p)
	p.newer, k.free = k.free, i
	k.len--
}

// expire forgets those that were not used after t, ns.
func (k *knownPorts) expire(t int64) {
	for n := 0; k.oldest != 0 && k.at(int(k.oldest)-1).at <= t; n++ {
		if n%warmed == 0 {
			k.warmOldest(warmed)
		}
		k.forget()
	}
}
