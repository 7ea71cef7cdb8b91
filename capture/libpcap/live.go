package libpcap

import (
	"fmt"
	"io"
	"io/fs"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/gopacket/pcap"

	"github.com/weir-sensor/weir/capture"
	"github.com/weir-sensor/weir/internal/netdev"
)

// blockBytes is after how many bytes a batch is full, so that its memory is bounded whatever the frames.
const blockBytes = 1 << 20

// blockMargin is by how many nanoseconds the kernel may hand over a block later than after two poll times: its own timer
// has a coarse clock.
const blockMargin = int64(50 * time.Millisecond)

// countAfter is after how many frames libpcap's counters are read, which are full after 2^32 packets.
const countAfter = 1 << 24

// Live is the frames of a network interface. It implements capture.Live.
//
// Packets are copied from libpcap's buffer into the batch, which keeps its memory. The kernel's timestamps are taken as
// they are, in nanoseconds where the platform has them; a VLAN tag that the kernel took off is put back by libpcap.
type Live struct {
	iface   string
	link    uint16
	room    int   // bytes of a batch
	poll    int64 // nanoseconds
	sysfs   fs.FS
	handle  *pcap.Handle
	pending error // what the next Read gives
	clock   clock
	down    int64 // when the interface was found down; 0: it was up

	uncounted int // frames since libpcap's counters were read

	stop    atomic.Int64  // packet time at which Interrupt was called; 0: it was not
	outages atomic.Uint64 // how often the interface was found down

	mu       sync.Mutex // of what follows, and of closing handle; Read never takes it
	closed   bool
	raw      [2]uint32 // libpcap's counters as they were last: received, dropped
	baseline netdev.Lost
	backlog  *netdev.Backlog
	stats    capture.Stats
}

var _ capture.Live = (*Live)(nil)

// Open begins to capture on an interface: one of the system's, or netdev.Any for all of them (Linux cooked frames). The
// filter is one of pcap-filter(7), empty for every packet. Errors are one line that says what would be right;
// ErrNoInterface, ErrPermission, ErrDown, ErrFilter and ErrTimestamps tell them apart.
func Open(iface string, cfg Config, filter string) (*Live, error) {
	handle, err := open(iface, cfg, filter)
	if err != nil {
		return nil, err
	}
	link, err := linkType(handle)
	if err != nil {
		handle.Close()
		return nil, fmt.Errorf("open %s: %w", iface, err)
	}
	l := &Live{
		iface: iface, link: link, room: blockBytes + cfg.Snaplen + 4, // a VLAN tag is put back into a whole frame
		poll: int64(cfg.Poll), sysfs: netdev.Sysfs(), handle: handle,
		clock: clock{foreign: cfg.Timestamps == "adapter_unsynced"},
		stats: capture.Stats{Interface: iface}, backlog: netdev.OpenBacklog(),
	}
	l.baseline = netdev.Count(l.sysfs, iface)
	return l, nil
}

// Link returns the LINKTYPE_ number of the frames.
func (l *Live) Link() uint16 { return l.link }

// Read fills b with what is at hand, and waits for Config.Poll at most where that is nothing; see capture.Source. Where
// frames come one by one, it may wait once more for as long before it returns them. b.Data gets the room of a block at
// the first Read and is best left in the batch. An error other than io.EOF and capture.ErrIdle is the end of the
// capture: the interface was removed, for instance. An interface that is down is waited for.
func (l *Live) Read(b *capture.Batch) error {
	if cap(b.Frames) == 0 {
		panic("bug: batch without room for frames")
	}
	b.Frames, b.Data = b.Frames[:0], b.Data[:0]
	if l.pending != nil {
		return l.pending
	}
	if cap(b.Data) < l.room {
		b.Data = make([]byte, 0, l.room)
	}
	if err := l.fill(b); err != nil {
		if err = l.ended(err, len(b.Frames) > 0); len(b.Frames) == 0 {
			return err
		}
	}
	last := b.Frames[len(b.Frames)-1].Time
	l.clock.seen(last)
	if last > l.down { // it is up again, or always was
		l.down = 0
	}
	if stop := l.stop.Load(); stop != 0 && (last > stop || l.clock.foreign) {
		l.pending = io.EOF
	}
	if l.uncounted += len(b.Frames); l.uncounted >= countAfter {
		l.uncounted = 0
		l.Stats()
	}
	return nil
}

// fill appends frames until the batch is full, nothing is at hand, or what is there is of more than a poll time.
func (l *Live) fill(b *capture.Batch) error {
	for len(b.Frames) < cap(b.Frames) && len(b.Data) < blockBytes {
		data, info, err := l.handle.ZeroCopyReadPacketData()
		if err != nil {
			return err
		}
		f := capture.Frame{
			Time: info.Timestamp.UnixNano(), Off: uint32(len(b.Data)), Len: uint32(len(data)), Wire: uint32(info.Length), Link: l.link,
		}
		b.Data = append(b.Data, data...)
		b.Frames = append(b.Frames, f)
		if since := f.Time - b.Frames[0].Time; since >= l.poll || since < 0 {
			return nil
		}
	}
	return nil
}

// ended says what Read returns after an error of libpcap, now where no frames came before it, else at the next call.
func (l *Live) ended(err error, frames bool) error {
	if err == pcap.NextErrorTimeoutExpired {
		if stop := l.stop.Load(); stop != 0 && time.Now().UnixNano()-stop >= 2*l.poll+blockMargin {
			l.pending = io.EOF // nothing is left of what was there before
			return io.EOF
		}
		if !frames {
			l.look()
		}
		return capture.ErrIdle
	}
	if err != io.EOF {
		err = fmt.Errorf("read %s: %s", l.iface, oneLine(l.handle.Error().Error()))
	}
	l.pending = err
	return err
}

// look counts the times that the interface was found down. libpcap waits for it and says nothing.
func (l *Live) look() {
	i := netdev.Interface{Up: true} // where nothing is known
	i.Name = l.iface
	i.Describe(l.sysfs)
	switch {
	case i.Up:
		l.down = 0
	case l.down == 0:
		l.down = l.Now()
		l.outages.Add(1)
	}
}

// Now returns the time that a packet would be stamped with now; see capture.Live.
func (l *Live) Now() int64 { return l.clock.now() }

// Interrupt asks for the end: Read gives what had arrived until then, and io.EOF after it. Any goroutine may call it,
// also more than once.
func (l *Live) Interrupt() { l.stop.CompareAndSwap(0, max(time.Now().UnixNano(), 1)) }

// Stats returns what was counted since Open; see capture.Live. With a filter, Packets counts a few more than Read gives
// where packets arrived between opening the interface and setting the filter. Freezes is always 0.
func (l *Live) Stats() capture.Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.count()
	}
	s := l.stats
	s.Outages = l.outages.Load()
	return s
}

// count brings stats up to date. What libpcap says has 32 bits and goes on from 0 when they are full.
func (l *Live) count() {
	s, err := l.handle.Stats()
	if err != nil {
		return // the interface is gone: what was counted stays
	}
	now := [2]uint32{uint32(s.PacketsReceived), uint32(s.PacketsDropped)}
	received, dropped := now[0]-l.raw[0], now[1]-l.raw[1]
	l.raw = now
	l.stats.Dropped += uint64(dropped)
	if received > dropped { // received counts both
		l.stats.Packets += uint64(received - dropped)
	}
	lost := netdev.Count(l.sysfs, l.iface).Since(l.baseline)
	l.stats.InterfaceDropped, l.stats.InterfaceMissed, l.stats.InterfaceFIFO = lost.Dropped, lost.Missed, lost.FIFO
	l.stats.BacklogDropped = min(lost.Dropped, l.backlog.Count())
}

// Close ends the capture; Read then gives io.EOF. A second Close does nothing.
func (l *Live) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.count()
		l.closed, l.pending = true, io.EOF
		l.handle.Close()
		l.backlog.Close()
	}
	return nil
}

// clock is the one that stamps packets: the system's, or one of the network card that only packets tell.
type clock struct {
	foreign bool
	last    int64     // time of the last packet
	at      time.Time // when it was read
}

// seen sets a foreign clock.
func (c *clock) seen(packet int64) {
	if c.foreign {
		c.last, c.at = packet, time.Now()
	}
}

func (c *clock) now() int64 {
	if c.foreign && !c.at.IsZero() {
		return c.last + int64(time.Since(c.at))
	}
	return time.Now().UnixNano()
}
