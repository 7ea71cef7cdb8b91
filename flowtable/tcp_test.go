package flowtable_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
)

// segments reads a conversation, one segment a word: who (c or s), flags (letters of F S R A, - for none), sequence
// number, acknowledgement and payload length, by commas; a duration lets time pass beyond the millisecond
// between segments. The capture cut the header of a segment with flags "?".
func segments(t *testing.T, text string) (list []flowtable.Input) {
	now := time.Duration(0)
	for _, word := range strings.Fields(text) {
		if d, err := time.ParseDuration(word); err == nil {
			now += d
			continue
		}
		now += time.Millisecond
		in := flowtable.Input{Time: int64(now), Clock: int64(now), Ordinal: uint64(len(list)), Wire: 60}
		in.Src, in.Dst = packet.AddrFrom4([]byte{192, 0, 2, 1}), packet.AddrFrom4([]byte{198, 51, 100, 1})
		in.SrcPort, in.DstPort = 40000, 4000
		in.Proto, in.Version, in.Window, in.Length = packet.ProtoTCP, 4, 1000, 40
		fields := strings.FieldsFunc(word, func(r rune) bool { return r == ',' })
		if len(fields) < 2 {
			t.Fatalf("segment %q", word)
		}
		if fields[0] == "s" {
			in.Src, in.Dst, in.SrcPort, in.DstPort = in.Dst, in.Src, in.DstPort, in.SrcPort
		}
		for _, f := range fields[1] {
			switch f {
			case 'F':
				in.TCPFlags |= packet.FIN
			case 'S':
				in.TCPFlags |= packet.SYN
			case 'R':
				in.TCPFlags |= packet.RST
			case 'A':
				in.TCPFlags |= packet.ACK
			case '?':
				in.Flags |= packet.HeaderCut
				in.Window = 0
			}
		}
		for i, to := range []*uint32{&in.Seq, &in.Ack, &in.PayloadLen} {
			if len(fields) > i+2 {
				fmt.Sscan(fields[i+2], to)
			}
		}
		list = append(list, in)
	}
	return list
}

// TestConversations: what the history, the state, the round-trip time and the counts say of conversations by hand. The
// expected histories and states follow Zeek's documentation of conn.log.
func TestConversations(t *testing.T) {
	const open = "c,S,100 s,SA,500,101 c,A,101,501 "
	for _, test := range []struct {
		name, conversation   string
		history, state       string
		rtt                  time.Duration // -1: none
		resent, outOfOrder   uint32        // by the server
		clientBy, connection string
	}{
		{"in order", open + "c,A,101,501,10 s,A,501,111,20 c,A,111,521 c,FA,111,521 s,FA,521,112 c,A,112,522",
			"ShADdFf", "SF", 2 * time.Millisecond, 0, 0, "syn", "closed"},
		{"only the attempt", "c,S,100 1s c,S,100", "S", "S0", -1, 0, 0, "syn", "connecting"},
		{"rejected blindly", "c,S,100 s,R,0", "Sr", "REJ", -1, 0, 0, "syn", "connecting"}, // acknowledges nothing
		{"rejected", "c,S,100 s,RA,0,101", "Sr", "REJ", -1, 0, 0, "syn", "reset"},
		{"given up", "c,S,100 c,R,101", "SR", "RSTOS0", -1, 0, 0, "syn", "reset"},
		{"half open scan", "c,S,100 s,SA,500,101 c,R,101", "ShR", "RSTO", -1, 0, 0, "syn", "reset"},
		{"attempt closed", "c,S,100 c,FA,101", "SF", "SH", -1, 0, 0, "syn", "closing"},
		{"answer before the attempt", "s,SA,500,101 c,S,100 c,A,101,501", "^hSA", "S1", -1, 0, 0, "syn", "established"},
		{"answer alone", "s,SA,500,101 s,FA,501,101", "^hf", "SHR", -1, 0, 0, "synack", "closing"},
		{"sent again", open + "s,A,501,101,10 s,A,501,101,10", "ShAdt", "S1", 2 * time.Millisecond, 1, 0, "syn", "established"},
		{"filled in", open + "s,A,501,101,10 s,A,521,101,10 s,A,511,101,10 c,A,101,531", "ShAdt", "S1", 2 * time.Millisecond, 0, 1,
			"syn", "established"},
		{"never seen", open + "s,A,501,101,10 s,A,521,101,10 c,A,101,531", "ShAdg", "S1", 2 * time.Millisecond, 0, 0, "syn", "established"},
		{"acknowledged before it was seen", open + "c,A,101,511 s,A,501,101,10 c,A,101,511 s,A,511,101,5", "ShAgd", "S1",
			2 * time.Millisecond, 0, 0, "syn", "established"},
		{"header cut", open + "c,? s,?", "ShA", "S1", 2 * time.Millisecond, 0, 0, "syn", "established"},
		{"attempt sent again", "c,S,100 1s c,S,100 s,SA,500,101 c,A,101,501", "ShA", "S1", -1, 0, 0, "syn", "established"},
		{"numbers wrap", "c,S,100 s,SA,4294967290,101 c,A,101,4294967291 s,A,4294967291,101,10 c,A,101,5 s,A,5,101,10 c,A,101,15",
			"ShAd", "S1", 2 * time.Millisecond, 0, 0, "syn", "established"},
	} {
		cfg := flowtable.DefaultConfig()
		cfg.ActiveTimeout = 0
		table := flowtable.NewTable(cfg, 1, [4]uint64{1, 3, 5, 7})
		in := segments(t, test.conversation)
		table.Add(in)
		table.Shutdown(in[len(in)-1].Clock)
		var out []flowtable.Record
		for more := true; more; {
			out, more = table.Drain(out, 10)
		}
		if len(out) != 1 {
			t.Errorf("%s: %d records, want 1", test.name, len(out))
			continue
		}
		r := &out[0]
		got := fmt.Sprintf("%s %v %v %d %d %v %v", r.History.Append(nil), r.ConnState, time.Duration(r.RTT), r.Retransmits[flowtable.Down],
			r.OutOfOrder[flowtable.Down], r.ClientBy, r.State)
		want := fmt.Sprintf("%s %s %v %d %d %s %s", test.history, test.state, test.rtt, test.resent, test.outOfOrder, test.clientBy,
			test.connection)
		if got != want {
			t.Errorf("%s: got %s, want %s", test.name, got, want)
		}
	}
}

// TestRoundTripOverParts: a handshake that the active timeout cut has no round-trip time, for the first part's SYN is not
// in the second.
func TestRoundTripOverParts(t *testing.T) {
	cfg := flowtable.DefaultConfig()
	cfg.ActiveTimeout = time.Second
	table := flowtable.NewTable(cfg, 1, [4]uint64{1, 3, 5, 7})
	in := segments(t, "c,S,100 1500ms s,SA,500,101 c,A,101,501")
	table.Add(in)
	table.Shutdown(in[2].Clock)
	var out []flowtable.Record
	for more := true; more; {
		out, more = table.Drain(out, 10)
	}
	if len(out) != 2 || out[0].RTT != -1 || out[1].RTT != -1 || out[1].Part != 1 {
		t.Errorf("got %+v, want two parts without round-trip time", out)
	}
}
