package beacon

import (
	"hash/maphash"
	"math/bits"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/packet"
)

// key stands for a pair or a service in a table: the half of its hash that the table does not have. No two that are remembered
// at once have the same 64 bits but by a chance of 1 in 10^14 for each contact, nor can anybody choose them so, who does not
// know the hasher's numbers.
type key uint32

func keyOf(hash uint64) key { return key(hash >> 32) }

// hasher hashes pairs and services by the products of their parts, each with a secret added (as wyhash does, Wang Yi, 2019;
// public domain).
type hasher [4]uint64

func newHasher() (h hasher) {
	seed := maphash.MakeSeed()
	for i := range h {
		h[i] = maphash.Comparable(seed, i)
	}
	return h
}

// of returns the hashes of the flow's pair and of its service.
func (h *hasher) of(f *detect.Flow) (pair, service uint64) {
	port := uint64(f.ServerPort)<<16 | uint64(f.Proto)<<8 | uint64(f.Version)
	service = product(h.addr(f.Server)^h[2], port^h[3])
	return product(h.addr(f.Client)^h[2], service^h[3]), service
}

func (h *hasher) addr(a packet.Addr) uint64 { return product(a.Hi^h[0], a.Lo^h[1]) }

// product returns the halves of a product, combined.
func product(a, b uint64) uint64 {
	high, low := bits.Mul64(a, b)
	return high ^ low
}
