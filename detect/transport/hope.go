package transport

import (
	"slices"

	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/payload"
)

// hopes say of the framings of both sides' first packets whether a flow with these can have a score that matters. Nearly all
// flows begin with a known protocol, after which nothing makes them fully encrypted: of those no row is made.
type hopes [payload.Framings][payload.Framings]hope

type hope uint8

const (
	unasked hope = iota
	some
	none
)

// hopeful says whether a flow that can be judged can have a score that matters.
func (d *Detector) hopeful(f *flowtable.Features) bool {
	up, down := f.Packet[flowtable.Up].Framing, f.Packet[flowtable.Down].Framing
	h := &d.hopes[up][down]
	if *h == unasked {
		*h = none
		if d.possible(up, down) {
			*h = some
		}
	}
	return *h == some
}

// possible asks the model what it makes of framings, whatever else there is.
func (d *Detector) possible(up, down payload.Framing) bool {
	columns := d.model.Classifier.Columns
	row, known := make([]float64, len(columns)), make([]bool, len(columns))
	for _, c := range framingClasses {
		for side, framing := range map[string]payload.Framing{"up": up, "down": down} {
			i := slices.Index(columns, "framing_"+c.name+"_"+side)
			row[i], known[i] = indicator(c.has(framing)), true
		}
	}
	return d.screen.Possible(row, known)
}
