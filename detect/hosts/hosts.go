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
}

// New returns the detector; cfg must be valid.
func New(cfg Config) *Detector {
	d := &Detector{cfg: cfg, hosts: detect.NewTable[key, host](cfg.MaxHosts), high: map[key]bool{}}
	d.all = [2]histogram{newHistogram(portIDs), newHistogram(portIDs)}
	d.pool.sets.limit, d.pool.bitmaps.limit = cfg.MaxBusy, cfg.MaxScanned
	d.hosts.Forget = func(k key, h *host) {
		d.all[index(k)].add(int(h.ports.count), -1)
		d.pool.release(&h.ports)
	}
	return d
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
	return []detect.TableCount{d.hosts.Count("hosts"),
		{Name: "busy", Entries: len(sets.all) - len(sets.free), Cap: sets.limit, Rejected: sets.rejected},
		{Name: "scanned", Entries: len(bitmaps.all) - len(bitmaps.free), Cap: bitmaps.limit, Rejected: bitmaps.rejected}}
}

// Flows implements detect.FlowWatcher. A client's ports are those that it asked, a server's those on which it answered.
func (d *Detector) Flows(flows []detect.Flow, _ detect.Out) {
	for i := range flows {
		f := &flows[i]
		if !f.HasPorts() {
			continue
		}
		d.use(key{f.ClientHost(), false}, f.ClientHash, f, f.Server)
		if f.Answered() {
			d.use(key{f.ServerHost(), true}, detect.Mix(f.ServerHash, 1), f, f.Client)
		}
	}
}

// use notes that a host used a flow's port.
func (d *Detector) use(k key, hash uint64, f *detect.Flow, peer packet.Addr) {
	h, _ := d.hosts.Put(k, hash)
	if f.First() {
		h.flows++
		h.peers.Add(sketch.Addr(0, peer))
	}
	h.bytes[flowtable.Up] += f.Bytes[flowtable.Up]
	h.bytes[flowtable.Down] += f.Bytes[flowtable.Down]
	before := int(h.ports.count)
	if !d.pool.add(&h.ports, portID(f.Proto, f.ServerPort)) {
		return
	}
	if before > 0 {
		d.all[index(k)].add(before, -1)
	}
	d.all[index(k)].add(before+1, 1)
	h.first.Add(f.ID)
	if before+1 > d.cfg.ManyPorts<<h.level {
		h.level++
		d.crossings = append(d.crossings, crossing{k, hash})
	}
}
