package pcapfile

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/weir-sensor/weir/capture"
)

// Writer writes frames as a pcap file with nanosecond timestamps. One goroutine at a time uses it.
type Writer struct {
	to     *bufio.Writer
	link   uint16
	record [16]byte
}

// NewWriter begins a capture of frames of a link type, given as its LINKTYPE number. It owns w until Flush.
func NewWriter(w io.Writer, link uint16) (*Writer, error) {
	p := &Writer{to: bufio.NewWriterSize(w, 1<<20), link: link}
	header := binary.LittleEndian.AppendUint32(nil, 0xa1b23c4d)
	header = append(header, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0) // version 2.4; times are UTC
	header = binary.LittleEndian.AppendUint32(header, maxFrame)
	header = binary.LittleEndian.AppendUint32(header, uint32(link))
	if _, err := p.to.Write(header); err != nil {
		return nil, fmt.Errorf("begin capture: %w", err)
	}
	return p, nil
}

// maxFrame is the snaplen in the header: what libpcap takes as the largest.
const maxFrame = 262144

// Write writes the frames, which are only read. The format holds times from 1970 to 2106; others are an error, and so is
// a frame of another link type.
func (p *Writer) Write(b *capture.Batch) error {
	for i, f := range b.Frames {
		sec := f.Time / 1e9
		if f.Time < 0 || sec > 1<<32-1 || f.Link != p.link {
			return fmt.Errorf("write frame: got link type %d at %d ns, want %d from 1970 to 2106", f.Link, f.Time, p.link)
		}
		binary.LittleEndian.PutUint32(p.record[0:], uint32(sec))
		binary.LittleEndian.PutUint32(p.record[4:], uint32(f.Time%1e9))
		binary.LittleEndian.PutUint32(p.record[8:], f.Len)
		binary.LittleEndian.PutUint32(p.record[12:], f.Wire)
		if _, err := p.to.Write(p.record[:]); err != nil {
			return fmt.Errorf("write frame: %w", err)
		}
		if _, err := p.to.Write(b.Bytes(i)); err != nil {
			return fmt.Errorf("write frame: %w", err)
		}
	}
	return nil
}

// Flush hands on what has been written.
func (p *Writer) Flush() error { return p.to.Flush() }
