package flowtable

import (
	"math"
	"math/rand"
	"testing"
	"time"

	"github.com/weir-sensor/weir/packet"
	"github.com/weir-sensor/weir/payload"
)

const (
	featureHeader = 4 // bytes of a configuration
	featureStep   = 8 // bytes of a packet
)

// FuzzFeatures makes a configuration and packets of the bytes, eight each, and compares every feature with the model,
// once with room for all first payloads and once for few.
func FuzzFeatures(f *testing.F) {
	for seed := range int64(8) {
		rnd := rand.New(rand.NewSource(seed))
		data := make([]byte, featureHeader+featureStep*(20+rnd.Intn(100)))
		rnd.Read(data)
		for i := featureHeader; i < len(data); i += featureStep {
			data[i] %= 250 // no long jumps
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) < featureHeader+featureStep || len(data) > featureHeader+150*featureStep {
			return
		}
		cfg, inputs := readFeatures(data)
		for _, room := range []int{DefaultConfig().MaxFirstPayloads, 1 + int(data[3]>>6)} {
			cfg.MaxFirstPayloads = room
			var tally featureTally
			if err := checkFeatures(cfg, inputs, rand.New(rand.NewSource(int64(len(data)))), &tally); err != nil {
				t.Fatalf("with room for %d first payloads: %v", room, err)
			}
		}
	})
}

func readFeatures(data []byte) (Config, []Input) {
	cfg := DefaultConfig()
	cfg.Features = []string{AllFeatures}
	cfg.ActiveTimeout = [...]time.Duration{0, time.Millisecond, 7 * time.Second, 300 * time.Second}[data[0]&3]
	if data[0]&4 != 0 {
		cfg.Idle = IdleConfig{}
	}
	isn := [...]uint32{1000, math.MaxUint32 - 300, 1<<31 - 300, 0}[data[1]&3]
	at := [...]int64{1_700_000_000 * second, 0, MinClock, MaxClock - 40*day}[data[2]&3]
	clock, meter := at, payload.NewMeter()
	var inputs []Input
	for n := uint64(1); len(data) >= featureHeader+featureStep*int(n); n++ {
		b := data[featureHeader+featureStep*int(n-1):]
		at = min(max(at+timeStep(b[0], b[1]), MinClock), MaxClock)
		clock = max(clock, at)
		in := Input{Time: at, Clock: clock, Ordinal: n * 2}
		readMeasured(&in, isn, b)
		in.Entropy = meter.Entropy(in.Captured)
		inputs = append(inputs, in)
	}
	return cfg, inputs
}

// readMeasured makes a packet of one of two flows of each protocol. Its payload is another for each packet, so that
// copies of the same bytes of a stream differ.
func readMeasured(in *Input, isn uint32, b []byte) {
	kind, size := b[2], uint32(b[6])*7
	if b[6] >= 250 {
		size = [...]uint32{1499, 1500, 1501, 3000, 65_000, 1}[b[6]-250]
	}
	in.Version = 4
	in.Src, in.Dst = packet.Addr{Lo: 0xffff_0a00_0002}, packet.Addr{Lo: 0xffff_0a00_0001}
	in.SrcPort, in.DstPort = 5000+uint16(kind>>4&1), 443
	if kind&8 != 0 {
		in.Src, in.Dst, in.SrcPort, in.DstPort = in.Dst, in.Src, in.DstPort, in.SrcPort
	}
	switch kind & 7 {
	case 5, 6:
		in.Proto = packet.ProtoUDP
	case 7:
		in.Proto, in.SrcPort, in.DstPort = 47, 0, 0
	default:
		size = readStream(in, isn, b, size)
	}
	in.Captured = make([]byte, size)
	for i := range in.Captured {
		in.Captured[i] = byte((uint64(i)*uint64(b[5]|1) + in.Ordinal*37) >> (b[5] & 3))
	}
	if cut := uint32(b[7]); cut >= 192 && size > 0 {
		in.Captured = in.Captured[:size*(cut-192)/64]
		in.Flags |= packet.PayloadCut
	}
	in.PayloadLen, in.PayloadCap = size, uint32(len(in.Captured))
	in.Length, in.Wire = size+40, size+54
	switch kind >> 5 {
	case 6:
		in.FragID, in.Flags = uint32(b[3]>>7), in.Flags|packet.FragFirst
	case 7:
		in.FragID, in.Flags = uint32(b[3]>>7), in.Flags|packet.FragLater
		in.SrcPort, in.DstPort, in.TCPFlags, in.Seq, in.Ack = 0, 0, 0, 0, 0
	}
}

// readStream makes a segment of a payload of that size, near the beginning of the stream more often than not. It
// returns the size.
func readStream(in *Input, isn uint32, b []byte, size uint32) uint32 {
	control, down := b[3], b[2]&8 != 0
	if control&64 != 0 {
		isn += 40_000 // another connection
	}
	if down {
		isn += 1 << 30
	}
	in.Proto, in.TCPFlags = packet.ProtoTCP, packet.ACK
	in.Seq = isn + 1 + (uint32(b[4])|uint32(b[5])<<8)%2048 - 256
	switch control & 15 {
	case 0, 1, 2:
		in.TCPFlags, in.Seq = packet.SYN, isn
		if down {
			in.TCPFlags |= packet.ACK
		}
	case 3:
		in.TCPFlags |= packet.FIN
	case 4:
		in.TCPFlags = packet.RST
	case 5:
		in.TCPFlags, in.Seq, in.Flags = 0, 0, packet.HeaderCut
		return 0
	case 6:
		in.Seq += uint32(b[4]) << 24
	case 7, 8, 9, 10:
		in.Seq = isn + 1 + uint32(b[4])*7 // where a segment may have ended
	}
	if control&32 != 0 {
		return 0
	}
	return size
}
