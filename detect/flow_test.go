package detect_test

import (
	"testing"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
)

// A flow of which the server's packets alone were seen is no attempt of its client's that failed.
func TestUnasked(t *testing.T) {
	type record = flowtable.Record
	for name, c := range map[string]struct {
		record          record
		missing         detect.Missing
		unasked, failed bool
	}{
		"a UDP question":           {record{Proto: packet.ProtoUDP, Packets: [2]uint64{1, 0}}, 0, false, true},
		"a UDP answer":             {record{Proto: packet.ProtoUDP, Packets: [2]uint64{0, 1}, Payload: [2]uint64{0, 900}}, 0, true, false},
		"an ICMP answer":           {record{Proto: packet.ProtoICMP, Packets: [2]uint64{0, 1}}, 0, true, false},
		"a SYN":                    {record{Proto: packet.ProtoTCP, Packets: [2]uint64{1, 0}, ConnState: flowtable.S0}, 0, false, true},
		"a SYN-ACK":                {record{Proto: packet.ProtoTCP, Packets: [2]uint64{0, 1}, ConnState: flowtable.OTH}, 0, true, false},
		"a reset":                  {record{Proto: packet.ProtoTCP, Packets: [2]uint64{0, 1}, ConnState: flowtable.RSTRH}, 0, true, false},
		"half of a connection":     {record{Proto: packet.ProtoTCP, Packets: [2]uint64{0, 5}, Payload: [2]uint64{0, 900}, ConnState: flowtable.OTH}, 0, false, false},
		"a later part":             {record{Proto: packet.ProtoUDP, Packets: [2]uint64{0, 5}, Part: 1}, 0, false, false},
		"a question, not counted":  {record{Proto: packet.ProtoUDP}, detect.NoPackets, false, true},
		"no state, no packets":     {record{Proto: packet.ProtoTCP, Bytes: [2]uint64{60, 0}}, detect.NoPackets | detect.NoState, false, true},
		"an answer, without state": {record{Proto: packet.ProtoTCP, Packets: [2]uint64{0, 1}, Bytes: [2]uint64{0, 60}}, detect.NoState, true, false},
	} {
		f := detect.Flow{Record: &c.record, Missing: c.missing}
		if f.Unasked() != c.unasked || f.Failed() != c.failed {
			t.Errorf("%s: unasked %v, failed %v; want %v, %v", name, f.Unasked(), f.Failed(), c.unasked, c.failed)
		}
	}
}
