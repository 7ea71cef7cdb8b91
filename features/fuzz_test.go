package features

import (
	"encoding/binary"
	"math"
	"math/rand"
	"testing"
	"time"

	"github.com/weir-sensor/weir/packet"
)

// FuzzWindower makes a configuration and packets of the bytes, twelve each, and compares with the model. With a cap that
// is reached, the books must balance all the same.
func FuzzWindower(f *testing.F) {
	rng := rand.New(rand.NewSource(1))
	for _, n := range []int{0, 20, 200, 2000} {
		b := make([]byte, n)
		rng.Read(b)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < 4 || len(b) > 12*400 {
			return
		}
		cfg := fuzzConfig(b)
		in := fuzzPackets(b[4:])
		net := Network{ServerPorts: []uint16{8080}, MTU: 1500}
		rng := rand.New(rand.NewSource(int64(len(b))))
		got, counters := feedAll(t, rng, cfg, net, in, 1+int(b[3]>>7))
		if cfg.MaxPairs != DefaultConfig().MaxPairs {
			return
		}
		m := model{cfg: cfg, servers: net.ServerPorts, mtu: net.MTU}
		want, dropped := m.windows(in)
		if compareAll(t, got, want); int(counters.Dropped[Remainder]) != dropped {
			t.Errorf("got %d remainders, want %d", counters.Dropped[Remainder], dropped)
		}
	})
}

func fuzzConfig(b []byte) Config {
	cfg := DefaultConfig()
	cfg.Packets = 1 + int(b[0]%20)
	cfg.Segment = []time.Duration{time.Millisecond, time.Second, time.Minute, 10 * time.Minute}[b[1]%4]
	if b[1]&16 != 0 {
		cfg.By = ByFlow
	}
	if b[1]&32 != 0 {
		cfg.Cut, cfg.Packets = CutTime, maxPackets
	}
	if b[1]&64 != 0 {
		cfg.Clients = []string{"10.0.0.0/31", "2001:db8::/127"}
	}
	if b[2]&1 != 0 {
		cfg.MaxPairs = 1 + int(b[2]>>4)
	}
	cfg.Groups = nil
	for i, g := range Groups() {
		if b[3]>>i&1 == 0 {
			cfg.Groups = append(cfg.Groups, g)
		}
	}
	return cfg
}

// fuzzPackets reads a packet from each twelve bytes. Times jump by up to half an hour, and back.
func fuzzPackets(b []byte) (in []seen) {
	now, clock := int64(1_700_000_000_000_000_000), int64(math.MinInt64)
	for ; len(b) >= 12; b = b[12:] {
		now += int64(int8(b[0])) << (b[1] % 35)
		clock = max(clock, now)
		p := packet.Packet{Proto: packet.ProtoTCP, Version: 4, TCPFlags: b[2]}
		if b[3]&1 != 0 {
			p.Version = 6
		}
		p.Src, p.Dst = host(p.Version, int(b[3]>>1&3)), host(p.Version, int(b[3]>>3&3))
		ports := []uint16{80, 8080, 40000, 0}
		p.SrcPort, p.DstPort = ports[b[3]>>5&3], ports[b[4]&3]
		if b[4]&4 != 0 && b[4]&8 != 0 {
			p.Flags = packet.Flags(b[5])
		}
		p.Seq = uint32(int32(int8(b[6])))
		p.PayloadLen = uint32(binary.LittleEndian.Uint16(b[7:])) >> (b[9] % 16)
		p.Length = p.PayloadLen + 40
		p.PayloadCap = min(p.PayloadLen, uint32(b[10]))
		s := seen{Packet: p, time: now, clock: clock, ordinal: uint64(len(in)), payload: make([]byte, p.PayloadCap)}
		for i := range s.payload {
			s.payload[i] = byte(i) % (b[11]/8 + 1)
		}
		in = append(in, s)
	}
	return in
}
