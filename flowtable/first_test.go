package flowtable

import (
	"fmt"
	"strings"
	"testing"

	"github.com/weir-sensor/weir/packet"
	"github.com/weir-sensor/weir/payload"
)

// conversation makes TCP packets of one flow: up from port 50000 to 443, down the other way, both from sequence number
// base on.
type conversation struct {
	base uint32
	port uint16
	list []Input
}

// say adds a packet of direction d whose payload begins at place at of its stream; at -1 is a SYN's place.
func (c *conversation) say(d int, at int, data string) *Input {
	return c.cut(d, at, data, len(data))
}

// cut is say of a packet of which captured bytes of the payload were captured.
func (c *conversation) cut(d int, at int, data string, captured int) *Input {
	p := packet.Packet{Src: packet.Addr{Lo: 1}, Dst: packet.Addr{Lo: 2}, SrcPort: 50000 + c.port, DstPort: 443, Proto: packet.ProtoTCP,
		Version: 4, TTL: 64, TCPFlags: packet.ACK, Length: uint32(40 + len(data)), PayloadLen: uint32(len(data)),
		PayloadCap: uint32(captured), Seq: c.base + 1 + uint32(at)}
	if d == Down {
		p.Src, p.Dst, p.SrcPort, p.DstPort = p.Dst, p.Src, p.DstPort, p.SrcPort
	}
	if at < 0 {
		p.TCPFlags = packet.SYN
		if d == Down {
			p.TCPFlags |= packet.ACK
		}
	}
	n := int64(len(c.list))
	c.list = append(c.list, Input{Packet: p, Time: second + n, Clock: second + n, Ordinal: uint64(n),
		Captured: []byte(data[:captured]), Entropy: payload.NewMeter().Entropy([]byte(data[:captured]))})
	return &c.list[n]
}

func (c *conversation) handshake() *conversation {
	c.say(Up, -1, "")
	c.say(Down, -1, "")
	return c
}

// text returns n bytes in which no 26 in a row come twice within 1500.
func text(from, n int) string {
	var b strings.Builder
	for i := from; b.Len() < n; i++ {
		fmt.Fprintf(&b, "%04x.", i*7919)
	}
	return b.String()[:n]
}

func TestFirstPayload(t *testing.T) {
	long := text(0, 4000)
	for _, test := range []struct {
		name     string
		talk     func(c *conversation)
		up, down string // "" is null
	}{
		{"request and answer", func(c *conversation) {
			c.handshake()
			c.say(Up, 0, "GET /")
			c.say(Down, 0, "200 OK")
			c.say(Up, 5, "GET /2")
			c.say(Down, 6, "404")
		}, "GET /", "200 OK"},
		{"two segments before the answer", func(c *conversation) {
			c.handshake()
			c.say(Up, 0, "GET ")
			c.say(Up, 4, "/")
			c.say(Down, 0, "200 ")
			c.say(Down, 4, "OK")
		}, "GET /", "200 OK"},
		{"out of order", func(c *conversation) {
			c.handshake()
			c.say(Up, 4, "/")
			c.say(Up, 0, "GET ")
			c.say(Down, 3, " OK")
			c.say(Down, 0, "200")
		}, "GET /", "200 OK"},
		{"a hole filled after the answer", func(c *conversation) {
			c.handshake()
			c.say(Up, 4, "/")
			c.say(Down, 0, "200")
			c.say(Up, 0, "GET ")
			c.say(Up, 5, "more")
		}, "GET /", "200"},
		{"a hole never filled", func(c *conversation) {
			c.handshake()
			c.say(Up, 0, "GE")
			c.say(Up, 4, "/")
			c.say(Down, 0, "200")
		}, "", "200"},
		{"overlaps: the first copy counts", func(c *conversation) {
			c.handshake()
			c.say(Up, 2, "CD")
			c.say(Up, 0, "abcdef")
			c.say(Up, 4, "xxx")
		}, "abCDefx", ""},
		{"at most 1500 bytes", func(c *conversation) {
			c.handshake()
			for at := 0; at < 4000; at += 1000 {
				c.say(Up, at, long[at:at+1000])
			}
			c.say(Down, 0, long)
		}, long[:1500], long[:1500]},
		{"last segment first", func(c *conversation) {
			c.handshake()
			for at := 1950; at >= 0; at -= 65 {
				c.say(Up, at, long[at:at+65])
			}
		}, long[:1500], ""},
		{"every other byte, then all", func(c *conversation) {
			c.handshake()
			for at := 0; at < 400; at += 2 {
				c.say(Up, at, long[at:at+1])
			}
			c.say(Up, 0, strings.Repeat("#", 400))
		}, func() string {
			b := []byte(strings.Repeat("#", 400))
			for at := 0; at < 400; at += 2 {
				b[at] = long[at]
			}
			return string(b)
		}(), ""},
		{"a jump", func(c *conversation) {
			c.handshake()
			c.say(Up, 0, "GET /")
			c.say(Up, 1<<30, "x")
			c.say(Down, 0, "200")
		}, "", "200"},
		{"a keep-alive and old segments", func(c *conversation) {
			c.handshake()
			c.say(Up, -1, "k").TCPFlags = packet.ACK
			c.say(Up, -1<<30, "old").TCPFlags = packet.ACK
			c.say(Up, 0, "GET /")
			c.say(Up, 4, "/").TCPFlags = packet.ACK
		}, "GET /", ""},
		{"data on the SYN", func(c *conversation) {
			c.say(Up, -1, "hi")
			c.say(Down, -1, "")
			c.say(Up, 2, " there")
			c.list[0].Seq = c.base
		}, "hi there", ""},
		{"no handshake", func(c *conversation) {
			c.say(Up, 0, "GET /")
			c.say(Down, 0, "200")
		}, "", ""},
		{"cut, and sent again whole", func(c *conversation) {
			c.handshake()
			c.cut(Up, 0, "GET /", 3)
			c.say(Up, 0, "get /")
			c.cut(Down, 0, "200", 2)
			c.say(Up, 5, "2")
		}, "GET /", ""},
		{"cut header", func(c *conversation) {
			c.handshake()
			c.say(Up, 0, "GET /")
			p := c.say(Up, 5, "")
			p.Flags |= packet.HeaderCut
			c.say(Down, 0, "200")
		}, "", "200"},
		{"a cut header that may have been the answer", func(c *conversation) {
			c.handshake()
			c.say(Up, 0, "GET /")
			p := c.say(Down, 0, "")
			p.Flags |= packet.HeaderCut
			c.say(Up, 5, "2")
		}, "", ""},
		{"a first fragment: nobody knows where the segment ends", func(c *conversation) {
			c.handshake()
			p := c.say(Up, 0, "GET /")
			p.Flags |= packet.FragFirst
			c.say(Down, 0, "200")
		}, "", "200"},
		{"a later fragment has no place in the stream, but answers", func(c *conversation) {
			c.handshake()
			c.say(Up, 0, "GET /")
			p := c.say(Down, 0, "200")
			p.Flags |= packet.FragLater
			c.say(Up, 5, "2")
		}, "GET /", ""},
		{"payload before the SYN", func(c *conversation) {
			c.say(Up, -1, "")
			c.say(Up, 0, "GET /")
			c.say(Down, 0, "200")
			c.say(Down, -1, "")
			c.say(Down, 0, "200")
		}, "GET /", ""},
	} {
		for _, base := range []uint32{0, 1 << 31, 1<<32 - 3, 1<<32 - 1000} {
			c := conversation{base: base}
			test.talk(&c)
			table := NewTable(featuresConfig(), 1, [4]uint64{1, 2, 3, 4})
			table.Add(c.list)
			table.Shutdown(second)
			records, _ := table.Drain(nil, 10)
			if len(records) != 1 {
				t.Fatalf("%s: got %d records, want 1", test.name, len(records))
			}
			for d, want := range [2]string{test.up, test.down} {
				if got := records[0].Features.First[d]; got != payload.NewMeter().Measure([]byte(want)) {
					t.Errorf("%s, base %d, direction %d: got %+v, want that of %q", test.name, base, d, got, want)
				}
			}
			if open := len(table.measures.firsts.buffers) - 1 - len(table.measures.firsts.free); open != 0 {
				t.Errorf("%s, base %d: %d buffers are in use, want 0", test.name, base, open)
			}
		}
	}
}

func featuresConfig() Config {
	cfg := DefaultConfig()
	cfg.Features = []string{AllFeatures}
	return cfg
}

// With all buffers in use, the payload begun first is given up, and counted.
func TestFirstPayloadsAtTheirCap(t *testing.T) {
	const flows, limit = 100, 30
	cfg := featuresConfig()
	cfg.MaxFirstPayloads = limit
	table := NewTable(cfg, 1, [4]uint64{1, 2, 3, 4})
	for i := range flows {
		c := conversation{port: uint16(i)}
		c.handshake().say(Up, 0, "GET /")
		table.Add(c.list)
	}
	if n := len(table.measures.firsts.buffers) - 1; n != limit {
		t.Errorf("got %d buffers, want %d", n, limit)
	}
	if n := table.Counters().GivenUp; n != flows-limit {
		t.Errorf("got %d payloads given up, want %d", n, flows-limit)
	}
	table.Shutdown(second)
	records, _ := table.Drain(nil, 2*flows)
	for _, r := range records {
		known := r.Features.First[Up].Length != 0
		if want := r.ClientPort >= 50000+flows-limit; known != want {
			t.Errorf("port %d: known %t, want %t", r.ClientPort, known, want)
		}
	}
}

// Where the active timeout cuts a flow, its first part says how far the first payload came, the second one nothing, and
// the buffer is free again.
func TestFirstPayloadOfParts(t *testing.T) {
	c := conversation{}
	c.handshake().say(Up, 0, "GET ")
	p := c.say(Up, 4, "/")
	p.Time += 400 * second
	p.Clock = p.Time
	cfg := featuresConfig()
	cfg.Idle = IdleConfig{}
	table := NewTable(cfg, 1, [4]uint64{1, 2, 3, 4})
	table.Add(c.list)
	if open := len(table.measures.firsts.buffers) - 1 - len(table.measures.firsts.free); open != 0 {
		t.Errorf("%d buffers are in use, want 0", open)
	}
	table.Shutdown(p.Clock)
	records, _ := table.Drain(nil, 10)
	if len(records) != 2 {
		t.Fatalf("got %d records, want 2", len(records))
	}
	for part, want := range []string{"GET ", ""} {
		if got := records[part].Features.First[Up]; got != payload.NewMeter().Measure([]byte(want)) {
			t.Errorf("part %d: got %+v, want that of %q", part, got, want)
		}
	}
}
