package pcapfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/weir-sensor/weir/capture"
)

// framer finds the records of one capture format.
type framer interface {
	// frame reads whole records from data[pos:], appends their frames with offsets into data, and returns where the
	// first record begins that is not whole or found no room in frames' capacity. An error means that the record
	// there is corrupt; asked again, the same place gives the same error.
	frame(data []byte, pos int, frames []capture.Frame) ([]capture.Frame, int, error)
	format() string
	nextInterface() int // the number after the last interface described
}

// newFramer chooses the format by the first bytes of a file (24, or fewer where there are no more) and says how many
// of them it has used up. iface is the number of the file's first interface.
func newFramer(head []byte, iface int) (framer, int, error) {
	if len(head) < 4 {
		return nil, 0, errors.New(describe(head))
	}
	magic := binary.LittleEndian.Uint32(head)
	switch {
	case isPcap(magic) && len(head) < pcapHeader:
		return nil, 0, fmt.Errorf("the first %d bytes of a pcap file's header", len(head))
	case isPcap(magic):
		p, err := newPcap(head, uint16(min(iface, math.MaxUint16)))
		if err != nil {
			return nil, 0, err
		}
		return p, pcapHeader, nil
	case magic == blockSection && len(head) >= 12:
		if _, ok := sectionOrder(head); ok {
			return newPcapng(iface), 0, nil
		}
	}
	return nil, 0, errors.New(describe(head))
}

// Formats that are taken for captures by mistake, by how they begin.
var others = []struct{ magic, name string }{
	{"snoop\x00\x00\x00", "a snoop capture"},
	{"GMBU", "a Network Monitor capture"},
	{"RTSS", "a Network Monitor capture"},
	{"TRSNIFF", "a Sniffer capture"},
	{"PK\x03\x04", "a zip archive"},
	{"BZh", "bzip2 data"},
	{"\xfd7zXZ\x00", "xz data"},
	{"\x04\x22\x4d\x18", "lz4 data"},
	{"7z\xbc\xaf", "a 7z archive"},
	{"\x7fELF", "a program"},
	{"PAR1", "a Parquet file"},
	{"\x0a\x0d\x0d\x0a", "a broken pcapng header"},
	{"\x1f\x8b", "gzip data inside compressed data"},
	{"\x28\xb5\x2f\xfd", "zstd data inside compressed data"},
}

// describe says what a file is that begins like that.
func describe(head []byte) string {
	if len(head) == 0 {
		return "empty"
	}
	for _, o := range others {
		if bytes.HasPrefix(head, []byte(o.magic)) {
			return o.name
		}
	}
	text := true
	for _, c := range head {
		text = text && (c >= ' ' && c != 0x7f || c == '\n' || c == '\r' || c == '\t')
	}
	if text {
		return "text"
	}
	return fmt.Sprintf("data that begins with % x", head[:min(len(head), 4)])
}
