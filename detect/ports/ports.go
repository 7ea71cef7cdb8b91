package ports

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/detect/sketch"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
)

// service is a protocol's port.
type service struct {
	proto uint8
	port  uint16
}

// id returns the service as a number.
func (s service) id() uint64 { return uint64(s.proto)<<16 | uint64(s.port) }

func (s service) String() string {
	name := map[uint8]string{packet.ProtoTCP: "tcp", packet.ProtoUDP: "udp", packet.ProtoSCTP: "sctp"}[s.proto]
	return fmt.Sprintf("%s/%d", name, s.port)
}

// usage is what is known of a port.
type usage struct {
	bytes       [2]uint64
	flows       uint64
	first, last int64
	clients     sketch.Distinct
	servers     sketch.Distinct
}

// Port is what is known of a port. Times are ns since the Unix epoch; the numbers of clients and servers are exact up to
// sketch.ExactMax, and beyond it have a standard error of 3.25 %.
type Port struct {
	Proto            uint8
	Port             uint16
	BytesUp          uint64 // client to server, IP total lengths
	BytesDown        uint64
	Flows            uint64 // parts of a flow are one
	Clients, Servers int
	First, Last      int64 // start of the first use, end of the last
}

// Detector keeps the figures of ports and tells of first uses.
type Detector struct {
	cfg     Config
	popular map[service]bool
	ports   *detect.Table[service, usage]
	known   *sketch.Seen
	uses    uint64   // flows that were uses
	group   []use    // scratch
	places  []uint64 // scratch
	news
}

// New returns the detector; cfg must be valid.
func New(cfg Config) *Detector {
	d := &Detector{ports: detect.NewTable[service, usage](cfg.MaxPorts),
		known: sketch.NewSeen(cfg.MaxKnown, int64(cfg.Forget)), news: newNews(cfg)}
	d.Tune(cfg)
	return d
}

// Tune has it go on with another configuration, see detectors.Tune; what it knows stays.
func (d *Detector) Tune(cfg Config) {
	d.cfg, d.popular = cfg, map[service]bool{}
	for _, text := range cfg.Popular {
		s, _ := parseService(text) // it is valid
		d.popular[s] = true
	}
}

// Tables implements detect.Sized.
func (d *Detector) Tables() []detect.TableCount {
	n, limit := d.known.Len()
	return []detect.TableCount{d.ports.Count("ports"), {Name: "known", Entries: n, Cap: limit, Evicted: d.known.Forced()}, d.events.Count("first_uses")}
}

// Ports returns the figures of all ports, by bytes both ways, most first. The caller owns the slice.
func (d *Detector) Ports() []Port {
	all := make([]Port, 0, d.ports.Len())
	for s, u := range d.ports.All() {
		all = append(all, Port{s.proto, s.port, u.bytes[flowtable.Up], u.bytes[flowtable.Down], u.flows, u.clients.Count(), u.servers.Count(), u.first, u.last})
	}
	slices.SortFunc(all, func(a, b Port) int {
		return cmp.Or(cmp.Compare(b.BytesUp+b.BytesDown, a.BytesUp+a.BytesDown), cmp.Compare(a.Proto, b.Proto), cmp.Compare(a.Port, b.Port))
	})
	return all
}

// groupSize is how many flows are worked out and fetched before they are looked up.
const groupSize = 64

// Flows implements detect.FlowWatcher.
func (d *Detector) Flows(flows []detect.Flow, _ detect.Out) {
	for group := range slices.Chunk(flows, groupSize) {
		d.fetch(group)
		for i := range d.group {
			d.note(&d.group[i])
		}
	}
}

// use is a flow that is one, and what the memory is asked of it.
type use struct {
	flow           *detect.Flow
	client, server uint64    // hashes of the addresses; fixed
	asked          [3]uint64 // theUse, theServer, theClient; where the flow is a first part
}

// fetch lists the uses among flows, and fetches what is known of them.
func (d *Detector) fetch(flows []detect.Flow) {
	d.group, d.places = d.group[:0], d.places[:0]
	for i := range flows {
		f := &flows[i]
		if !f.HasPorts() || !f.Answered() {
			continue
		}
		d.group = append(d.group, use{flow: f})
		if f.First() {
			u := &d.group[len(d.group)-1]
			u.ask()
			d.places = append(d.places, u.asked[:]...)
		}
	}
	d.known.WarmAll(d.places)
}

// ask works out what the memory is asked.
func (u *use) ask() {
	f := u.flow
	port := service{f.Proto, f.ServerPort}.id()
	u.client, u.server = sketch.Addr(0, f.Client), sketch.Addr(0, f.Server)
	u.asked = [3]uint64{sketch.Hash(sketch.Hash(u.client, u.server), port),
		sketch.Hash(u.server, theServer<<32|port), sketch.Hash(u.client, theClient<<32|port)}
}

// note counts a use.
func (d *Detector) note(use *use) {
	f := use.flow
	s := service{f.Proto, f.ServerPort}
	u, fresh := d.ports.Put(s, detect.Mix(uint64(s.proto), uint64(s.port)))
	if fresh {
		u.first = f.Start
	}
	u.bytes[flowtable.Up] += f.Bytes[flowtable.Up]
	u.bytes[flowtable.Down] += f.Bytes[flowtable.Down]
	u.first, u.last = min(u.first, f.Start), max(u.last, f.End)
	if f.First() {
		u.flows++
		u.clients.Add(use.client)
		u.servers.Add(use.server)
		d.uses++
		d.meet(use, s)
	}
}

// What the memory is asked.
const (
	theUse    = iota // this client's of this server's service: where it is known, so is all below
	theServer        // the server's
	theClient        // the client's
	thePort          // the service, anywhere
)

// meet compares a use with what is known, and counts what is new.
func (d *Detector) meet(u *use, s service) {
	f := u.flow
	d.known.Advance(f.Time)
	d.active(u)
	if d.known.Add(u.asked[theUse]) {
		return
	}
	knownPort := d.known.Add(sketch.Hash(thePort, s.id()))
	knownServer := d.known.Add(u.asked[theServer])
	knownClient := d.known.Add(u.asked[theClient])
	switch {
	case f.Proto == packet.ProtoTCP && f.ClientBy == flowtable.ByFirst: // who is the server is a guess
	case !knownPort && f.ServerLocal:
		d.event(newPort, f.ServerHost(), f.ServerHash, f, s)
	case !knownPort && f.ClientLocal:
		d.event(newPort, f.ClientHost(), f.ClientHash, f, s)
	case !knownServer && f.ServerLocal:
		d.event(newService, f.ServerHost(), f.ServerHash, f, s)
	case !knownClient && f.ClientLocal && !d.popular[s]:
		d.event(newUse, f.ClientHost(), f.ClientHash, f, s)
	}
}

// Batches implements detect.Batcher.
func (d *Detector) Batches() []time.Duration { return []time.Duration{every} }
