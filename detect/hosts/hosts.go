package hosts

import (
	"time"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/detect/sketch"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
)

const (
	tick   = 10 * time.Second
	window = 10 * time.Minute
)

// key is an address in a role.
type key struct {
	host   detect.Host
	server bool
}

func (k key) role() detect.Role {
	if k.server {
		return detect.Server
	}
	return detect.Client
}

// host is what an address did in the window.
type host struct {
	ports portSet
	level uint8 // how often the limit of many ports was passed: at each doubling
	said  uint8 // the level that was said
	flows uint32
	bytes [2]uint64
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
	pool      pool
	all       [2]histogram // of ports per host, clients and servers
	crossings []crossing
	high      map[key]bool // over the fence in the window before
	knockers  []knocker
	knocked   []uint16 // places of knockers that are taken; full: any may be
	compat    *compat  // nil: it is off
	warmed    uint32   // so that reads which only fetch are not left out
}

// New returns the detector; cfg must be valid.
func New(cfg Config) *Detector {
	d := &Detector{cfg: cfg, hosts: detect.NewTable[key, host](cfg.MaxHosts), high: map[key]bool{}, knockers: make([]knocker, knockers), knocked: make([]uint16, 0, maxKnocked)}
	d.all = [2]histogram{newHistogram(portIDs), newHistogram(portIDs)}
	d.pool.sets.limit, d.pool.bitmaps.limit = cfg.MaxBusy, cfg.MaxScanned
	if cfg.Compat {
		d.compat = newCompat(cfg)
	}
	d.hosts.Forget = func(k key, h *host) {
		d.all[index(k)].add(int(h.ports.count), -1)
		d.pool.release(&h.ports)
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

// Flows implements detect.FlowWatcher. A client's ports are those that it asked, a server's those on which it answered.
func (d *Detector) Flows(flows []detect.Flow, out detect.Out) {
	for i := range flows {
		f := &flows[i]
		if !f.HasPorts() {
			continue
		}
		d.hosts.Warm(f.ClientHash)
		if f.Answered() {
			d.hosts.Warm(detect.Mix(f.ServerHash, 1))
		}
		d.warmed += d.knocker(f.ClientHost()).port
	}
	for i := range flows {
		f := &flows[i]
		if d.compat != nil && f.HasPorts() {
			d.compat.flow(f, out)
		}
		answered := f.Answered()
		if !f.HasPorts() || f.ToMany() || f.ClientBy == flowtable.ByFirst && guessed(f, answered) {
			continue
		}
		if k := (key{f.ClientHost(), false}); answered || d.knock(k, f) {
			d.use(k, f.ClientHash, f, f.Server)
		}
		if answered {
			d.use(key{f.ServerHost(), true}, detect.Mix(f.ServerHash, 1), f, f.Client)
		}
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
	host detect.Host
	port uint32
	id   uint64 // the flow
}

const (
	knockers   = 65536
	maxKnocked = 4096 // places that are emptied one by one
)

// knock says whether an unanswered flow counts: its client has been answered, or asked another port, which then counts,
// too. Others are spoofed sources of a flood more often than not; they are remembered at a place that a fixed hash gives,
// where a new one replaces another.
func (d *Detector) knock(k key, f *detect.Flow) bool {
	if d.hosts.Get(k, f.ClientHash) != nil {
		return true
	}
	v, port := d.knocker(k.host), portID(f.Proto, f.ServerPort)
	if v.host != k.host {
		if v.host == (detect.Host{}) && len(d.knocked) < maxKnocked {
			d.knocked = append(d.knocked, place(k.host))
		}
		*v = knocker{k.host, port, f.ID}
		return false
	}
	return v.port != port
}

func (d *Detector) knocker(h detect.Host) *knocker { return &d.knockers[place(h)] }

func place(h detect.Host) uint16 { return uint16(sketch.Addr(0, h.Addr) % knockers) }

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
func (d *Detector) use(k key, hash uint64, f *detect.Flow, peer packet.Addr) {
	h, fresh := d.hosts.Put(k, hash)
	if fresh && !k.server {
		d.recall(k, hash, h)
	}
	if f.First() {
		h.flows++
		h.peers.Add(sketch.Addr(0, peer))
	}
	h.bytes[flowtable.Up] += f.Bytes[flowtable.Up]
	h.bytes[flowtable.Down] += f.Bytes[flowtable.Down]
	d.addPort(k, hash, h, portID(f.Proto, f.ServerPort), f.ID)
}

// recall counts the port that a client asked before it was known.
func (d *Detector) recall(k key, hash uint64, h *host) {
	if v := d.knocker(k.host); v.host == k.host {
		h.flows++
		d.addPort(k, hash, h, v.port, v.id)
		*v = knocker{}
	}
}

// addPort notes a port of a host, and whether it has many now.
func (d *Detector) addPort(k key, hash uint64, h *host, port uint32, flow uint64) {
	before := int(h.ports.count)
	if !d.pool.add(&h.ports, port) {
		return
	}
	if before > 0 {
		d.all[index(k)].add(before, -1)
	}
	d.all[index(k)].add(before+1, 1)
	h.first.Add(flow)
	if before+1 > d.cfg.ManyPorts<<h.level {
		h.level++
		d.crossings = append(d.crossings, crossing{k, hash})
	}
}
