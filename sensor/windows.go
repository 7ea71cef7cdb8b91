package sensor

import (
	"slices"

	"github.com/weir-sensor/weir/features"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
	"github.com/weir-sensor/weir/payload"
)

// windows is a shard's windower with what it needs of the packets besides their headers.
type windows struct {
	windower *features.Windower
	meter    *payload.Meter
	entropy  bool // is wanted
	inputs   [decodeGroup]features.Input
	frames   [decodeGroup][]byte // of the shard's group, borrowed from the batch
}

func newWindows(opt Options, shards int) *windows {
	network := features.Network{ServerPorts: opt.Flow.ServerPorts, MTU: opt.Flow.MTU}
	return &windows{
		windower: features.New(opt.Windows, network, shards, newSeed()),
		meter:    payload.NewMeter(),
		entropy:  slices.Contains(opt.Windows.Groups, "entropy"),
	}
}

// add counts the packets of a group, whose frames are set.
func (w *windows) add(group []flowtable.Input) {
	for i := range group {
		in := &group[i]
		w.inputs[i] = features.Input{Packet: &in.Packet, Time: in.Time, Clock: in.Clock, Ordinal: in.Ordinal}
		if w.entropy && in.Proto == packet.ProtoTCP && in.PayloadCap > 0 {
			w.inputs[i].Entropy = w.meter.Entropy(w.frames[i][in.PayloadOff : in.PayloadOff+in.PayloadCap])
		}
	}
	w.windower.AddAll(w.inputs[:len(group)])
}

// advance lets the clock go on, appends the windows that are due to out, and says up to what moment that are all.
func (w *windows) advance(clock int64, next uint64, out []features.Window) ([]features.Window, flowtable.Moment) {
	out = w.windower.Advance(clock, out)
	time, order := w.windower.Frontier(next)
	return out, flowtable.Moment{Time: time, Order: order}
}
