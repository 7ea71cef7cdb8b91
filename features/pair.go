package features

import (
	"math/bits"
	"time"

	"github.com/weir-sensor/weir/packet"
)

// quiet is how long a pair is remembered after its last packet.
const quiet = 10 * time.Minute

// The directions of a packet in a window.
const (
	up   = iota // client to target
	down        // target to client
)

// key is two hosts, or with windows per flow two hosts and ports, in the order of their addresses.
type key struct {
	a, b      packet.Addr
	ports     uint32 // a's in the upper half; else 0
	version   uint8
	withPorts bool
}

// pair is a key's, and what every packet needs of its open window: one cache line. It holds no pointers.
type pair struct {
	a, b      packet.Addr // to withPorts: the key
	ports     uint32
	version   uint8
	withPorts bool
	client    uint8  // 0: a, 1: b
	window    uint32 // place of the open window, or 0
	packets   uint32 // of that, where it ends with a number of them
	segment   int64  // where that one's segment begins
	seen      int64  // the input's clock at the latest packet
}

func (pr *pair) key() key { return key{pr.a, pr.b, pr.ports, pr.version, pr.withPorts} }

func (pr *pair) has(k *key) bool {
	return pr.a == k.a && pr.b == k.b && pr.ports == k.ports && pr.version == k.version && pr.withPorts == k.withPorts
}

// pairs is the table of pairs: an index by hash over a slab, and all of them in a list from the longest idle to the
// latest seen. Place 0 is never used: it is an empty slot of the index, and the head of the list.
type pairs struct {
	seeds  [4]uint64
	limit  int
	used   int
	slots  []uint64 // open addressing, linear probing: hash in the upper half, place in the lower one; 0 is empty
	chunks []*[pairChunk]pair
	links  []link
	made   uint32
	free   []uint32
}

// link is a node of a doubly linked list of places.
type link struct{ next, prev uint32 }

const (
	pairChunk  = 1 << 10
	firstSlots = 1 << 10
)

func newPairs(limit int, seeds [4]uint64) pairs {
	return pairs{seeds: seeds, limit: limit, slots: make([]uint64, firstSlots), links: make([]link, 1, pairChunk)}
}

func (t *pairs) pair(place uint32) *pair { return &t.chunks[place/pairChunk][place%pairChunk] }

// oldest returns the place of the pair idle for longest, 0 where there is none.
func (t *pairs) oldest() uint32 { return t.links[0].next }

// pairOf returns the place of the packet's pair, which has the key, made where it is new, and the packet's direction, end
// being the one that sent it; place 0 where neither end is a client. A pair that was quiet for too long is decided anew.
func (w *Windower) pairOf(p *packet.Packet, k *key, end int, hash uint32) (place uint32, d int) {
	place = w.pairs.find(k, hash)
	if place != 0 && w.quietFor(place) >= int64(quiet) {
		w.forget(place, Remainder)
		place = 0
	}
	if place != 0 {
		w.pairs.touch(place)
	} else {
		src, ok := w.sourceIsClient(p)
		if !ok {
			return 0, 0
		}
		client := end
		if !src && (p.Src != p.Dst || p.SrcPort != p.DstPort) { // else all packets go one way
			client = 1 - end
		}
		if w.pairs.used >= w.pairs.limit {
			w.makeRoom()
		}
		place = w.pairs.insert(k, uint8(client), hash)
	}
	pr := w.pairs.pair(place)
	pr.seen = w.clock
	return place, end ^ int(pr.client)
}

// of makes k the key of the packet's pair, and returns which end sent the packet. There are no branches that packets of both
// directions would take at random.
func (k *key) of(p *packet.Packet, withPorts bool) (end int) {
	ports, swap := uint32(0), uint64(0)
	if withPorts {
		ports = uint32(p.SrcPort)<<16 | uint32(p.DstPort)
		_, swap = bits.Sub64(uint64(p.DstPort), uint64(p.SrcPort), 0)
	}
	_, swap = bits.Sub64(p.Dst.Lo, p.Src.Lo, swap)
	_, swap = bits.Sub64(p.Dst.Hi, p.Src.Hi, swap)
	end, swap = int(swap), -swap // where the destination comes first 1, and all ones
	hi, lo := (p.Src.Hi^p.Dst.Hi)&swap, (p.Src.Lo^p.Dst.Lo)&swap
	k.a.Hi, k.a.Lo = p.Src.Hi^hi, p.Src.Lo^lo
	k.b.Hi, k.b.Lo = p.Dst.Hi^hi, p.Dst.Lo^lo
	k.ports, k.version, k.withPorts = bits.RotateLeft32(ports, 16*end), p.Version, withPorts
	return end
}

// withPorts says whether the packet is looked up by its ports, too: those tell the direction where a host talks to itself.
func (w *Windower) withPorts(p *packet.Packet) bool { return w.byFlow || p.Src == p.Dst }

// touch computes the TCP packets' keys and hashes, and reads a word of each cache line that counting them is likely to need.
func (w *Windower) touch(group []Input) {
	mask := uint32(len(w.pairs.slots) - 1)
	for i := range group {
		w.places[i] = 0
		if p := group[i].Packet; p.Proto == packet.ProtoTCP {
			k := &w.keys[i]
			w.ends[i] = uint8(k.of(p, w.withPorts(p)))
			w.hashes[i] = w.pairs.hash(k)
			w.places[i] = uint32(w.pairs.slots[w.hashes[i]&mask])
		}
	}
	sum := uint64(0)
	for i := range group {
		if place := w.places[i]; place != 0 {
			sum += uint64(w.pairs.links[place].next) + uint64(w.pairs.pair(place).window)
		}
	}
	for i := range group {
		if place := w.places[i]; place != 0 {
			if pr := w.pairs.pair(place); pr.window != 0 {
				sum += w.touchWindow(pr.window, pr.packets)
			}
		}
	}
	w.touched += sum
}

// touchWindow reads of the window, which has so many packets, what the next one is likely to need.
func (w *Windower) touchWindow(place, packets uint32) uint64 {
	if !w.byTime {
		x := w.open.sample(place, packets)
		return uint64(x[0] + x[sampleWords-1])
	}
	l := &w.open.layout
	s, lists := w.open.state(place), w.open.numbers(place)
	sum := uint64(s.sides[up].packets) + uint64(s.sides[up].length[0]) + s.sides[up].bytes
	sum += uint64(s.sides[down].packets) + uint64(s.sides[down].length[0]) + s.sides[down].bytes
	return sum + uint64(lists[0]+lists[l.both-1]+lists[l.connections]+lists[l.marks-1]+lists[l.lengths])
}

// sourceIsClient decides, at the first packet of a pair, whether its source is the client; ok is false where neither end
// may be one.
func (w *Windower) sourceIsClient(p *packet.Packet) (is, ok bool) {
	if !w.clients.Empty() {
		src, dst := w.clients.Contains(p.Src, p.Version), w.clients.Contains(p.Dst, p.Version)
		if src != dst || !src {
			return src, src || dst
		}
	}
	switch p.TCPFlags & (packet.SYN | packet.ACK) {
	case packet.SYN:
		return true, true
	case packet.SYN | packet.ACK:
		return false, true
	}
	return !w.serverPort(p.SrcPort) || w.serverPort(p.DstPort), true
}

// quietFor returns how long no packet of the pair has come, ns.
func (w *Windower) quietFor(place uint32) int64 { return w.clock - w.pairs.pair(place).seen }

// makeRoom forgets the pair that was idle for longest.
func (w *Windower) makeRoom() {
	place := w.pairs.oldest()
	if w.quietFor(place) < int64(quiet) {
		w.counters.PairsEvicted++
	}
	w.forget(place, Evicted)
}

func (w *Windower) serverPort(port uint16) bool { return w.servers[port/64]>>(port%64)&1 != 0 }

// hash mixes the key with the seeds.
func (t *pairs) hash(k *key) uint32 {
	h := fold(k.a.Lo^t.seeds[0], k.b.Lo^t.seeds[1])
	if k.a.Hi|k.b.Hi != 0 {
		h = fold(k.a.Hi^h, k.b.Hi^t.seeds[2])
	}
	h ^= uint64(k.ports)<<16 ^ uint64(k.version)
	if k.withPorts {
		h ^= 1 << 8
	}
	return uint32(fold(h, t.seeds[3]))
}

// fold multiplies to 128 bits and folds the halves.
func fold(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}

// find returns the place of the pair with the key, or 0.
func (t *pairs) find(k *key, hash uint32) uint32 {
	mask := uint32(len(t.slots) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		s := t.slots[i]
		if s == 0 {
			return 0
		}
		if uint32(s>>32) != hash {
			continue
		}
		if t.pair(uint32(s)).has(k) {
			return uint32(s)
		}
	}
}

// insert adds a pair that is not there and returns its place.
func (t *pairs) insert(k *key, client uint8, hash uint32) uint32 {
	if t.used >= len(t.slots)/4*3 {
		t.grow()
	}
	var place uint32
	if n := len(t.free); n > 0 {
		place = t.free[n-1]
		t.free = t.free[:n-1]
	} else {
		t.made++
		place = t.made
		if int(place/pairChunk) == len(t.chunks) {
			t.chunks = append(t.chunks, new([pairChunk]pair))
		}
		t.links = append(t.links, link{})
	}
	*t.pair(place) = pair{a: k.a, b: k.b, ports: k.ports, version: k.version, withPorts: k.withPorts, client: client}
	t.put(uint64(hash)<<32 | uint64(place))
	t.used++
	t.append(place)
	return place
}

func (t *pairs) put(slot uint64) {
	mask := uint32(len(t.slots) - 1)
	i := uint32(slot>>32) & mask
	for t.slots[i] != 0 {
		i = (i + 1) & mask
	}
	t.slots[i] = slot
}

func (t *pairs) grow() {
	old := t.slots
	t.slots = make([]uint64, 2*len(old))
	for _, s := range old {
		if s != 0 {
			t.put(s)
		}
	}
}

// remove forgets the pair. Slots behind its own are moved back, so that there are no tombstones.
func (t *pairs) remove(place uint32) {
	mask := uint32(len(t.slots) - 1)
	k := t.pair(place).key()
	hash := t.hash(&k)
	i := hash & mask
	for t.slots[i] != uint64(hash)<<32|uint64(place) {
		if t.slots[i] == 0 {
			panic("bug: pair is not in the index")
		}
		i = (i + 1) & mask
	}
	for j := (i + 1) & mask; t.slots[j] != 0; j = (j + 1) & mask {
		if home := uint32(t.slots[j]>>32) & mask; (j-home)&mask >= (j-i)&mask {
			t.slots[i] = t.slots[j]
			i = j
		}
	}
	t.slots[i] = 0
	t.used--
	t.unlink(place)
	t.free = append(t.free, place)
}

// touch makes the pair the latest seen.
func (t *pairs) touch(place uint32) {
	if t.links[0].prev != place {
		t.unlink(place)
		t.append(place)
	}
}

func (t *pairs) append(place uint32) {
	last := t.links[0].prev
	t.links[place] = link{prev: last}
	t.links[last].next = place
	t.links[0].prev = place
}

func (t *pairs) unlink(place uint32) {
	l := t.links[place]
	t.links[l.prev].next = l.next
	t.links[l.next].prev = l.prev
}
