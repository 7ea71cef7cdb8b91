package hosts

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/detect/sketch"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/internal/resident"
	"github.com/weir-sensor/weir/packet"
)

const (
	tick   = 10 * time.Second
	window = 10 * time.Minute
)

// key is an address in a role.
type key struct {
	addr    packet.Addr
	version uint8 // of IP
	server  bool
}

func clientKey(f *detect.Flow) key { return key{f.Client, f.Version, false} }

func serverKey(f *detect.Flow) key { return key{f.Server, f.Version, true} }

func (k key) host() detect.Host { return detect.Host{Addr: k.addr, Version: k.version} }

func (k key) role() detect.Role {
	if k.server {
		return detect.Server
	}
	return detect.Client
}

// host is what an address did in the window. Nine of ten have one port and one peer, which are here.
type host struct {
	bytes [2]uint64
	id    uint64 // the flow that brought the port
	flows uint32
	port  uint32 // 0: none
	peer  uint16 // its bit in busy.peers, from 1; 0: none
	more  uint32 // place among the busy ones, from 1, where all but bytes and flows is; 0: it is here
}

// busy is a host with several ports or peers.
type busy struct {
	ports portSet
	level uint8 // how often the limit of many ports was passed: at each doubling
	said  uint8 // the level that was said
	peers sketch.Linear
	first detect.Evidence // flows that brought ports
}

// crossing is a host that came to have many ports since the last tick.
type crossing struct {
	key
	hash uint64
}

// Detector ranks hosts by their ports.
type Detector struct {
	cfg       Config
	hosts     *detect.Table[key, host]
	busy      slab[busy]
	pool      pool
	all       [2]histogram // of ports per host, clients and servers
	crossings []crossing
	high      map[key]bool // over the fence in the window before
	knockers  []knocker
	knocked   []uint16 // places of knockers that are taken; full: any may be
	compat    *compat  // nil: it is off
	group     []chosen // scratch
	hashes    []uint64 // of the hosts that are looked up
	places    [groupSize]uint16
	viewed    busy   // scratch
	warmed    uint32 // so that reads which only fetch are not left out
}

// New returns the detector; cfg must be valid.
func New(cfg Config) *Detector {
	d := &Detector{cfg: cfg, hosts: detect.NewTable[key, host](cfg.MaxHosts), high: map[key]bool{}, knockers: make([]knocker, knockers), knocked: make([]uint16, 0, maxKnocked)}
	d.all = [2]histogram{newHistogram(portIDs), newHistogram(portIDs)}
	d.busy.limit, d.pool.sets.limit, d.pool.bitmaps.limit = cfg.MaxHosts, cfg.MaxBusy, cfg.MaxScanned
	if cfg.Compat {
		d.compat = newCompat(cfg)
	}
	d.hosts.Forget = func(k key, h *host) {
		d.all[index(k)].add(d.count(h), -1)
		if h.more != 0 {
			d.pool.release(&d.busy.at(h.more).ports)
			d.busy.give(h.more)
		}
	}
	return d
}

// Tune has it go on with another configuration, see detectors.Tune; what it knows stays.
func (d *Detector) Tune(cfg Config) {
	d.cfg = cfg
	if d.compat != nil {
		d.compat.limit = cfg.ManyPorts
	}
}

func index(k key) int {
	if k.server {
		return 1
	}
	return 0
}

// Batches implements detect.Batcher.
func (d *Detector) Batches() []time.Duration { return []time.Duration{tick, window} }

// Tables implements detect.Sized.
func (d *Detector) Tables() []detect.TableCount {
	sets, bitmaps := &d.pool.sets, &d.pool.bitmaps
	all := []detect.TableCount{d.hosts.Count("hosts"),
		{Name: "busy", Entries: len(sets.all) - len(sets.free), Cap: sets.limit, Rejected: sets.rejected},
		{Name: "scanned", Entries: len(bitmaps.all) - len(bitmaps.free), Cap: bitmaps.limit, Rejected: bitmaps.rejected}}
	if d.compat != nil {
		all = append(all, d.compat.hosts.Count("compat"))
	}
	return all
}

// groupSize is how many flows are worked out and fetched before they are looked up.
const groupSize = 64

// Flows implements detect.FlowWatcher. A client's ports are those that it asked, a server's those on which it answered.
func (d *Detector) Flows(flows []detect.Flow, out detect.Out) {
	if d.compat != nil {
		for i := range flows {
			if f := &flows[i]; f.HasPorts() {
				d.compat.flow(f, out)
			}
		}
	}
	for group := range slices.Chunk(flows, groupSize) {
		d.choose(group)
		d.fetch()
		for i := range d.group {
			d.note(&d.group[i])
		}
	}
}

// chosen is a flow that says something of its client.
type chosen struct {
	flow     *detect.Flow
	answered bool // and of its server
}

// choose lists the flows that say something.
func (d *Detector) choose(flows []detect.Flow) {
	d.group, d.hashes = d.group[:0], d.hashes[:0]
	for i := range flows {
		f := &flows[i]
		answered := f.Answered()
		if !f.HasPorts() || f.ToMany() || f.Unasked() || f.ClientBy == flowtable.ByFirst && guessed(f, answered) {
			continue
		}
		d.group = append(d.group, chosen{f, answered})
		if d.hashes = append(d.hashes, f.ClientHash); answered {
			d.hashes = append(d.hashes, detect.Mix(f.ServerHash, 1))
		}
	}
}

// fetch fetches the hosts of the chosen flows, and the places where they may have knocked.
func (d *Detector) fetch() {
	d.hosts.WarmAll(d.hashes)
	for i, c := range d.group {
		d.places[i] = place(c.flow.Client)
	}
	for _, i := range d.places[:len(d.group)] {
		d.warmed += d.knockers[i].port
	}
}

// note notes what a flow says.
func (d *Detector) note(c *chosen) {
	f := c.flow
	client := d.hosts.Use(clientKey(f), f.ClientHash)
	if client == nil && (c.answered || d.knock(f)) {
		client = d.meet(f)
	}
	if client != nil {
		d.use(clientKey(f), f.ClientHash, client, f, f.Server)
	}
	if c.answered {
		k, hash := serverKey(f), detect.Mix(f.ServerHash, 1)
		server, _ := d.hosts.Put(k, hash)
		d.use(k, hash, server, f, f.Client)
	}
}

// guessed says whether it is a guess, by the first packet seen, which end asked for a port and which answers on it, so that
// the flow says nothing of either. Packets that nobody answered come from who asks, unless they are TCP's with ACK or RST,
// which answer something or go on with it.
func guessed(f *detect.Flow, answered bool) bool {
	if f.ServerPort < wellKnown && f.ClientPort >= wellKnown || f.Missing&detect.NoClientPort != 0 {
		return false // of records from elsewhere
	}
	if f.Proto == packet.ProtoTCP {
		return f.Missing&detect.NoTCPFlags != 0 || f.TCPFlags[flowtable.Up]&(packet.ACK|packet.RST) != 0
	}
	return answered
}

const wellKnown = 1024

// knocker is a client that nobody answered, and the port that it asked.
type knocker struct {
	addr    packet.Addr
	version uint8 // of IP; 0: the place is free
	port    uint32
	id      uint64 // the flow
}

const (
	knockers   = 65536
	maxKnocked = 4096 // places that are emptied one by one

	manyKnocked = 128 // from here on all of them are likely to be needed
)

// knock says whether an unanswered flow of an unknown client counts: the client has asked another port, which then counts,
// too. Others are spoofed sources of a flood more often than not; they are remembered at a place that a fixed hash gives,
// where a new one replaces another.
func (d *Detector) knock(f *detect.Flow) bool {
	at, port := place(f.Client), portID(f.Proto, f.ServerPort)
	v := &d.knockers[at]
	if v.addr == f.Client && v.version == f.Version {
		return v.port != port
	}
	if v.version == 0 && len(d.knocked) < maxKnocked {
		if d.knocked = append(d.knocked, at); len(d.knocked) == manyKnocked {
			resident.Touch(d.knockers, func(k *knocker) { atomic.AddUint32(&k.port, 0) })
		}
	}
	*v = knocker{f.Client, f.Version, port, f.ID}
	return false
}

// meet returns a client that was unknown, with the port that it asked before.
func (d *Detector) meet(f *detect.Flow) *host {
	k := clientKey(f)
	h, _ := d.hosts.Put(k, f.ClientHash)
	if v := &d.knockers[place(k.addr)]; v.addr == k.addr && v.version == k.version {
		h.flows++
		d.addPort(k, f.ClientHash, h, v.port, v.id)
		*v = knocker{}
	}
	return h
}

func place(a packet.Addr) uint16 { return uint16(sketch.Addr(0, a) % knockers) }

// forgetKnockers empties their places: those that were taken, where they are few.
func (d *Detector) forgetKnockers() {
	if len(d.knocked) == maxKnocked {
		clear(d.knockers)
	}
	for _, i := range d.knocked {
		d.knockers[i] = knocker{}
	}
	d.knocked = d.knocked[:0]
}

// use notes that a host used a flow's port.
func (d *Detector) use(k key, hash uint64, h *host, f *detect.Flow, peer packet.Addr) {
	if f.First() {
		h.flows++
		d.addPeer(h, sketch.Addr(0, peer))
	}
	h.bytes[flowtable.Up] += f.Bytes[flowtable.Up]
	h.bytes[flowtable.Down] += f.Bytes[flowtable.Down]
	d.addPort(k, hash, h, portID(f.Proto, f.ServerPort), f.ID)
}

// addPeer notes a peer of a host, by the hash of its address.
func (d *Detector) addPeer(h *host, hash uint64) {
	bit := sketch.LinearBit(hash)
	switch {
	case h.more != 0:
		d.busy.at(h.more).peers.Set(bit)
	case h.peer == 0:
		h.peer = bit + 1
	case h.peer != bit+1:
		d.grow(h).peers.Set(bit)
	}
}

// addPort notes a port of a host, and whether it has many now.
func (d *Detector) addPort(k key, hash uint64, h *host, port uint32, flow uint64) {
	if h.more == 0 {
		switch h.port {
		case port:
			return
		case 0:
			h.port, h.id = port, flow
			d.all[index(k)].add(1, 1)
			return
		}
		d.grow(h)
	}
	b := d.busy.at(h.more)
	before := int(b.ports.count)
	if !d.pool.add(&b.ports, port) {
		return
	}
	if before > 0 {
		d.all[index(k)].add(before, -1)
	}
	d.all[index(k)].add(before+1, 1)
	b.first.Add(flow)
	if before+1 > d.cfg.ManyPorts<<b.level {
		b.level++
		d.crossings = append(d.crossings, crossing{k, hash})
	}
}

// grow makes a host a busy one.
func (d *Detector) grow(h *host) *busy {
	h.more = d.busy.take()
	b := d.busy.at(h.more)
	*b = h.busy()
	return b
}

// busy returns what a host that is none would be as a busy one.
func (h *host) busy() (b busy) {
	if h.port != 0 {
		b.ports.few[0], b.ports.count = h.port, 1
		b.first.Add(h.id)
	}
	if h.peer != 0 {
		b.peers.Set(h.peer - 1)
	}
	return b
}

// count returns how many ports a host has.
func (d *Detector) count(h *host) int {
	if h.more != 0 {
		return int(d.busy.at(h.more).ports.count)
	}
	return int(min(h.port, 1))
}
