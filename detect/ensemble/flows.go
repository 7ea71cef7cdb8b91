package ensemble

import (
	"iter"
	"slices"

	"github.com/weir-sensor/weir/detect"
)

// flowEvidence is what was said of a flow, and the host that was spoken of first. It holds no pointers.
type flowEvidence struct {
	evidence
	host detect.Host
}

// flows are those that a detector scored and those that alerts name, apart, so that a flood of scores does not drive
// these out.
type flows struct {
	scored, named *detect.Table[uint64, flowEvidence]
}

func newFlows(limit int) flows {
	return flows{detect.NewTable[uint64, flowEvidence](limit), detect.NewTable[uint64, flowEvidence](limit)}
}

// allFlows goes over all flows of which something is known.
func (d *Detector) allFlows() iter.Seq2[uint64, *flowEvidence] {
	return func(yield func(uint64, *flowEvidence) bool) {
		for _, table := range []*detect.Table[uint64, flowEvidence]{d.flows.named, d.flows.scored} {
			for id, f := range table.All() {
				if !yield(id, f) {
					return
				}
			}
		}
	}
}

// flow returns what is known of a flow at a time; host is the one that is spoken of.
func (d *Detector) flow(id uint64, host detect.Host, now int64) *evidence {
	hash := detect.Mix(d.seed, id)
	f := d.flows.named.Get(id, hash)
	if f == nil {
		f, _ = d.flows.scored.Put(id, hash)
	}
	return d.evidenceOf(f, host, now)
}

func (d *Detector) evidenceOf(f *flowEvidence, host detect.Host, now int64) *evidence {
	e := d.at(&f.evidence, now)
	if f.host.Version == 0 {
		f.host = host
	}
	return e
}

// nameFlows counts an alert for the flow that it is about, and for those that it names as evidence.
func (d *Detector) nameFlows(member int, a *detect.Alert) {
	ids := a.Evidence.IDs()
	if a.FlowID != 0 && !slices.Contains(ids, a.FlowID) {
		d.nameFlow(a.FlowID, member, a)
	}
	for i, id := range ids {
		if !slices.Contains(ids[:i], id) { // later parts of a flow have its id
			d.nameFlow(id, member, a)
		}
	}
}

// nameFlow counts an alert for a flow, and moves it to those that alerts name.
func (d *Detector) nameFlow(id uint64, member int, a *detect.Alert) {
	hash := detect.Mix(d.seed, id)
	f, fresh := d.flows.named.Put(id, hash)
	if fresh {
		if scored := d.flows.scored.Get(id, hash); scored != nil {
			*f = *scored
			d.flows.scored.Delete(id, hash)
		}
	}
	d.count(d.evidenceOf(f, a.Subject, a.Time), member, a)
}
