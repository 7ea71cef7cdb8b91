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
	open     // of this batch
	log      uses
	known    knownPorts
	sources  []source // of the batch that is being closed, that of the last pair first
	clients  index    // of sources
	odd      []int    // pairs of it that are worth an alert, of their own or of their client, the last first
	start    int64    // of this batch, ns; noBatch: none is open
	rejected uint64   // flows of pairs beyond the room
	refused  uint64   // of them, before this batch
	evicted  uint64   // ports forgotten before this batch
	forgot   int64    // end of the latest batch in which a port was forgotten
	history  [features]history
	targets  history // of new targets by client

	ranks  ranks            // scratch
	values [features]column // scratch
}

var (
	_ detect.FlowWatcher = (*Detector)(nil)
	_ detect.Batcher     = (*Detector)(nil)
	_ detect.Sized       = (*Detector)(nil)
)

const noBatch = -1 << 63

// New returns a detector; cfg must be valid.
func New(cfg Config) *Detector {
	return &Detector{
		cfg:     cfg,
		open:    open{index: newIndex(), cap: cfg.MaxPairs},
		log:     uses{index: newIndex(), limit: min(logSize, cfg.MaxPorts)},
		known:   newKnownPorts(cfg.MaxPorts),
		clients: newIndex(),
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
	d.fold()
	return []detect.TableCount{{Name: "pairs", Entries: len(d.pairs), Cap: d.open.cap, Rejected: d.rejected}, d.known.count()}
}

// Flows implements detect.FlowWatcher.
func (d *Detector) Flows(flows []detect.Flow, _ detect.Out) {
	d.open.warm(flows)
	for i := range flows {
		d.add(&flows[i])
	}
}

func (d *Detector) add(f *detect.Flow) {
	if d.start == noBatch {
		d.start = f.Time - f.Time%int64(every)
	}
	i := d.open.find(f)
	if i < 0 {
		d.rejected++
		return
	}
	p := &d.pairs[i]
	p.up += f.Bytes[flowtable.Up]
	p.down += f.Bytes[flowtable.Down]
	d.open.cite(i, f.ID)
	if f.First() && !f.Unasked() {
		p.flows++
		if !answersOnly(f) && !f.ToMany() {
			d.use(i, f)
		}
	}
}

// answersOnly says whether all that was seen of a TCP flow are answers of the client's to what was not seen: resets or accepted
// handshakes of somebody whose address others use. Their ports were chosen by nobody. Those of the server's are Unasked.
func answersOnly(f *detect.Flow) bool {
	const syn, rst, ack = packet.SYN, packet.RST, packet.ACK
	if f.Proto != packet.ProtoTCP || f.Missing&detect.NoTCPFlags != 0 || f.Bytes[flowtable.Down] != 0 {
		return false
	}
	flags := f.TCPFlags[flowtable.Up]
	return flags&rst != 0 && flags&syn == 0 || flags&(syn|ack) == syn|ack
}
