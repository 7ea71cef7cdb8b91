package lateral

import (
	"time"

	"github.com/weir-sensor/weir/detect"
)

// outside remembers when somebody outside was last contacted on a port, and contacted us there: a minute since the epoch for
// each of the two. A swarm that has members outside shares files or talks; what spreads inside has none.
type outside struct{ out, in [65536]uint32 }

const (
	wellKnown   = 1024 // ports below mean the same outside and inside, whoever is there
	outsideSpan = time.Hour
)

// note notes an answered flow of which one end is outside.
func (o *outside) note(f *detect.Flow) {
	minute := uint32(f.Time / int64(time.Minute))
	if f.ClientLocal {
		o.out[f.ServerPort] = minute
	} else {
		o.in[f.ServerPort] = minute
	}
}

// both says whether there were contacts both ways lately.
func (o *outside) both(port uint16, now int64) bool {
	least := uint32((now - int64(outsideSpan)) / int64(time.Minute))
	return port >= wellKnown && o.out[port] > least && o.in[port] > least
}
