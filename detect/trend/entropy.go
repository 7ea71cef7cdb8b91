package trend

import (
	"math"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/packet"
)

// cells is into how many counts the values of a quantity fall by a fixed hash. With more than some hundreds of values
// several share one, so that the entropy is too low; at most it is log2(cells).
const cells = 4096

// spectrum counts values by cell.
type spectrum [cells]uint32

func (s *spectrum) add(cell uint16) { s[cell]++ }

// scatter is a hash that is the same in every run, since what it decides can be seen. Its high bits are good; the low ones
// are not, so that no sketch may go by them.
func scatter(hi, lo uint64) uint64 {
	h := (hi*0x9e3779b97f4a7c15 ^ lo) * 0xbf58476d1ce4e5b9
	h ^= h >> 32
	return h * 0x94d049bb133111eb
}

func scatterHost(a packet.Addr) uint64 { return scatter(a.Hi, a.Lo) }

// placed are the cells of a flow's ends; those of ports are 0 where it has none.
type placed struct {
	client, server, clientPort, serverPort uint16
	ports                                  bool
}

// set sets them to a flow's.
func (p *placed) set(f *detect.Flow) {
	p.client, p.server, p.ports = cell(scatterHost(f.Client)), cell(scatterHost(f.Server)), f.HasPorts()
	p.clientPort, p.serverPort = 0, 0
	if p.ports {
		p.clientPort, p.serverPort = cell(scatter(0, uint64(f.ClientPort))), cell(scatter(0, uint64(f.ServerPort)))
	}
}

func cell(hash uint64) uint16 { return uint16(hash >> 52) }

// entropy returns the Shannon entropy of the counts in bits, and that over its largest value for so many different ones
// (1 where there is at most one).
func entropy[T uint16 | uint32](counts []T) (bits, normal float64) {
	var total, distinct, sum float64
	for _, n := range counts {
		if n > 0 {
			total += float64(n)
			distinct++
			sum += float64(n) * math.Log2(float64(n))
		}
	}
	if distinct <= 1 {
		return 0, 1
	}
	bits = math.Log2(total) - sum/total
	return bits, bits / math.Log2(distinct)
}
