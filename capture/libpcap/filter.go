package libpcap

import (
	"encoding/binary"
	"fmt"
	"os"
	"strings"

	"github.com/google/gopacket/pcap"
	"golang.org/x/net/bpf"
)

// Filter is a compiled filter for frames of one link type. It is not changed by Match: any number of goroutines may
// share it.
type Filter struct{ program []instruction }

// CompileFilter compiles a filter in pcap-filter(7) syntax for frames of a link type, given as its LINKTYPE number
// (1 Ethernet, 101 raw IP, 276 Linux cooked v2). The empty text matches everything. The error has libpcap's message
// on one line.
func CompileFilter(link uint16, expr string) (*Filter, error) {
	if strings.IndexByte(expr, 0) >= 0 {
		return nil, fmt.Errorf("compile filter %q: zero byte in the text", expr)
	}
	handle, err := openLink(link)
	if err != nil {
		return nil, fmt.Errorf("compile filter %q for link type %d: %w", expr, link, err)
	}
	defer handle.Close()
	code, err := handle.CompileBPFFilter(expr)
	if err != nil {
		return nil, fmt.Errorf("compile filter %q for link type %d: %s", expr, link, oneLine(err.Error()))
	}
	program := make([]instruction, len(code))
	for i, c := range code {
		program[i] = instruction{code: c.Code, jt: c.Jt, jf: c.Jf, k: c.K}
	}
	if err := check(program); err != nil {
		return nil, fmt.Errorf("compile filter %q for link type %d: %w", expr, link, err)
	}
	return &Filter{program: program}, nil
}

// Match reports whether the filter takes a frame of which frame was captured and wire bytes were on the wire. It
// does not allocate, and keeps nothing of frame.
func (f *Filter) Match(frame []byte, wire uint32) bool { return run(f.program, frame, wire) != 0 }

// Instructions returns the program, for a socket that is to run it. The caller owns the slice.
func (f *Filter) Instructions() []bpf.RawInstruction {
	raw := make([]bpf.RawInstruction, len(f.program))
	for i, in := range f.program {
		raw[i] = bpf.RawInstruction{Op: in.code, Jt: in.jt, Jf: in.jf, K: in.k}
	}
	return raw
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// openLink opens a capture without packets. Compiling against a file gives the program that tcpdump -r runs: libpcap
// translates the link type's number itself, and takes those above 255, which gopacket's own constants cannot say.
func openLink(link uint16) (*pcap.Handle, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	header := binary.LittleEndian.AppendUint32(nil, 0xa1b2c3d4)
	header = append(header, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0) // version 2.4, snaplen 262144
	header = binary.LittleEndian.AppendUint32(header, uint32(link))
	_, err = w.Write(header) // less than a pipe holds
	w.Close()
	if err != nil {
		return nil, err
	}
	return pcap.OpenOffline(fmt.Sprintf("/dev/fd/%d", r.Fd()))
}
