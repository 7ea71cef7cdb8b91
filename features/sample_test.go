package features

import (
	"math"
	"testing"

	"github.com/weir-sensor/weir/packet"
)

// What a sample says is what it was set to, whatever it was before, and a length beyond what it holds spoils nothing beside
// it.
func TestSample(t *testing.T) {
	type values struct {
		time       int64
		entropy    float64
		seq, ports uint32
		length     uint32
		has        [5]bool
		direction  int
	}
	var x sample
	for _, length := range []uint32{0, 1, 1500, maxLength - 1, maxLength, maxLength + 1, math.MaxUint32} {
		for _, time := range []int64{math.MinInt64, -1, 0, 1 << 32, math.MaxInt64} {
			for d := range 2 {
				p := packet.Packet{Seq: 1<<32 - 2, SrcPort: 40000, DstPort: 443, PayloadLen: length, TCPFlags: packet.PSH, Flags: packet.PayloadCut}
				x.set(&p, d, time, 7.9, 1500)
				want := values{time, 7.9, 1<<32 - 2, 40000<<16 | 443, min(length, 1<<27-1), [5]bool{false, false, true, true, false}, d}
				if d == down {
					want.ports, want.has[0] = 443<<16|40000, true
				}
				got := values{x.time(), x.entropy(), x.seq(), x.ports(), x.length(),
					[5]bool{x.has(toClient), x.has(ack), x.has(push), x.has(cut), x.has(long)}, x.direction()}
				if got != want {
					t.Errorf("length %d, time %d, direction %d: got %+v, want %+v", length, time, d, got, want)
				}
				p = packet.Packet{TCPFlags: packet.ACK, Flags: packet.NoLength}
				x.set(&p, d, time, 0, 1500)
				if x.has(push) || x.has(cut) || !x.has(ack) || !x.has(long) || x.seq() != 0 || x.length() != 0 || x.ports() != 0 {
					t.Errorf("set again: %x", x)
				}
			}
		}
	}
}
