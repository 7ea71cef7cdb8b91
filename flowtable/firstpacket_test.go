package flowtable

import (
	"testing"

	"github.com/weir-sensor/weir/packet"
	"github.com/weir-sensor/weir/payload"
)

func TestFirstPacket(t *testing.T) {
	long := text(0, 4000)
	for _, test := range []struct {
		name     string
		talk     func(c *conversation)
		up, down string // "" is null
	}{
		{"one packet of a request in two", func(c *conversation) {
			c.handshake()
			c.say(Up, 0, "GET ")
			c.say(Up, 4, "/")
			c.say(Down, 0, "200 OK")
		}, "GET ", "200 OK"},
		{"out of order: that with the first byte", func(c *conversation) {
			c.handshake()
			c.say(Up, 4, "/")
			c.say(Down, 0, "200")
			c.say(Up, 0, "GET ")
		}, "GET ", "200"},
		{"sent again, longer: the first copy", func(c *conversation) {
			c.handshake()
			c.say(Up, 0, "GET ")
			c.say(Up, 0, "GET /")
		}, "GET ", ""},
		{"a keep-alive before it", func(c *conversation) {
			c.handshake()
			c.say(Up, -1, "k").TCPFlags = packet.ACK
			c.say(Up, 0, "GET /")
		}, "GET /", ""},
		{"from before the first byte on", func(c *conversation) {
			c.handshake()
			c.say(Up, -1, "kGET /").TCPFlags = packet.ACK
		}, "GET /", ""},
		{"data on the SYN", func(c *conversation) {
			c.say(Up, -1, "hi")
			c.say(Down, -1, "")
			c.list[0].Seq = c.base
		}, "hi", ""},
		{"no SYN", func(c *conversation) {
			c.say(Up, 0, "GET /")
			c.say(Down, 0, "200")
		}, "", ""},
		{"the first byte never came", func(c *conversation) {
			c.handshake()
			c.say(Up, 1, "ET /")
		}, "", ""},
		{"cut, and sent again whole", func(c *conversation) {
			c.handshake()
			c.cut(Up, 0, "GET /", 3)
			c.say(Up, 0, "GET /")
		}, "", ""},
		{"longer than 1500 bytes, cut behind them", func(c *conversation) {
			c.handshake()
			c.cut(Up, 0, long, 1500)
			c.cut(Down, 0, long, 1499)
		}, long[:1500], ""},
		{"a first fragment", func(c *conversation) {
			c.handshake()
			c.say(Up, 0, "GET /").Flags |= packet.FragFirst
			c.say(Down, 0, "200")
		}, "", "200"},
	} {
		for _, base := range []uint32{0, 1 << 31, 1<<32 - 3} {
			c := conversation{base: base}
			test.talk(&c)
			cfg := DefaultConfig()
			cfg.Features = []string{"first_packet"}
			table := NewTable(cfg, 1, [4]uint64{1, 2, 3, 4})
			table.Add(c.list)
			table.Shutdown(second)
			records, _ := table.Drain(nil, 10)
			if len(records) != 1 {
				t.Fatalf("%s: got %d records, want 1", test.name, len(records))
			}
			for d, want := range [2]string{test.up, test.down} {
				n := len(want)
				if n == 1500 {
					n = len(long)
				}
				if got := records[0].Features.Packet[d]; got != payload.NewMeter().Packet([]byte(want), n, false) {
					t.Errorf("%s, base %d, direction %d: got %+v, want that of %q", test.name, base, d, got, want)
				}
			}
		}
	}
}
