//go:build linux

package afpacket

import (
	"encoding/binary"
	"fmt"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/weir-sensor/weir/capture"
)

// Where the numbers are in struct tpacket_block_desc and in struct tpacket3_hdr (linux/if_packet.h), all in the
// machine's own byte order.
const (
	blockPackets = 12 // num_pkts
	blockFirst   = 16 // offset_to_first_pkt

	frameNext      = 0  // tp_next_offset, from this frame's header
	frameSec       = 4  // tp_sec
	frameNsec      = 8  // tp_nsec
	frameSnaplen   = 12 // tp_snaplen
	frameWire      = 16 // tp_len
	frameStatus    = 20 // tp_status
	frameMac       = 24 // tp_mac, from this frame's header
	frameTCI       = 32 // hv1.tp_vlan_tci
	frameTPID      = 36 // hv1.tp_vlan_tpid
	frameHeaderLen = 48
)

const (
	addresses = 12 // bytes of the two Ethernet addresses; a VLAN tag follows them
	tagLen    = 4
)

// blocks reads the blocks of one ring in turn.
type blocks struct {
	memory  []byte // shared with the kernel
	size    int    // of a block
	status  []*atomic.Uint32
	link    uint16 // LINKTYPE of the frames
	iface   uint16
	snaplen uint32

	number    int          // of the block that is read, or is to be read next
	held      bool         // it is ours
	at        int          // where its next frame's header is
	soon      int          // up to where it was read ahead
	left      int          // frames of it that were not handed out
	delivered uint64       // frames handed out
	peak      atomic.Int64 // the most blocks that were found handed over at once
	ahead     byte         // of what was read ahead, without a meaning: what nobody keeps, the compiler leaves out
}

// readAhead is how many bytes before its use the memory of a block is read, a cache line at a time. Only a frame says
// where the next one is, so each header, which another CPU has just written, would be waited for; straight ahead, many
// lines come at a time. It halves the time from the ring to the decoded packet for frames of some hundred bytes, and
// costs nothing that can be measured for the smallest and the largest.
const readAhead, cacheLine = 2048, 64

func (r *blocks) init(memory []byte, size int, link, iface uint16, snaplen int) {
	r.memory, r.size, r.link, r.iface, r.snaplen = memory, size, link, iface, uint32(snaplen)
	for at := 0; at+size <= len(memory); at += size {
		r.status = append(r.status, statusOf(memory[at:at+size]))
	}
}

// current is the memory of the block that is read.
func (r *blocks) current() []byte {
	at := r.number * r.size
	return r.memory[at : at+r.size : at+r.size]
}

// next makes frames available, which it gives the block back for once all of its frames were handed out. It returns
// false where the kernel has handed over no other.
func (r *blocks) next() bool {
	for r.left == 0 {
		if r.held {
			r.held = false
			r.status[r.number].Store(unix.TP_STATUS_KERNEL)
			r.number = (r.number + 1) % len(r.status)
		}
		if !r.ready() {
			return false
		}
		r.held = true
		r.notePeak()
		block := r.current()
		r.left = int(binary.NativeEndian.Uint32(block[blockPackets:]))
		r.at = int(binary.NativeEndian.Uint32(block[blockFirst:]))
		r.soon = r.at
	}
	return true
}

// notePeak is called with each block.
func (r *blocks) notePeak() {
	peak := int(r.peak.Load())
	for peak < len(r.status) && r.handedOver(r.number+peak) {
		peak++
	}
	if peak > int(r.peak.Load()) {
		r.peak.Store(int64(peak))
	}
}

// handedOver says whether the block is the reader's; the blocks go on from the first behind the last.
func (r *blocks) handedOver(block int) bool {
	return r.status[block%len(r.status)].Load()&unix.TP_STATUS_USER != 0
}

// waiting returns how many blocks are the reader's. Any goroutine may call it while the memory is there.
func (r *blocks) waiting() (n int) {
	for i := range r.status {
		if r.handedOver(i) {
			n++
		}
	}
	return n
}

// ready says whether the kernel has handed over the block that is to be read next, or is being read.
func (r *blocks) ready() bool { return r.handedOver(r.number) }

// fill hands out frames of the block, as many as there are and as b takes. The error is a number of the kernel's that
// cannot be.
func (r *blocks) fill(b *capture.Batch) error {
	block := r.current()
	frames := b.Frames[:0]
	at, soon, ahead := r.at, r.soon, r.ahead
	n := min(r.left, cap(frames))
	for range n {
		if at < 0 || at > len(block)-frameHeaderLen {
			return fmt.Errorf("unexpected frame at %d in a block of %d bytes", at, len(block))
		}
		for end := min(at+readAhead, len(block)); soon < end; soon += cacheLine {
			ahead ^= block[soon]
		}
		h := block[at : at+frameHeaderLen : at+frameHeaderLen]
		off := uint32(at) + uint32(binary.NativeEndian.Uint16(h[frameMac:]))
		captured := binary.NativeEndian.Uint32(h[frameSnaplen:])
		wire := binary.NativeEndian.Uint32(h[frameWire:])
		if uint64(off)+uint64(captured) > uint64(len(block)) {
			return fmt.Errorf("unexpected frame of %d bytes at %d in a block of %d bytes", captured, off, len(block))
		}
		status := binary.NativeEndian.Uint32(h[frameStatus:])
		if status&unix.TP_STATUS_VLAN_VALID != 0 &&
			captured >= addresses && off >= tagLen {
			tpid := uint16(ether8021Q)
			if status&unix.TP_STATUS_VLAN_TPID_VALID != 0 {
				tpid = binary.NativeEndian.Uint16(h[frameTPID:])
			}
			off -= tagLen
			putTag(block[off:], tpid, uint16(binary.NativeEndian.Uint32(h[frameTCI:])))
			captured, wire = min(captured+tagLen, r.snaplen), wire+tagLen
		}
		frames = append(frames, capture.Frame{
			Time: int64(binary.NativeEndian.Uint32(h[frameSec:]))*1e9 + int64(binary.NativeEndian.Uint32(h[frameNsec:])),
			Off:  off, Len: captured, Wire: wire, Link: r.link, Iface: r.iface,
			Unsummed: status&unix.TP_STATUS_CSUMNOTREADY != 0,
		})
		next := int(binary.NativeEndian.Uint32(h[frameNext:]))
		if next == 0 && len(frames) < r.left {
			return fmt.Errorf("unexpected end after %d of %d frames in a block of %d bytes", len(frames), r.left, len(block))
		}
		at += next
	}
	b.Data, b.Frames = block, frames
	r.at, r.soon, r.left, r.ahead = at, soon, r.left-n, ahead
	r.delivered += uint64(n)
	return nil
}

// putTag puts a VLAN tag back into a frame that begins tagLen bytes after the beginning of b: the addresses move there.
func putTag(b []byte, tpid, tci uint16) {
	copy(b[:addresses], b[tagLen:tagLen+addresses])
	binary.BigEndian.PutUint16(b[addresses:], tpid)
	binary.BigEndian.PutUint16(b[addresses+2:], tci)
}
