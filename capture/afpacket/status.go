//go:build linux

package afpacket

import (
	"sync/atomic"
	"unsafe"
)

// statusAt is where struct tpacket_block_desc has its block_status, after version and offset_to_priv.
const statusAt = 8

// statusOf returns the status of a block of the ring. The kernel and the reader hand the block to each other through
// it: what was written to the block before the one stores it must be seen by the other who has loaded it. Only
// sync/atomic promises that, and it takes no byte slice; this is the one use of unsafe. The block must begin on a
// page, which the kernel's do.
func statusOf(block []byte) *atomic.Uint32 {
	return (*atomic.Uint32)(unsafe.Pointer(&block[statusAt]))
}
