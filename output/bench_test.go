package output

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
)

// flood returns n records as a SYN flood makes them: one packet each, every source another.
func flood(n int) []flowtable.Record {
	records := make([]flowtable.Record, n)
	for i := range records {
		r := &records[i]
		r.ID = uint64(i+1) * 0x9e3779b97f4a7c15
		r.Client = packet.Addr{Lo: 0xffff_0000_0000 | uint64(uint32(i+1)*0x9e3779b1)}
		r.Server = addr("203.0.113.10")
		r.ClientPort, r.ServerPort = uint16(i*7919), 443
		r.Proto, r.Version = packet.ProtoTCP, 4
		r.State, r.ConnState = flowtable.Connecting, flowtable.S0
		r.Quality = flowtable.OneWay
		r.TCPFlags[flowtable.Up] = packet.SYN
		r.TTLMin[flowtable.Up] = 64
		r.Start = 1_700_000_000_000_000_000 + int64(i)*12_345
		r.End, r.RTT = r.Start, -1
		r.Packets[flowtable.Up], r.Bytes[flowtable.Up], r.WireBytes[flowtable.Up] = 1, 40, 60
		r.History[0] = 1
		r.Written, r.Ordinal = r.Start+30_000_000_000, uint64(i)
	}
	return records
}

func addr(s string) packet.Addr {
	b := netip.MustParseAddr(s).As16()
	return packet.AddrFrom16(b[:])
}

func BenchmarkAppend(b *testing.B) {
	records := flood(1024)
	for _, c := range []struct {
		name   string
		append func(*Encoder, []byte, *flowtable.Record) []byte
	}{{"ndjson", (*Encoder).AppendNDJSON}, {"csv", (*Encoder).AppendCSV}} {
		b.Run(fmt.Sprintf("form=%s", c.name), func(b *testing.B) {
			var e Encoder
			var text []byte
			bytes, i := 0, 0
			for b.Loop() {
				text = c.append(&e, text[:0], &records[i&1023])
				bytes += len(text)
				i++
			}
			b.SetBytes(int64(bytes / i))
		})
	}
}
