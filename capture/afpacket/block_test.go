//go:build linux

package afpacket

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/weir-sensor/weir/capture"
)

const testBlock = 4096

// made is a frame as the kernel writes it, without its tag.
type made struct {
	data      []byte
	wire      uint32
	sec, nsec uint32
	status    uint32
	tci       uint32
	tpid      uint16
}

// putBlock writes a block as the kernel does and hands it over.
func putBlock(block []byte, list ...made) {
	ne := binary.NativeEndian
	clear(block)
	ne.PutUint32(block[12:], uint32(len(list)))
	at := 48
	ne.PutUint32(block[16:], uint32(at))
	for _, m := range list {
		h := block[at:]
		mac := 86
		next := (mac + len(m.data) + 15) &^ 15
		ne.PutUint32(h[0:], uint32(next))
		ne.PutUint32(h[4:], m.sec)
		ne.PutUint32(h[8:], m.nsec)
		ne.PutUint32(h[12:], uint32(len(m.data)))
		ne.PutUint32(h[16:], m.wire)
		ne.PutUint32(h[20:], m.status)
		ne.PutUint16(h[24:], uint16(mac))
		ne.PutUint32(h[32:], m.tci)
		ne.PutUint16(h[36:], m.tpid)
		copy(h[mac:], m.data)
		at += next
	}
	statusOf(block).Store(unix.TP_STATUS_USER)
}

func testBlocks(n, snaplen int) *blocks {
	// A slice of bytes this large begins on a page, as the kernel's memory does.
	b := &blocks{}
	b.init(make([]byte, n*testBlock), testBlock, 1, 7, snaplen)
	return b
}

// TestBlocks reads two blocks, of which one takes several calls, and sees when each is given back.
func TestBlocks(t *testing.T) {
	r := testBlocks(2, 1000)
	if r.next() {
		t.Fatal("there are frames in a ring that is empty")
	}
	var list []made
	for i := range 5 {
		list = append(list, made{data: bytes.Repeat([]byte{byte(i + 1)}, 60+i), wire: uint32(100 + i), sec: 1700000000, nsec: uint32(i)})
	}
	putBlock(r.memory[:testBlock], list...)
	putBlock(r.memory[testBlock:], list[4])

	b := capture.Batch{Frames: make([]capture.Frame, 0, 2)}
	var seen int
	for _, want := range []int{2, 2, 1} {
		if !r.next() {
			t.Fatal("no frames")
		}
		if err := r.fill(&b); err != nil || len(b.Frames) != want {
			t.Fatalf("%d frames, %v, want %d", len(b.Frames), err, want)
		}
		if r.status[0].Load() != unix.TP_STATUS_USER {
			t.Fatal("the block was given back while its frames are in use")
		}
		for i, f := range b.Frames {
			m := list[seen]
			if !bytes.Equal(b.Bytes(i), m.data) || f.Wire != m.wire || f.Time != 1700000000e9+int64(m.nsec) || f.Link != 1 || f.Iface != 7 {
				t.Fatalf("frame %d: %+v % x", seen, f, b.Bytes(i))
			}
			seen++
		}
	}
	if !r.next() || r.status[0].Load() != unix.TP_STATUS_KERNEL {
		t.Fatal("the first block was not given back, or the second not found")
	}
	if err := r.fill(&b); err != nil || len(b.Frames) != 1 || b.Bytes(0)[0] != 5 {
		t.Fatalf("second block: %+v, %v", b.Frames, err)
	}
	if r.next() || r.status[1].Load() != unix.TP_STATUS_KERNEL || r.delivered != 6 {
		t.Fatalf("after the last: delivered %d", r.delivered)
	}
	putBlock(r.memory[:testBlock]) // with nothing in it
	putBlock(r.memory[testBlock:], list[0])
	if !r.next() || r.fill(&b) != nil || b.Bytes(0)[0] != 1 {
		t.Fatal("an empty block ends the reading")
	}
}

// TestTagIsPutBack has the tag's TPID said or not, and frames that are too short or too long.
func TestTagIsPutBack(t *testing.T) {
	const valid, known = unix.TP_STATUS_VLAN_VALID, unix.TP_STATUS_VLAN_TPID_VALID
	addresses := []byte("aaaaaabbbbbb")
	rest := append([]byte{8, 0}, bytes.Repeat([]byte{0x45}, 50)...)
	plain := append(bytes.Clone(addresses), rest...)
	for name, test := range map[string]struct {
		made
		want string
	}{
		"none":          {made{data: plain, wire: 64, tci: 5}, string(plain)},
		"8021Q":         {made{data: plain, wire: 64, status: valid, tci: 0xe005}, string(addresses) + "\x81\x00\xe0\x05" + string(rest)},
		"8021ad":        {made{data: plain, wire: 64, status: valid | known, tci: 1, tpid: 0x88a8}, string(addresses) + "\x88\xa8\x00\x01" + string(rest)},
		"priority only": {made{data: plain, wire: 64, status: valid | known, tpid: 0x8100}, string(addresses) + "\x81\x00\x00\x00" + string(rest)},
		"too short":     {made{data: plain[:11], wire: 64, status: valid, tci: 1}, string(plain[:11])},
		"addresses":     {made{data: plain[:12], wire: 64, status: valid, tci: 1}, string(addresses) + "\x81\x00\x00\x01"},
		"snapped":       {made{data: append(bytes.Clone(plain), 1, 2, 3, 4), wire: 96, status: valid, tci: 1}, string(addresses) + "\x81\x00\x00\x01" + string(rest[:50])},
	} {
		snaplen := 1000
		if name == "snapped" {
			snaplen = 66
		}
		r := testBlocks(1, snaplen)
		putBlock(r.memory, test.made, made{data: plain, wire: 64})
		b := capture.Batch{Frames: make([]capture.Frame, 0, 9)}
		if !r.next() || r.fill(&b) != nil || len(b.Frames) != 2 {
			t.Fatalf("%s: %d frames", name, len(b.Frames))
		}
		wire := test.wire
		if len(test.want) > 11 && test.status != 0 {
			wire += 4
		}
		if string(b.Bytes(0)) != test.want || b.Frames[0].Wire != wire {
			t.Errorf("%s: % x (%d), want % x (%d)", name, b.Bytes(0), b.Frames[0].Wire, test.want, wire)
		}
		if !bytes.Equal(b.Bytes(1), plain) {
			t.Errorf("%s: the next frame is % x", name, b.Bytes(1))
		}
	}
}

// TestImpossibleNumbers has the block lie about where its frames are.
func TestImpossibleNumbers(t *testing.T) {
	frame := made{data: make([]byte, 60), wire: 60}
	for name, lie := range map[string]func(block []byte){
		"first": func(b []byte) { binary.NativeEndian.PutUint32(b[16:], testBlock-40) },
		"next":  func(b []byte) { binary.NativeEndian.PutUint32(b[48:], 0xfffffff0) },
		"size":  func(b []byte) { binary.NativeEndian.PutUint32(b[48+12:], testBlock) },
		"huge":  func(b []byte) { binary.NativeEndian.PutUint32(b[48+12:], 0xffffffff) },
		"mac":   func(b []byte) { binary.NativeEndian.PutUint16(b[48+24:], 0xffff) },
		"count": func(b []byte) { binary.NativeEndian.PutUint32(b[12:], 0xffffffff) },
	} {
		r := testBlocks(1, 1000)
		putBlock(r.memory, frame, frame)
		lie(r.memory)
		b := capture.Batch{Frames: make([]capture.Frame, 0, 100)}
		if !r.next() {
			t.Fatal("no frames")
		}
		if err := r.fill(&b); err == nil || !strings.Contains(err.Error(), "in a block of 4096 bytes") {
			t.Errorf("%s: %v, want an error", name, err)
		}
	}
}
