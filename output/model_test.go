package output

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/big"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
)

// field is one column of the plain model: value is nil, string, json.Number, []string or [][2]int64.
type field struct {
	name  string
	value any
}

// model says what a record's columns are, with the standard library's ways to write each value.
func model(r *flowtable.Record) []field {
	direction := func(name string, d int) string { return name + [2]string{"_up", "_down"}[d] }
	number := func(v uint64) any { return json.Number(strconv.FormatUint(v, 10)) }
	when := func(known bool, v uint64) any {
		if known {
			return number(v)
		}
		return nil
	}
	ported := slices.Contains([]uint8{1, 6, 17, 58, 132}, r.Proto)
	fields := []field{
		{"flow_id", fmt.Sprintf("%016x", r.ID)},
		{"community_id", modelCommunityID(r)},
		{"start", modelTime(r.Start)},
		{"end", modelTime(r.End)},
		{"duration", modelSeconds(r.End, r.Start)},
		{"proto", modelProto(r.Proto)},
		{"client", r.Client.Netip(r.Version).String()},
		{"client_port", when(ported, uint64(r.ClientPort))},
		{"server", r.Server.Netip(r.Version).String()},
		{"server_port", when(ported, uint64(r.ServerPort))},
		{"client_by", r.ClientBy.String()},
		{"vlan", when(r.HasVLAN, uint64(r.VLAN))},
	}
	both := func(name string, value func(d int) any) {
		for d := range 2 {
			fields = append(fields, field{direction(name, d), value(d)})
		}
	}
	tcp := func(d int) bool { return r.Proto == 6 && r.Packets[d] > 0 && !r.HeaderCut[d] }
	both("packets", func(d int) any { return number(r.Packets[d]) })
	both("bytes", func(d int) any { return number(r.Bytes[d]) })
	both("wire_bytes", func(d int) any { return number(r.WireBytes[d]) })
	both("payload", func(d int) any { return when(!r.HeaderCut[d], r.Payload[d]) })
	both("tcp_flags", func(d int) any {
		if !tcp(d) {
			return nil
		}
		return modelFlags(r.TCPFlags[d])
	})
	fields = append(fields,
		field{"state", r.State.String()},
		field{"conn_state", r.ConnState.String()},
		field{"history", string(r.History.Append(nil))},
		field{"end_reason", r.EndReason.String()},
		field{"part", number(uint64(r.Part))})
	both("ttl_min", func(d int) any { return when(r.Packets[d] > 0, uint64(r.TTLMin[d])) })
	fields = append(fields, field{"rtt", nil})
	if r.RTT != -1 {
		fields[len(fields)-1].value = modelSeconds(r.RTT, 0)
	}
	both("retransmits", func(d int) any { return when(tcp(d), uint64(r.Retransmits[d])) })
	both("out_of_order", func(d int) any { return when(tcp(d), uint64(r.OutOfOrder[d])) })
	return append(fields, field{"quality", modelQuality(r.Quality)})
}

func modelTime(ns int64) string {
	return time.Unix(0, ns).UTC().Format("2006-01-02T15:04:05.000000000Z07:00")
}

// modelSeconds is (end - start) / 10^9 with nine digits, in big rationals.
func modelSeconds(end, start int64) json.Number {
	ns := new(big.Int).Sub(big.NewInt(end), big.NewInt(start))
	return json.Number(new(big.Rat).SetFrac(ns, big.NewInt(1e9)).FloatString(9))
}

func modelProto(p uint8) string {
	names := map[uint8]string{1: "icmp", 6: "tcp", 17: "udp", 58: "icmp6", 132: "sctp"}
	if name, ok := names[p]; ok {
		return name
	}
	return fmt.Sprint(p)
}

func modelFlags(flags uint8) string {
	s := ""
	for _, f := range []struct {
		bit    uint8
		letter string
	}{{packet.FIN, "F"}, {packet.SYN, "S"}, {packet.RST, "R"}, {packet.PSH, "P"},
		{packet.ACK, "A"}, {packet.URG, "U"}, {packet.ECE, "E"}, {packet.CWR, "C"}} {
		if flags&f.bit != 0 {
			s += f.letter
		}
	}
	return s
}

func modelQuality(q flowtable.Quality) []string {
	names := []string{}
	for _, remark := range []struct {
		bit  flowtable.Quality
		name string
	}{{flowtable.OneWay, "one_way"}, {flowtable.Truncated, "truncated"}, {flowtable.Offload, "offload"},
		{flowtable.Gaps, "gaps"}, {flowtable.Late, "late"}} {
		if q&remark.bit != 0 {
			names = append(names, remark.name)
		}
	}
	return names
}

func modelCommunityID(r *flowtable.Record) string {
	end := func(a packet.Addr, port uint16) []byte {
		return binary.BigEndian.AppendUint16(a.Netip(r.Version).AsSlice(), port)
	}
	a, b := end(r.Client, r.ClientPort), end(r.Server, r.ServerPort)
	if !r.ICMPOneWay && bytes.Compare(a, b) > 0 {
		a, b = b, a
	}
	n := len(a) - 2
	text := slices.Concat([]byte{0, 0}, a[:n], b[:n], []byte{r.Proto, 0})
	if slices.Contains([]uint8{1, 6, 17, 58, 132}, r.Proto) {
		text = slices.Concat(text, a[n:], b[n:])
	}
	sum := sha1.Sum(text)
	return "1:" + base64.StdEncoding.EncodeToString(sum[:])
}

// csvField is the value as CSV has it.
func csvField(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return string(v)
	case []string:
		return strings.Join(v, "|")
	case [][2]int64:
		var pairs []string
		for _, p := range v {
			pairs = append(pairs, fmt.Sprintf("%d:%d", p[0], p[1]))
		}
		return strings.Join(pairs, "|")
	}
	return ""
}

// records draws any record that a table could write, and some that none would.
func records() *rapid.Generator[flowtable.Record] {
	count := rapid.OneOf(rapid.Uint64Range(0, 12), rapid.Uint64())
	small := rapid.OneOf(rapid.Uint32Range(0, 12), rapid.Uint32())
	instant := rapid.OneOf(rapid.Int64(), rapid.Int64Range(-2e9, 2e9), rapid.Int64Range(1.7e18, 1.7e18+2e9),
		rapid.Map(rapid.Int64Range(-90_000, 90_000), func(day int64) int64 { return day * secPerDay * nsPerSecond }))
	return rapid.Custom(func(t *rapid.T) flowtable.Record {
		r := flowtable.Record{
			ID:         rapid.Uint64().Draw(t, "id"),
			ClientPort: rapid.Uint16().Draw(t, "client port"), ServerPort: rapid.Uint16().Draw(t, "server port"),
			Proto:      rapid.OneOf(rapid.SampledFrom([]uint8{1, 6, 17, 58, 132}), rapid.Uint8()).Draw(t, "proto"),
			Version:    rapid.SampledFrom([]uint8{4, 6}).Draw(t, "version"),
			HasVLAN:    rapid.Bool().Draw(t, "has vlan"),
			VLAN:       rapid.Uint16Range(0, 4095).Draw(t, "vlan"),
			ICMPOneWay: rapid.Bool().Draw(t, "one way"),
			ClientBy:   flowtable.ClientBy(rapid.IntRange(0, int(flowtable.ByFirst)).Draw(t, "client by")),
			State:      flowtable.State(rapid.IntRange(0, int(flowtable.Reset)).Draw(t, "state")),
			ConnState:  flowtable.ConnState(rapid.IntRange(0, int(flowtable.SHR)).Draw(t, "conn state")),
			EndReason:  flowtable.EndReason(rapid.IntRange(0, int(flowtable.EndReasons)-1).Draw(t, "reason")),
			Quality:    flowtable.Quality(rapid.IntRange(0, 1<<len(flowtable.QualityNames)-1).Draw(t, "quality")),
			Part:       small.Draw(t, "part"),
			Start:      instant.Draw(t, "start"), End: instant.Draw(t, "end"),
			RTT:     rapid.OneOf(rapid.Just(int64(-1)), rapid.Int64Range(0, 1<<62)).Draw(t, "rtt"),
			History: history().Draw(t, "history"),
		}
		r.Start, r.End = min(r.Start, r.End), max(r.Start, r.End)
		r.Client, r.Server = address(t, r.Version), address(t, r.Version)
		for d := range 2 {
			r.TCPFlags[d], r.TTLMin[d] = rapid.Uint8().Draw(t, "flags"), rapid.Uint8().Draw(t, "ttl")
			r.Packets[d], r.Bytes[d] = count.Draw(t, "packets"), count.Draw(t, "bytes")
			r.WireBytes[d], r.Payload[d] = count.Draw(t, "wire bytes"), count.Draw(t, "payload")
			r.HeaderCut[d] = rapid.IntRange(0, 9).Draw(t, "cut") == 0
			r.Retransmits[d], r.OutOfOrder[d] = small.Draw(t, "retransmits"), small.Draw(t, "out of order")
		}
		return r
	})
}

// address draws addresses with and without runs of zeros, and those that embed an IPv4 address.
func address(t *rapid.T, version uint8) packet.Addr {
	if version == 4 {
		b := rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "address")
		return packet.AddrFrom4(b)
	}
	b := rapid.SliceOfN(rapid.OneOf(rapid.Just(byte(0)), rapid.Byte()), 16, 16).Draw(t, "address")
	if rapid.IntRange(0, 9).Draw(t, "mapped") == 0 {
		b16 := netip.AddrFrom4([4]byte(b)).As16()
		b = b16[:]
	}
	return packet.AddrFrom16(b)
}

// history draws a packed history of up to 12 letters in each word.
func history() *rapid.Generator[flowtable.History] {
	return rapid.Custom(func(t *rapid.T) (h flowtable.History) {
		for i, code := range rapid.SliceOfN(rapid.Uint64Range(1, 25), 0, 36).Draw(t, "letters") {
			h[i/12] |= code << (5 * (i % 12))
		}
		return h
	})
}
