package features

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-sensor/weir/packet"
)

// Every packet has one reason to count or not to, and the first that applies is it.
func TestLengthPicker(t *testing.T) {
	hello := []byte{22, 3, 1, 2, 0, 1}
	for _, test := range []struct {
		name    string
		tls     bool
		packet  packet.Packet
		payload []byte
		want    LengthPicker
	}{
		{"counted", false, packet.Packet{PayloadLen: 700}, nil, LengthPicker{Counted: 1}},
		{"longest", false, packet.Packet{PayloadLen: 1000}, nil, LengthPicker{Counted: 1}},
		{"longer", false, packet.Packet{PayloadLen: 1001}, nil, LengthPicker{Longer: 1}},
		{"empty", false, packet.Packet{}, nil, LengthPicker{Empty: 1}},
		{"first fragment", false, packet.Packet{PayloadLen: 9, Flags: packet.FragFirst}, nil, LengthPicker{Fragments: 1}},
		{"later fragment", false, packet.Packet{PayloadLen: 9, Flags: packet.FragLater}, nil, LengthPicker{Fragments: 1}},
		{"fragment with a cut header", false, packet.Packet{Flags: packet.FragFirst | packet.HeaderCut}, nil, LengthPicker{Fragments: 1}},
		{"cut header", false, packet.Packet{PayloadLen: 9, Flags: packet.HeaderCut}, nil, LengthPicker{CutHeaders: 1}},
		{"cut payload", false, packet.Packet{PayloadLen: 9, Flags: packet.PayloadCut}, nil, LengthPicker{Counted: 1}},
		{"TLS", true, packet.Packet{PayloadLen: 517}, hello, LengthPicker{Counted: 1}},
		{"longer TLS", true, packet.Packet{PayloadLen: 1001}, hello, LengthPicker{Longer: 1}},
		{"empty, TLS", true, packet.Packet{}, nil, LengthPicker{Empty: 1}},
		{"not TLS", true, packet.Packet{PayloadLen: 517}, []byte("GET / HTTP/1.1"), LengthPicker{NotTLS: 1}},
		{"longer and not TLS", true, packet.Packet{PayloadLen: 1400}, []byte("GET / HTTP/1.1"), LengthPicker{NotTLS: 1}},
		{"four bytes", true, packet.Packet{PayloadLen: 4}, hello[:4], LengthPicker{NotTLS: 1}},
		{"cut after four bytes", true, packet.Packet{PayloadLen: 517, Flags: packet.PayloadCut}, hello[:4], LengthPicker{CutTLS: 1}},
		{"cut after five bytes", true, packet.Packet{PayloadLen: 517, Flags: packet.PayloadCut}, hello[:5], LengthPicker{Counted: 1}},
	} {
		got := LengthPicker{MaxLength: 1000, TLSOnly: test.tls}
		got.Add(&test.packet, test.payload)
		counted := uint64(0)
		for _, n := range got.Lengths.counts {
			counted += n
		}
		if counted != got.Counted || got.Lengths.Longer() != 0 {
			t.Errorf("%s: got %d lengths and %d longer ones, want %d and 0", test.name, counted, got.Lengths.Longer(), got.Counted)
		}
		got.Lengths = Lengths{}
		test.want.MaxLength, test.want.TLSOnly, test.want.Packets = 1000, test.tls, 1
		if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(Lengths{})); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", test.name, diff)
		}
	}
}

// Content types 20 to 23 and versions 3.0 to 3.4, and none beside them.
func TestBeginsTLSRecord(t *testing.T) {
	yes := 0
	for kind := range 256 {
		for major := range 6 {
			for minor := range 256 {
				got := beginsTLSRecord([]byte{byte(kind), byte(major), byte(minor), 0xff, 0xff})
				want := (kind == 20 || kind == 21 || kind == 22 || kind == 23) && major == 3 &&
					(minor == 0 || minor == 1 || minor == 2 || minor == 3 || minor == 4)
				if got != want {
					t.Errorf("type %d, version %d.%d: got %v, want %v", kind, major, minor, got, want)
				}
				if got {
					yes++
				}
			}
		}
	}
	if yes != 20 {
		t.Errorf("got %d headers, want 20", yes)
	}
}
