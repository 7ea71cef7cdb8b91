//go:build linux

package afpacket

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/weir-sensor/weir/capture"
	"github.com/weir-sensor/weir/internal/netdev"
)

// Ring is a capture.Live on one of the rings of an interface. Read, Now and Close are called by one goroutine, Stats and
// Interrupt by any.
//
// What Read hands out is the ring's own memory: it may be written to until the next Read, and must not be touched
// after that or after Close, which takes the memory out of the address space. A block with more frames than the batch
// takes is handed out by several calls of Read.
type Ring struct {
	blocks
	name        string   // of the interface when it was opened
	index       int      // of the interface
	file        *os.File // the socket, for the waiting
	conn        syscall.RawConn
	wait        time.Duration
	look        func(fd uintptr) bool // says whether the waiting is over
	woken       bool                  // during a wait
	hardware    bool                  // timestamps are the card's
	skew        int64                 // how far its clock was ahead of ours when it was last seen, nanoseconds
	down        bool                  // the interface is
	settled     bool                  // a whole wait has passed without a frame since the end was known
	end         error                 // what comes after the frames that are left: io.EOF, or that the interface is gone
	interrupted atomic.Bool

	mu     sync.Mutex // guards what follows, and fd against being closed
	fd     int
	closed bool
	asker  *netdev.Asker
	last   netdev.Lost // as of the latest Stats
	queue  *netdev.Backlog
	stats  capture.Stats
}

// Read implements capture.Source. It returns io.EOF once all that was captured before Interrupt has been read, and an
// error when the interface was deleted. While it is down, which is counted as an outage, nothing arrives.
func (r *Ring) Read(b *capture.Batch) error {
	if cap(b.Frames) == 0 {
		panic("bug: a batch that takes no frame")
	}
	b.Data, b.Frames = nil, b.Frames[:0]
	if err := r.await(); err != nil {
		return err
	}
	if err := r.fill(b); err != nil {
		return fmt.Errorf("read ring of %s: %w", r.name, err)
	}
	if r.hardware {
		r.skew = b.Frames[len(b.Frames)-1].Time - time.Now().UnixNano()
	}
	return nil
}

// await returns nil when there are frames, after one wait at most.
func (r *Ring) await() error {
	waited := false
	for !r.next() {
		if r.end == nil && r.interrupted.Load() {
			r.end = io.EOF
		}
		if r.settled && r.delivered == r.Stats().Packets {
			return r.end
		}
		if waited {
			return capture.ErrIdle
		}
		idle, err := r.pause()
		if err == nil && !r.ready() {
			err = r.failed()
		}
		if err == nil && idle && r.down {
			err = r.find()
		}
		if err != nil {
			return err
		}
		waited, r.settled = true, idle && r.end != nil
	}
	return nil
}

// pause waits for a block, or for an error of the socket, and says whether the poll time went by without. It leaves the
// waiting to Go's poller: a thread that waits in a system call for some milliseconds has the runtime look after it every
// few microseconds, which took a quarter of the CPU.
func (r *Ring) pause() (idle bool, err error) {
	if err := r.file.SetReadDeadline(time.Now().Add(r.wait)); err != nil {
		return false, fmt.Errorf("wait for packets of %s: %w", r.name, err)
	}
	r.woken = false
	switch err := r.conn.Read(r.look); {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return true, nil
	case err != nil:
		return false, fmt.Errorf("wait for packets of %s: %w", r.name, err)
	}
	return false, nil
}

// over is called when the waiting begins, and when the socket has something to tell.
func (r *Ring) over(uintptr) bool {
	woken := r.woken
	r.woken = true
	return woken || r.ready()
}

// failed looks for an error of the socket.
func (r *Ring) failed() error {
	errno, err := unix.GetsockoptInt(r.fd, unix.SOL_SOCKET, unix.SO_ERROR) // also forgets it
	switch {
	case err != nil:
		return fmt.Errorf("wait for packets of %s: %w", r.name, err)
	case errno == 0:
		return nil
	case unix.Errno(errno) != unix.ENETDOWN:
		return fmt.Errorf("wait for packets of %s: %w", r.name, unix.Errno(errno))
	}
	r.mu.Lock()
	r.stats.Outages++
	r.mu.Unlock()
	r.down = true
	return r.find()
}

// find finds out whether an interface that went down is up again, for which the kernel needs nothing of us, or gone for
// good.
func (r *Ring) find() error {
	r.mu.Lock()
	s, err := r.asker.ByIndex(r.index)
	r.mu.Unlock()
	switch {
	case errors.Is(err, unix.ENODEV):
		r.down = false
		r.end = fmt.Errorf("capture on %s: the interface was deleted, or moved to another network namespace", r.name)
	case err != nil:
		return fmt.Errorf("capture on %s, which went down: %w", r.name, err)
	case s.Up:
		r.down = false
	}
	return nil
}

// Now implements capture.Live. A packet can be read up to two block timeouts after it was stamped.
func (r *Ring) Now() int64 { return time.Now().UnixNano() + r.skew }

// Interrupt ends the capture: no more packets get into the ring, and Read returns io.EOF after those that are in it,
// within about two poll times if nobody holds it up. A goroutine that waits in Read goes on waiting for its poll time.
func (r *Ring) Interrupt() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || r.interrupted.Load() {
		return
	}
	// Without it, packets go on to arrive, and a Read that keeps up with them still ends.
	_ = attach(r.fd, []bpf.Instruction{bpf.RetConstant{Val: 0}})
	r.interrupted.Store(true)
}

// Stats implements capture.Live. The interface's counters are those of all its rings together.
func (r *Ring) Stats() capture.Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closed {
		r.count()
	}
	return r.stats
}

// count adds what happened since it was last called.
func (r *Ring) count() {
	// The kernel begins again at 0 with each call, and counts the dropped as packets.
	if s, err := unix.GetsockoptTpacketStatsV3(r.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS); err == nil {
		r.stats.Packets += uint64(s.Packets - s.Drops)
		r.stats.Dropped += uint64(s.Drops)
		r.stats.Freezes += uint64(s.Freeze_q_cnt)
	}
	block := uint64(r.size)
	r.stats.Ring, r.stats.RingFull = uint64(len(r.memory)), uint64(r.waiting())*block
	r.stats.RingPeak = uint64(r.peak.Load()) * block
	if s, err := r.asker.ByIndex(r.index); err == nil {
		lost := s.Lost.Since(r.last)
		r.stats.InterfaceDropped += lost.Dropped
		r.stats.InterfaceMissed += lost.Missed
		r.stats.InterfaceFIFO += lost.FIFO
		r.stats.BacklogDropped = min(r.stats.InterfaceDropped, r.queue.Count())
		r.last = s.Lost
	}
}

// Close implements io.Closer. The rings of one interface are closed when all of them were interrupted, for the packets
// of one that is gone go to the others.
func (r *Ring) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil
	}
	if r.asker != nil {
		r.count()
		r.asker.Close()
		r.queue.Close()
	}
	r.closed = true
	var unmap error
	if r.memory != nil {
		unmap = unix.Munmap(r.memory)
	}
	if err := errors.Join(unmap, r.file.Close()); err != nil {
		return fmt.Errorf("close ring of %s: %w", r.name, err)
	}
	return nil
}
