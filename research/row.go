package research

import (
	"bytes"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
)

// row is one line of a labels file.
type row struct {
	key
	first, last int64 // ns since the epoch
	reach       int64 // latest last of this row and all before it with the same key; set by sortRows
	file, line  uint32
	label       uint32
	turned      bool // the row's source is the key's second end
}

// key is what a flow's two directions have in common: two ends, the lower one first. The ports are 0 for protocols other
// than TCP, UDP and SCTP.
type key struct {
	a, b           packet.Addr
	portA, portB   uint16
	proto, version uint8
}

// keyOf returns the key of a flow, and whether its source is the key's second end.
func keyOf(src, dst packet.Addr, sport, dport uint16, proto, version uint8) (k key, turned bool) {
	if !hasPorts(proto) {
		sport, dport = 0, 0
	}
	if turned = dst.Less(src) || src == dst && dport < sport; turned {
		src, dst, sport, dport = dst, src, dport, sport
	}
	return key{src, dst, sport, dport, proto, version}, turned
}

func hasPorts(proto uint8) bool {
	return proto == packet.ProtoTCP || proto == packet.ProtoUDP || proto == packet.ProtoSCTP
}

// parseRow reads the columns that say which flow a line is about.
func parseRow(h *header) (r row, err error) {
	var f [7][]byte
	for i, place := range h.needed {
		f[i] = h.fields[place]
	}
	if r.first, err = parseSeconds(f[0]); err != nil {
		return r, fmt.Errorf("ts_first: %w", err)
	}
	if r.last, err = parseSeconds(f[1]); err != nil {
		return r, fmt.Errorf("ts_last: %w", err)
	}
	if r.last < r.first {
		return r, fmt.Errorf("ts_last: got %s, want ts_first (%s) or later", f[1], f[0])
	}
	src, err := parseAddr(f[2])
	if err != nil {
		return r, fmt.Errorf("src: %w", err)
	}
	dst, err := parseAddr(f[4])
	if err != nil {
		return r, fmt.Errorf("dst: %w", err)
	}
	if src.Is4() != dst.Is4() {
		return r, fmt.Errorf("dst: got %s, want an address of the same IP version as src (%s)", dst, src)
	}
	proto, err := parseProto(f[6])
	if err != nil {
		return r, fmt.Errorf("proto: %w", err)
	}
	var ports [2]uint16
	if hasPorts(proto) {
		if ports[0], err = parsePort(f[3]); err != nil {
			return r, fmt.Errorf("sport: %w", err)
		}
		if ports[1], err = parsePort(f[5]); err != nil {
			return r, fmt.Errorf("dport: %w", err)
		}
	}
	version := uint8(6)
	if src.Is4() {
		version = 4
	}
	a, b := src.As16(), dst.As16()
	r.key, r.turned = keyOf(packet.AddrFrom16(a[:]), packet.AddrFrom16(b[:]), ports[0], ports[1], proto, version)
	return r, nil
}

// parseSeconds reads a number of seconds since the epoch as nanoseconds, exactly.
func parseSeconds(text []byte) (int64, error) {
	ns, ok := ParseEpoch(string(text))
	if !ok {
		return 0, fmt.Errorf("got %s, want seconds since the epoch with at most nine decimals, such as 1795218554.342198", quote(text))
	}
	return ns, nil
}

// ParseEpoch reads seconds since the epoch, with at most nine decimals, as nanoseconds. It is false for whatever is no
// such number and for times that no packet can have (before flowtable.MinClock, after flowtable.MaxClock).
func ParseEpoch(text string) (ns int64, ok bool) {
	digits, negative := strings.CutPrefix(text, "-")
	whole, fraction, dot := strings.Cut(digits, ".")
	if len(whole) == 0 || len(whole) > 10 || len(fraction) > 9 || dot && fraction == "" {
		return 0, false
	}
	n := int64(0)
	for _, c := range []byte(whole + fraction + "000000000"[len(fraction):]) {
		if c < '0' || c > '9' || n > (1<<63-10)/10 {
			return 0, false
		}
		n = 10*n + int64(c-'0')
	}
	if negative {
		n = -n
	}
	return n, n >= flowtable.MinClock && n <= flowtable.MaxClock
}

func parseAddr(text []byte) (netip.Addr, error) {
	a, err := netip.ParseAddr(string(text))
	if err != nil || a.Zone() != "" {
		return a, fmt.Errorf("got %s, want an IPv4 or IPv6 address", quote(text))
	}
	return a, nil
}

func parsePort(text []byte) (uint16, error) {
	n, err := strconv.ParseUint(string(text), 10, 16)
	if err != nil {
		return 0, fmt.Errorf("got %s, want a port, 0 to 65535", quote(text))
	}
	return uint16(n), nil
}

func parseProto(text []byte) (uint8, error) {
	switch string(bytes.ToLower(text)) {
	case "tcp":
		return packet.ProtoTCP, nil
	case "udp":
		return packet.ProtoUDP, nil
	case "icmp":
		return packet.ProtoICMP, nil
	case "icmp6", "icmpv6", "ipv6-icmp":
		return packet.ProtoICMPv6, nil
	case "sctp":
		return packet.ProtoSCTP, nil
	}
	n, err := strconv.ParseUint(string(text), 10, 8)
	if err != nil {
		return 0, fmt.Errorf("got %s, want tcp, udp, icmp, icmp6, sctp or an IP protocol number", quote(text))
	}
	return uint8(n), nil
}

// quote returns a value for an error, not more of it than one wants to read.
func quote(value []byte) string {
	if len(value) > 40 {
		return strconv.Quote(string(value[:40])) + "..."
	}
	return strconv.Quote(string(value))
}
