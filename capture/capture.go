package capture

import (
	"errors"
	"io"
)

// ErrIdle is returned by Source.Read when nothing arrived within the source's poll time: not a failure, but the
// caller's chance to look at a clock or to stop. A file never gives it.
var ErrIdle = errors.New("no frame within the poll time")

// Frame is one captured frame: numbers only, the bytes are in its Batch.
type Frame struct {
	Time  int64  // the frame's own timestamp, nanoseconds since the Unix epoch
	Off   uint32 // where its captured bytes begin in Batch.Data
	Len   uint32 // captured bytes
	Wire  uint32 // bytes on the wire, link header included, as the capture says
	Link  uint16 // LINKTYPE_ number of the capture (1 Ethernet, 101 raw IP, 113 Linux cooked, ...)
	Iface uint16 // index of the interface within the source

	// Unsummed: this host is the sender, and leaves the transport's checksum to the network card, so that what stands in
	// its place is none. Only a ring knows.
	Unsummed bool
}

// Batch is a block of frames and the bytes they point into. Whoever owns the batch owns its bytes; a Source writes
// to them only inside Read, and keeps no reference afterwards.
type Batch struct {
	Data   []byte  // the bytes of all frames; Read may replace it with a larger slice
	Frames []Frame // Read fills it up to its capacity
}

// Bytes returns the captured bytes of frame i, borrowed from the batch until its next Read.
func (b *Batch) Bytes(i int) []byte {
	f := &b.Frames[i]
	return b.Data[f.Off : f.Off+f.Len : f.Off+f.Len]
}

// Source delivers frames in the order in which they were captured. Its methods are called by one goroutine.
type Source interface {
	// Read resets b and fills it with at least one and at most cap(b.Frames) frames, or returns an error: io.EOF
	// at the end of the input, ErrIdle when nothing arrived within the source's poll time. Frames that were read
	// before an error are delivered first, with the error at the next call.
	Read(b *Batch) error
	io.Closer
}
