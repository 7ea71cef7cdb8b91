package scan

import (
	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/detect/sketch"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
)

// gate says when failures mean nothing: where the capture does not see the answers, and while most of our own hosts get
// none. It looks back over one to two epochs. The zero value is ready.
type gate struct {
	epoch    int64
	now, old tally
}

// tally is what was seen in an epoch.
type tally struct {
	failing  sketch.Linear // our hosts with several contacts that failed
	lucky    sketch.Linear // our hosts with one that was taken
	oneWay   uint64        // TCP flows in which one side was heard alone, with payload
	bothWays uint64
}

const (
	epoch      = int64(60e9)
	gateHosts  = 10 // with fewer of our hosts, most of them may well be scanners
	gateOneWay = 10
)

func (g *gate) note(f *detect.Flow, a *asked) {
	if e := f.Time / epoch; e != g.epoch {
		g.old = g.now
		if e != g.epoch+1 {
			g.old = tally{}
		}
		g.now, g.epoch = tally{}, e
	}
	if f.Proto == packet.ProtoTCP && f.Missing&(detect.NoPackets|detect.NoPayload) == 0 {
		switch {
		case f.Packets[0] > 0 && f.Packets[1] > 0:
			if a.outcome == taken {
				g.now.bothWays++
			}
		case f.Payload[flowtable.Up]+f.Payload[flowtable.Down] > 0 || oneWay(f):
			g.now.oneWay++
		}
	}
	if a.outcome == taken && f.ClientLocal {
		g.now.lucky.Add(a.client)
	}
}

// failed notes one of our hosts, by the hash of its address, of which several contacts failed: spoofed ones have one.
func (g *gate) failed(host uint64) { g.now.failing.Add(host) }

// closed says whether nothing can be said.
func (g *gate) closed() bool {
	if one := g.now.oneWay + g.old.oneWay; one >= gateOneWay && one > g.now.bothWays+g.old.bothWays {
		return true
	}
	var all, lucky sketch.Linear
	for i := range all {
		lucky[i] = g.now.lucky[i] | g.old.lucky[i]
		all[i] = lucky[i] | g.now.failing[i] | g.old.failing[i]
	}
	n := all.Estimate()
	return n >= gateHosts && 2*lucky.Estimate() < n
}
