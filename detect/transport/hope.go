package transport

import (
	"slices"

	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/learn"
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
		if d.whole.Has(up) && possible(d.model, d.screen, map[string]payload.Framing{"up": up, "down": down}) {
			*h = some
		}
	}
	return *h == some
}

// hopefulOf returns the framings of a client's first packet with which a flow can have a score that matters.
func hopefulOf(m *Model, s *learn.Screen) (set flowtable.Framings) {
	for f := range payload.Framings {
		if m.Set() != WindowSet && possible(m, s, map[string]payload.Framing{"up": f}) {
			set |= flowtable.FramingsOf(f)
		}
	}
	return set
}

// possible asks a model what it makes of the sides' framings, whatever else there is.
func possible(m *Model, s *learn.Screen, framings map[string]payload.Framing) bool {
	columns := m.Classifier.Columns
	row, known := make([]float64, len(columns)), make([]bool, len(columns))
	for _, c := range framingClasses {
		for side, framing := range framings {
			i := slices.Index(columns, "framing_"+c.name+"_"+side)
			row[i], known[i] = indicator(c.has(framing)), true
		}
	}
	return s.Possible(row, known)
}
