package pcapfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"

	"github.com/weir-sensor/weir/capture"
)

// Block types of pcapng (draft-ietf-opsawg-pcapng).
const (
	blockSection   = 0x0a0d0d0a
	blockInterface = 1
	blockPacket    = 2 // obsolete
	blockSimple    = 3
	blockEnhanced  = 6
)

const (
	sectionMagic  = 0x1a2b3c4d
	maxBlock      = 16 << 20 // bytes; a longer block is taken for corrupt
	maxInterfaces = 1 << 16  // per section
)

// byteOrder is a section's; true is big-endian. Calls of binary.ByteOrder's methods would be the cost of a block.
type byteOrder bool

func (big byteOrder) u16(b []byte) uint16 {
	if big {
		return binary.BigEndian.Uint16(b)
	}
	return binary.LittleEndian.Uint16(b)
}

func (big byteOrder) u32(b []byte) uint32 {
	if big {
		return binary.BigEndian.Uint32(b)
	}
	return binary.LittleEndian.Uint32(b)
}

func (big byteOrder) u64(b []byte) uint64 {
	if big {
		return binary.BigEndian.Uint64(b)
	}
	return binary.LittleEndian.Uint64(b)
}

// pcapng frames the block format: what a section and its interfaces say holds until the next section.
type pcapng struct {
	order  byteOrder     // of the current section
	ifaces []ngInterface // of the current section
	first  int           // number of the section's first interface in the whole input
	last   int64         // time of the frame before
}

type ngInterface struct {
	link    uint16
	iface   uint16
	snaplen uint32 // 0: no limit
	clock   clock
}

func newPcapng(iface int) *pcapng { return &pcapng{first: iface} }

func (g *pcapng) format() string     { return "pcapng" }
func (g *pcapng) nextInterface() int { return g.first + len(g.ifaces) }

func (g *pcapng) frame(data []byte, pos int, frames []capture.Frame) ([]capture.Frame, int, error) {
	for len(frames) < cap(frames) && len(data)-pos >= 12 {
		rest := data[pos:]
		order := g.order
		kind := order.u32(rest)
		if kind == blockSection {
			var ok bool
			if order, ok = sectionOrder(rest); !ok {
				return frames, pos, errors.New("section without byte order")
			}
		}
		length := order.u32(rest[4:])
		if length < 12 || length > maxBlock || length%4 != 0 {
			return frames, pos, fmt.Errorf("block of impossible length %d", length)
		}
		if int(length) > len(rest) {
			break
		}
		block := rest[:length]
		if again := order.u32(block[length-4:]); again != length {
			return frames, pos, fmt.Errorf("block with two lengths, %d and %d", length, again)
		}
		f := &frames[:len(frames)+1][len(frames)]
		found, err := g.block(kind, block, order, f)
		if err != nil {
			return frames, pos, err
		}
		if found {
			f.Off += uint32(pos)
			frames = frames[:len(frames)+1]
		}
		pos += int(length)
	}
	return frames, pos, nil
}

// sectionOrder is the byte order a section header announces, if it does.
func sectionOrder(b []byte) (byteOrder, bool) {
	big := binary.BigEndian.Uint32(b[8:]) == sectionMagic
	return byteOrder(big), big || binary.LittleEndian.Uint32(b[8:]) == sectionMagic
}

// block reads one whole block. It reports whether that is a packet, and sets f then, with an offset in the block.
func (g *pcapng) block(kind uint32, b []byte, order byteOrder, f *capture.Frame) (bool, error) {
	switch kind {
	case blockEnhanced, blockPacket:
		return true, g.packet(kind, b, f)
	case blockSimple:
		return true, g.simple(b, f)
	case blockSection:
		return false, g.section(b, order)
	case blockInterface:
		return false, g.addInterface(b)
	}
	return false, nil
}

func (g *pcapng) section(b []byte, order byteOrder) error {
	if len(b) < 28 {
		return fmt.Errorf("section header of %d bytes", len(b))
	}
	if major := order.u16(b[12:]); major != 1 {
		return fmt.Errorf("pcapng of version %d.%d", major, order.u16(b[14:]))
	}
	g.order = order
	g.first += len(g.ifaces)
	g.ifaces = g.ifaces[:0]
	return nil
}

func (g *pcapng) addInterface(b []byte) error {
	if len(b) < 20 {
		return fmt.Errorf("interface description of %d bytes", len(b))
	}
	if len(g.ifaces) == maxInterfaces {
		return fmt.Errorf("more than %d interfaces in a section", maxInterfaces)
	}
	g.ifaces = append(g.ifaces, ngInterface{
		link:    g.order.u16(b[8:]),
		iface:   uint16(min(g.first+len(g.ifaces), math.MaxUint16)),
		snaplen: g.order.u32(b[12:]),
		clock:   readClock(b[16:len(b)-4], g.order),
	})
	return nil
}

// packet reads an enhanced or an obsolete packet block, which differ in how they number the interface.
func (g *pcapng) packet(kind uint32, b []byte, f *capture.Frame) error {
	if len(b) < 32 {
		return fmt.Errorf("packet block of %d bytes", len(b))
	}
	number := g.order.u32(b[8:])
	if kind == blockPacket {
		number = uint32(g.order.u16(b[8:]))
	}
	if number >= uint32(len(g.ifaces)) {
		return fmt.Errorf("packet of interface %d, of %d described", number, len(g.ifaces))
	}
	in := &g.ifaces[number]
	length := g.order.u32(b[20:])
	if int64(length) > int64(len(b)-32) || length > packetLimit(in.link) {
		return fmt.Errorf("packet of %d bytes in a block of %d", length, len(b))
	}
	ticks := uint64(g.order.u32(b[12:]))<<32 | uint64(g.order.u32(b[16:]))
	g.last = in.clock.nanoseconds(ticks)
	*f = capture.Frame{Time: g.last, Off: 28, Len: length, Wire: g.order.u32(b[24:]), Link: in.link, Iface: in.iface}
	return nil
}

// simple reads a simple packet block. It has no time stamp: the frame is given the time of the one before it, 0
// where there is none.
func (g *pcapng) simple(b []byte, f *capture.Frame) error {
	if len(b) < 16 {
		return fmt.Errorf("simple packet block of %d bytes", len(b))
	}
	if len(g.ifaces) == 0 {
		return errors.New("simple packet without an interface")
	}
	in := &g.ifaces[0]
	wire := g.order.u32(b[8:])
	length := wire
	if in.snaplen != 0 {
		length = min(length, in.snaplen)
	}
	if int64(length) > int64(len(b)-16) || length > packetLimit(in.link) {
		return fmt.Errorf("simple packet of %d bytes in a block of %d", length, len(b))
	}
	*f = capture.Frame{Time: g.last, Off: 12, Len: length, Wire: wire, Link: in.link, Iface: in.iface}
	return nil
}

// clock turns an interface's ticks into nanoseconds: ticks*num/den + offset.
type clock struct {
	num, den uint64
	offset   int64 // nanoseconds
}

// Options of an interface description that concern its clock.
const (
	optionEnd        = 0
	optionResolution = 9
	optionOffset     = 14
)

// readClock finds the clock among an interface's options; microseconds since the epoch where they do not say. Options
// whose lengths do not fit are left unread.
func readClock(options []byte, order byteOrder) clock {
	c := newClock(6, 0)
	for len(options) >= 4 {
		code, length := order.u16(options), int(order.u16(options[2:]))
		options = options[4:]
		if code == optionEnd || length > len(options) {
			break
		}
		switch {
		case code == optionResolution && length == 1:
			c = newClock(options[0], c.offset)
		case code == optionOffset && length == 8:
			c.offset = saturatingSeconds(int64(order.u64(options)))
		}
		options = options[min((length+3)&^3, len(options)):]
	}
	return c
}

// newClock is the clock of an if_tsresol: 10^-n seconds, or 2^-n where the top bit is set. A resolution so fine that
// 64 bits of ticks are no nanosecond gives 0; below 2^-63 s the last of 30 digits are lost.
func newClock(resolution byte, offset int64) clock {
	n := uint(resolution &^ 0x80)
	switch {
	case resolution&0x80 != 0 && n <= 63:
		return clock{num: 1e9, den: 1 << n, offset: offset}
	case resolution&0x80 != 0:
		return clock{num: 1_000_000_000 >> (n - 63), den: 1 << 63, offset: offset}
	case n <= 9:
		return clock{num: pow10(9 - n), den: 1, offset: offset}
	case n <= 28:
		return clock{num: 1, den: pow10(n - 9), offset: offset}
	}
	return clock{num: 0, den: 1, offset: offset}
}

func pow10(n uint) uint64 {
	p := uint64(1)
	for ; n > 0; n-- {
		p *= 10
	}
	return p
}

// nanoseconds is the time of a tick, held within what 64 bits can say.
func (c *clock) nanoseconds(ticks uint64) int64 {
	hi, lo := bits.Mul64(ticks, c.num)
	if c.den != 1 {
		if hi >= c.den {
			return math.MaxInt64
		}
		lo, _ = bits.Div64(hi, lo, c.den)
		hi = 0
	}
	if hi != 0 || lo > math.MaxInt64 {
		return math.MaxInt64
	}
	t := int64(lo)
	if c.offset > math.MaxInt64-t {
		return math.MaxInt64
	}
	return t + c.offset
}

// saturatingSeconds is a number of seconds in nanoseconds, held within what 64 bits can say.
func saturatingSeconds(s int64) int64 {
	switch {
	case s > math.MaxInt64/1_000_000_000:
		return math.MaxInt64
	case s < math.MinInt64/1_000_000_000:
		return math.MinInt64
	}
	return s * 1_000_000_000
}
