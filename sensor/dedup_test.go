package sensor

import (
	"testing"
	"time"

	"github.com/weir-sensor/weir/capture"
	"github.com/weir-sensor/weir/packet"
)

// datagram is an Ethernet frame with a UDP packet of the given identification; vlan puts a tag in front.
func datagram(id byte, vlan bool) []byte {
	frame := make([]byte, 12)
	if vlan {
		frame = append(frame, 0x81, 0, 0, 7)
	}
	return append(frame, 8, 0,
		0x45, 0, 0, 30, 0, id, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2,
		0, 53, 0, 99, 0, 10, 0, 0, 'x', 'y')
}

func TestRecentFindsSecondCopies(t *testing.T) {
	const ms = int64(time.Millisecond)
	var r recent
	see := func(at int64, frame []byte) bool {
		return r.seen(&capture.Frame{Time: at, Len: uint32(len(frame)), Wire: uint32(len(frame)), Link: packet.LinkEthernet}, frame)
	}
	for _, step := range []struct {
		what  string
		at    int64
		frame []byte
		want  bool
	}{
		{"first", 0, datagram(1, false), false},
		{"its copy", 0, datagram(1, false), true},
		{"its copy on the tagged side of the mirror, padded", 10 * ms, append(datagram(1, true), 0, 0, 0), true},
		{"the same 1 ns too late", 10*ms + 1, datagram(1, false), false},
		{"another packet", 10 * ms, datagram(2, false), false},
		{"no IP is never a copy", 10 * ms, make([]byte, 60), false},
		{"nor the second time", 10 * ms, make([]byte, 60), false},
	} {
		if got := see(step.at, step.frame); got != step.want {
			t.Errorf("%s: got %v, want %v", step.what, got, step.want)
		}
	}
	for id := byte(10); id < 18; id++ { // eight others push it out
		see(11*ms, datagram(id, false))
	}
	if see(11*ms, datagram(1, false)) {
		t.Error("a packet more than eight packets ago was taken for a copy")
	}
}
