package sensor

import (
	"github.com/weir-sensor/weir/features"
	"github.com/weir-sensor/weir/flowtable"
)

// windows is a shard's windower.
type windows struct {
	windower *features.Windower
	inputs   [decodeGroup]features.Input
}

func newWindows(opt Options, shards int) *windows {
	network := features.Network{ServerPorts: opt.Flow.ServerPorts, MTU: opt.Flow.MTU}
	return &windows{windower: features.New(opt.Windows, network, shards, newSeed())}
}

// add counts the packets of a group.
func (w *windows) add(group []flowtable.Input) {
	for i := range group {
		in := &group[i]
		w.inputs[i] = features.Input{Packet: &in.Packet, Time: in.Time, Clock: in.Clock, Ordinal: in.Ordinal, Entropy: in.Entropy}
	}
	w.windower.Add(w.inputs[:len(group)])
}

// advance lets the clock go on, appends the windows that are due to out, and says up to what moment that are all.
func (w *windows) advance(clock int64, next uint64, out []features.Window) ([]features.Window, flowtable.Moment) {
	out = w.windower.Advance(clock, out)
	time, order := w.windower.Frontier(next)
	return out, flowtable.Moment{Time: time, Order: order}
}
