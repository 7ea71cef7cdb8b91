package pairs

import (
	"time"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
)

// every is the length of a batch.
const every = 10 * time.Second

// Detector holds the pairs of the batch at hand and the ports that pairs used. Make it with New.
type Detector struct {
	cfg      Config
	pairs    *detect.Table[pairKey, pair] // of this batch, in the order of their first flows
	ports    *detect.Table[portKey, used]
	sources  *detect.Table[detect.Host, source] // of the batch that is being closed
	start    int64                              // of this batch, ns; noBatch: none is open
	rejected uint64                             // flows of pairs beyond the table's room
	refused  uint64                             // of them, before this batch
	evicted  uint64                             // ports forgotten before this batch
	forgot   int64                              // end of the latest batch in which a port was forgotten
	history  [features]history
	targets  history // of new targets by client

	values [features][]float64 // scratch
}

var (
	_ detect.FlowWatcher = (*Detector)(nil)
	_ detect.Batcher     = (*Detector)(nil)
	_ detect.Sized       = (*Detector)(nil)
)

const noBatch = -1 << 63

type pairKey struct {
	client, server packet.Addr
	version        uint8
}

type portKey struct {
	client, server packet.Addr
	port           uint16
	proto, version uint8
}

// used says when a pair last used a port, ns, and has the hash of its key.
type used struct {
	at   int64
	hash uint32
}

// pair is what happened between two hosts in a batch.
type pair struct {
	client     uint64 // hash
	up, down   uint64 // bytes
	flows      uint32
	ports      uint32 // distinct ones of the server
	newPorts   uint32
	newOther   uint32 // protocols without ports that are new
	unanswered uint32 // of newPorts and newOther, those whose first flow had no answer
	odd        bool   // worth an alert, of its own or of its client
	evidence   detect.Evidence
}

// New returns a detector; cfg must be valid.
func New(cfg Config) *Detector {
	return &Detector{
		cfg:     cfg,
		pairs:   detect.NewTable[pairKey, pair](cfg.MaxPairs),
		ports:   detect.NewTable[portKey, used](cfg.MaxPorts),
		sources: detect.NewTable[detect.Host, source](cfg.MaxPairs),
		start:   noBatch,
		forgot:  noBatch,
	}
}

// Tune has it go on with another configuration, see detectors.Tune; what it knows stays.
func (d *Detector) Tune(cfg Config) { d.cfg = cfg }

// Batches implements detect.Batcher.
func (d *Detector) Batches() []time.Duration { return []time.Duration{every} }

// Tables implements detect.Sized.
func (d *Detector) Tables() []detect.TableCount {
	pairs := d.pairs.Count("pairs")
	pairs.Rejected = d.rejected
	return []detect.TableCount{pairs, d.ports.Count("ports")}
}

// Flows implements detect.FlowWatcher.
func (d *Detector) Flows(flows []detect.Flow, _ detect.Out) {
	for i := range flows {
		d.pairs.Warm(flows[i].PairHash)
		d.ports.Warm(portHash(&flows[i]))
	}
	for i := range flows {
		d.add(&flows[i])
	}
}

func (d *Detector) add(f *detect.Flow) {
	if d.start == noBatch {
		d.start = f.Time - f.Time%int64(every)
	}
	key := pairKey{f.Client, f.Server, f.Version}
	p, fresh := d.pairs.Keep(key, f.PairHash)
	switch {
	case p == nil:
		d.rejected++
		return
	case fresh:
		p.client = f.ClientHash
	}
	p.up += f.Bytes[flowtable.Up]
	p.down += f.Bytes[flowtable.Down]
	p.evidence.Add(f.ID)
	if f.First() {
		p.flows++
		if !answersOnly(f) && !f.ToMany() {
			d.use(p, f)
		}
	}
}

// use notes that a pair uses the flow's server port.
func (d *Detector) use(p *pair, f *detect.Flow) {
	key := portKey{client: f.Client, server: f.Server, proto: f.Proto, version: f.Version}
	if f.HasPorts() {
		key.port = f.ServerPort
	}
	hash := portHash(f)
	u, fresh := d.ports.Put(key, hash)
	before := u.at
	*u = used{f.Time, uint32(hash)}
	if !fresh && before >= d.start {
		return
	}
	isNew := fresh || d.start-before >= int64(d.cfg.Expiry)
	switch {
	case f.HasPorts():
		p.ports++
		if isNew {
			p.newPorts++
		}
	case isNew:
		p.newOther++
	}
	if isNew && (f.Failed() || !f.Answered()) {
		p.unanswered++
	}
}

// portHash returns the hash of what the flow's pair uses; it fits into used.
func portHash(f *detect.Flow) uint64 {
	v := uint64(f.Proto) << 16
	if f.HasPorts() {
		v |= uint64(f.ServerPort)
	}
	hash := detect.Mix(f.PairHash, v)
	return uint64(uint32(hash ^ hash>>32))
}

// answersOnly says whether all that was seen of a TCP flow are answers to what was not seen: resets or accepted handshakes
// of somebody whose address others use. Their ports were chosen by nobody.
func answersOnly(f *detect.Flow) bool {
	const syn, rst, ack = packet.SYN, packet.RST, packet.ACK
	if f.Proto != packet.ProtoTCP || f.Missing&detect.NoTCPFlags != 0 || f.Bytes[flowtable.Down] != 0 {
		return false
	}
	flags := f.TCPFlags[flowtable.Up]
	return flags&rst != 0 && flags&syn == 0 || flags&(syn|ack) == syn|ack
}

// forget deletes the ports that are new again by t, ns.
func (d *Detector) forget(t int64) {
	for {
		key, u, ok := d.ports.Oldest()
		if !ok || t-u.at < int64(d.cfg.Expiry) {
			return
		}
		d.ports.Delete(key, uint64(u.hash))
	}
}
