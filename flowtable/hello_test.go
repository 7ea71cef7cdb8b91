package flowtable

import (
	"encoding/hex"
	"testing"

	"github.com/weir-sensor/weir/packet"
	"github.com/weir-sensor/weir/payload"
)

// A DTLS hello is found among the first 24 datagrams with payload of both ends, whichever sends it, after STUN or without.
func TestHello(t *testing.T) {
	hello, err := hex.DecodeString("16fefd0000000000000000007a0100006e000000000000006efefd" + // as payload's tests make it
		"0000000000000000000000000000000000000000000000000000000000000000" + "00000010c02bc02fcca9cca8c00ac014c02cc0300100" +
		"0034000d00080006040305030807ff01000100000a00080006001d00170018000b00020100000e000900060008000700010000170000")
	if err != nil {
		t.Fatal(err)
	}
	stun := string(append([]byte{0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42}, make([]byte, 12)...))
	many := func(c *conversation, n int) {
		for range n {
			c.say(Up, 0, stun)
			c.say(Down, 0, "")
		}
	}
	const all = payload.HelloSTUN | payload.HelloClient | payload.HelloPion
	for _, test := range []struct {
		name string
		talk func(c *conversation)
		want payload.Hello
	}{
		{"after STUN", func(c *conversation) { c.say(Up, 0, stun); c.say(Down, 0, stun); c.say(Down, 0, string(hello)) }, all},
		{"first", func(c *conversation) { c.say(Up, 0, string(hello)); c.say(Down, 0, stun) }, all &^ payload.HelloSTUN},
		{"the 24th", func(c *conversation) { many(c, 23); c.say(Up, 0, string(hello)) }, all},
		{"the 25th", func(c *conversation) { many(c, 24); c.say(Up, 0, string(hello)) }, payload.HelloSTUN},
		{"cut", func(c *conversation) { c.cut(Up, 0, string(hello), 100) }, 0},
		{"a fragment", func(c *conversation) { c.say(Up, 0, string(hello)).Flags |= packet.FragFirst }, 0},
	} {
		c := conversation{}
		test.talk(&c)
		for i := range c.list {
			c.list[i].Proto, c.list[i].TCPFlags, c.list[i].Seq = packet.ProtoUDP, 0, 0
		}
		for _, groups := range [][]string{{"first_packet"}, {AllFeatures}, {"splt"}} {
			cfg := DefaultConfig()
			cfg.Features = groups
			table := NewTable(cfg, 1, [4]uint64{1, 2, 3, 4})
			table.Add(c.list)
			table.Shutdown(second)
			records, _ := table.Drain(nil, 10)
			want := test.want
			if groups[0] == "splt" {
				want = 0
			}
			if len(records) != 1 || records[0].Features.Hello != want {
				t.Errorf("%s, %v: got %d records, %+v, want %03b", test.name, groups, len(records), records[0].Features.Hello, want)
			}
		}
	}
}
