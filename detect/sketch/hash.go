package sketch

import "github.com/weir-sensor/weir/packet"

// Hash returns a hash of a hash and a value: the finalizer of MurmurHash3 (Appleby, 2011; public domain) over their
// combination, of which every bit depends on every bit.
func Hash(hash, v uint64) uint64 {
	h := (hash+1)*0x9e3779b97f4a7c15 ^ v
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}

// Addr returns a hash of a hash and an address.
func Addr(hash uint64, a packet.Addr) uint64 {
	return Hash(hash^a.Hi*0xd6e8feb86659fd93, a.Lo)
}
