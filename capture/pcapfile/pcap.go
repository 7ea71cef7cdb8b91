package pcapfile

import (
	"encoding/binary"
	"fmt"
	"math/bits"

	"github.com/weir-sensor/weir/capture"
)

// Magic numbers of pcap as a little-endian word, for a file written on a little-endian machine.
const (
	magicMicro    = 0xa1b2c3d4
	magicNano     = 0xa1b23c4d
	magicModified = 0xa1b2cd34 // A. Kuznetzov's: record headers of 24 bytes
)

const pcapHeader = 24

// Captured lengths above these are corrupt: what libpcap takes as the largest packet of a link type, except that
// D-Bus and USBPcap (there 128 MiB) are held to the size of the largest pcapng block.
const (
	maxPacket      = 256 << 10
	maxLargePacket = 8 << 20
	maxHugePacket  = 16<<20 - 64
)

// packetLimit is the largest captured length believed for a link type, in bytes.
func packetLimit(link uint16) uint32 {
	switch link {
	case 231, 249: // D-Bus, USBPcap
		return maxHugePacket
	case 279: // EBHSCR
		return maxLargePacket
	}
	return maxPacket
}

// lengthOrder is how the two lengths of a record stand in old files, as libpcap's savefile reader knows it.
type lengthOrder uint8

const (
	capturedFirst lengthOrder = iota
	wireFirst                 // before version 2.3, and DG/UX
	smallerFirst              // version 2.3: some wrote it one way, some the other
)

// pcap frames the classic format (draft-ietf-opsawg-pcap). It keeps no state from record to record.
type pcap struct {
	swapped bool   // written big-endian
	fracNs  int64  // nanoseconds per unit of the time stamp's fraction
	header  int    // bytes of a record header, 16 or 24
	limit   uint32 // largest captured length believed
	lengths lengthOrder
	link    uint16
	iface   uint16
}

// isPcap reports whether the magic number (first word of the file, little-endian) is one of pcap's.
func isPcap(magic uint32) bool {
	return isPcapMagic(magic) || isPcapMagic(bits.ReverseBytes32(magic))
}

func isPcapMagic(m uint32) bool { return m == magicMicro || m == magicNano || m == magicModified }

// newPcap reads a file header of pcapHeader bytes that begins with one of the magic numbers.
func newPcap(h []byte, iface uint16) (*pcap, error) {
	p := &pcap{fracNs: 1000, header: 16, iface: iface}
	magic := binary.LittleEndian.Uint32(h)
	var order binary.ByteOrder = binary.LittleEndian
	if !isPcapMagic(magic) {
		p.swapped, order, magic = true, binary.BigEndian, bits.ReverseBytes32(magic)
	}
	switch magic {
	case magicNano:
		p.fracNs = 1
	case magicModified:
		p.header = 24
	}
	major, minor := order.Uint16(h[4:]), order.Uint16(h[6:])
	switch {
	case major == 2 && minor < 3 || major == 543 && minor == 0:
		p.lengths = wireFirst
	case major == 2 && minor == 3:
		p.lengths = smallerFirst
	case major != 2 || minor > 4:
		return nil, fmt.Errorf("pcap of version %d.%d", major, minor)
	}
	// The lower half is the link type, the six bits at the top tell of the frame check sequence.
	link := order.Uint32(h[20:])
	if reserved := link & 0x03ff0000; reserved != 0 {
		return nil, fmt.Errorf("pcap with reserved bits set in its link type, %#x", link)
	}
	p.link = uint16(link)
	p.limit = packetLimit(p.link)
	return p, nil
}

func (p *pcap) format() string     { return "pcap" }
func (p *pcap) nextInterface() int { return int(p.iface) + 1 }

func (p *pcap) frame(data []byte, pos int, frames []capture.Frame) ([]capture.Frame, int, error) {
	for n := len(frames); n < cap(frames) && len(data)-pos >= p.header; n++ {
		h := data[pos : pos+16 : pos+16]
		sec, frac := binary.LittleEndian.Uint32(h), binary.LittleEndian.Uint32(h[4:])
		length, wire := binary.LittleEndian.Uint32(h[8:]), binary.LittleEndian.Uint32(h[12:])
		if p.swapped {
			sec, frac = bits.ReverseBytes32(sec), bits.ReverseBytes32(frac)
			length, wire = bits.ReverseBytes32(length), bits.ReverseBytes32(wire)
		}
		if p.lengths != capturedFirst && (p.lengths == wireFirst || length > wire) {
			length, wire = wire, length
		}
		if length > p.limit {
			return frames, pos, fmt.Errorf("record of %d bytes, more than the %d a packet can have", length, p.limit)
		}
		body := pos + p.header
		end := body + int(length)
		if end > len(data) {
			break
		}
		frames = frames[:n+1]
		frames[n] = capture.Frame{
			Time: int64(sec)*1e9 + int64(frac)*p.fracNs, // below 2^63 whatever the fields hold
			Off:  uint32(body), Len: length, Wire: wire, Link: p.link, Iface: p.iface,
		}
		pos = end
	}
	return frames, pos, nil
}
