package features

import (
	"math"
	"testing"

	"github.com/weir-sensor/weir/packet"
)

// A sample comes out of its words as it went in, and a length beyond what they hold spoils nothing beside it.
func TestSampleWords(t *testing.T) {
	for _, length := range []uint32{0, 1, 1500, maxLength - 1, maxLength, maxLength + 1, math.MaxUint32} {
		for _, time := range []int64{math.MinInt64, -1, 0, 1 << 32, math.MaxInt64} {
			for d := range 2 {
				p := packet.Packet{Seq: 1<<32 - 2, SrcPort: 40000, DstPort: 443, PayloadLen: length, TCPFlags: packet.PSH, Flags: packet.PayloadCut}
				x := newSample(&p, d, time, 7.9, 1500)
				words := x.pack()
				want := sample{time: time, entropy: 7.9, seq: 1<<32 - 2, ports: 40000<<16 | 443, length: min(length, 1<<27-1), bits: push | cut}
				if d == down {
					want.ports, want.bits = 443<<16|40000, want.bits|toClient
				}
				if got := unpack(&words); got != want {
					t.Errorf("length %d, time %d, direction %d: got %+v, want %+v", length, time, d, got, want)
				}
			}
		}
	}
}
