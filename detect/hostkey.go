package detect

import "github.com/weir-sensor/weir/packet"

// HostKey is a Host as a key of a table, without the room that 64-bit words leave: with the entry's hash it takes 24 bytes.
type HostKey struct {
	hi, lo  halves
	version uint32
}

type halves struct{ hi, lo uint32 }

func halvesOf(v uint64) halves { return halves{uint32(v >> 32), uint32(v)} }

func (h halves) whole() uint64 { return uint64(h.hi)<<32 | uint64(h.lo) }

// Key returns the host as a key.
func (h Host) Key() HostKey {
	return HostKey{halvesOf(h.Addr.Hi), halvesOf(h.Addr.Lo), uint32(h.Version)}
}

// Host returns what Key was called of.
func (k HostKey) Host() Host {
	return Host{Addr: packet.Addr{Hi: k.hi.whole(), Lo: k.lo.whole()}, Version: uint8(k.version)}
}
