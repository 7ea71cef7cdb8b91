package output

import (
	"strconv"
	"time"

	"github.com/weir-sensor/weir/packet"
)

const (
	nsPerSecond = 1_000_000_000
	secPerDay   = 86_400
)

// clock writes times and remembers the text of the last date.
type clock struct {
	day   int64 // days since the epoch: the date that text is of
	text  [len("2006-01-02T")]byte
	valid bool
}

// append writes t, nanoseconds since the epoch, as RFC 3339 in UTC with nine fractional digits: always 30 bytes.
func (c *clock) append(dst []byte, t int64) []byte {
	sec, ns := floorDiv(t, nsPerSecond)
	day, sec := floorDiv(sec, secPerDay)
	if day != c.day || !c.valid {
		time.Unix(day*secPerDay, 0).UTC().AppendFormat(c.text[:0], "2006-01-02T")
		c.day, c.valid = day, true
	}
	h, m, s := uint(sec/3600), uint(sec/60%60), uint(sec%60)
	dst = append(dst, c.text[:]...)
	dst = append(dst, pairs[2*h], pairs[2*h+1], ':', pairs[2*m], pairs[2*m+1], ':', pairs[2*s], pairs[2*s+1])
	return append(appendFraction(dst, uint64(ns)), 'Z')
}

// floorDiv returns the quotient rounded down and the remainder, which is not negative. b is positive.
func floorDiv(a, b int64) (quotient, remainder int64) {
	quotient, remainder = a/b, a%b
	if remainder < 0 {
		quotient, remainder = quotient-1, remainder+b
	}
	return quotient, remainder
}

// appendSeconds writes nanoseconds as seconds, exactly: a decimal number with nine fractional digits.
func appendSeconds(dst []byte, ns uint64) []byte {
	if ns == 0 {
		return append(dst, "0.000000000"...)
	}
	dst = strconv.AppendUint(dst, ns/nsPerSecond, 10)
	return appendFraction(dst, ns%nsPerSecond)
}

// appendFraction writes a point and the nine digits of ns, which is below a second.
func appendFraction(dst []byte, ns uint64) []byte {
	high, low := uint(ns/100_000), uint(ns%100_000)
	a, b, c, d := high/100, high%100, low/1000, low/10%100
	return append(dst, '.', pairs[2*a], pairs[2*a+1], pairs[2*b], pairs[2*b+1],
		pairs[2*c], pairs[2*c+1], pairs[2*d], pairs[2*d+1], '0'+byte(low%10))
}

// pairs holds the two digits of every number from 0 to 99.
const pairs = "00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434445464748495051" +
	"525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899"

// appendAddr writes an address as RFC 5952 says. Like add, it needs room for a few bytes behind the text.
func appendAddr(dst []byte, a packet.Addr, version uint8) []byte {
	if version != 4 {
		return a.Netip(version).AppendTo(dst)
	}
	for shift := 24; shift >= 0; shift -= 8 {
		n, o := len(dst), &octets[uint8(a.Lo>>shift)]
		*(*[4]byte)(dst[n : n+4]) = o.text
		dst = dst[:n+int(o.n)]
	}
	return dst[:len(dst)-1]
}

// octet is a byte of an IPv4 address as text, with the point behind it.
type octet struct {
	text [4]byte
	n    uint8
}

// octets holds the text of every byte. It is never changed.
var octets = func() (o [256]octet) {
	for v := range o {
		o[v].n = uint8(copy(o[v].text[:], strconv.Itoa(v)+"."))
	}
	return o
}()

// ProtoName returns the protocol's name, or its number where weir has no name for it.
func ProtoName(proto uint8) string {
	switch proto {
	case packet.ProtoTCP:
		return "tcp"
	case packet.ProtoUDP:
		return "udp"
	case packet.ProtoICMP:
		return "icmp"
	case packet.ProtoICMPv6:
		return "icmp6"
	case packet.ProtoSCTP:
		return "sctp"
	}
	return strconv.Itoa(int(proto))
}

// hasPorts says whether records of the protocol have ports; those of ICMP are made from its types and codes.
func hasPorts(proto uint8) bool {
	switch proto {
	case packet.ProtoTCP, packet.ProtoUDP, packet.ProtoSCTP, packet.ProtoICMP, packet.ProtoICMPv6:
		return true
	}
	return false
}

// flagLetters returns the letters of the TCP flags that are set, FIN first.
func flagLetters(flags uint8) string {
	var letters []byte
	for bit, letter := range []byte("FSRPAUEC") {
		if flags>>bit&1 != 0 {
			letters = append(letters, letter)
		}
	}
	return string(letters)
}
