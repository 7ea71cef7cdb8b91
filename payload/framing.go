package payload

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"slices"
	"strings"
)

// Framing is how a payload begins, by what can be told from its first bytes and its length.
type Framing uint8

// The framings. Of two that fit, the first one here counts, but for the lengths, which come last.
const (
	FramingNone       Framing = iota // nothing that is known
	FramingTLS                       // TLS record
	FramingHTTP                      // request line or status line, HTTP/2 preface
	FramingSSH                       // identification string
	FramingBitTorrent                // handshake, distributed hash table, or uTP's SYN
	FramingDNS                       // message of one question, over TCP after its length
	FramingSMB                       // SMB 1 to 3 after the length
	FramingRDP                       // TPKT with its length
	FramingOpenVPN                   // hard reset
	FramingQUIC                      // long header of a known version
	FramingDTLS                      // record
	FramingSTUN                      // message with the magic cookie
	FramingSOCKS                     // SOCKS 4 or 5 greeting or choice
	FramingMQTT                      // CONNECT or CONNACK
	FramingAMQP                      // protocol header
	FramingWireGuard                 // handshake initiation or response
	FramingNTP                       // 48 bytes with a likely header
	FramingRPC                       // DCE RPC with its length
	FramingMySQL                     // 3 bytes of length, little-endian, equal to what follows the header of 4
	FramingDER                       // ASN.1 whose length is that of the rest: LDAP, SNMP, Kerberos
	FramingFile                      // what compressed, encrypted and media files begin with
	FramingText                      // the first 8 bytes are printable, tab, CR or LF, or all of 4 to 7 that end with LF
	FramingLength16                  // the first 2 bytes, big-endian, say how many follow
	FramingLength32                  // the first 4 bytes, of either order, say how many there are with or without them
	Framings                         // how many there are
)

// FramingNames are their names, which the records use.
var FramingNames = [Framings]string{"none", "tls", "http", "ssh", "bittorrent", "dns", "smb", "rdp", "openvpn", "quic", "dtls",
	"stun", "socks", "mqtt", "amqp", "wireguard", "ntp", "rpc", "mysql", "der", "file", "text", "length16", "length32"}

// String returns the name.
func (f Framing) String() string { return FramingNames[f] }

var (
	bigEndian    = binary.BigEndian
	littleEndian = binary.LittleEndian
)

// FramingOf returns the framing of a packet's payload of so many bytes, of which b holds the first. udp says that it is a
// datagram; else it is a segment of a TCP stream. Of payloads of random bytes at most 1 in 1000 has one. It keeps nothing of b.
func FramingOf(b []byte, length int, udp bool) Framing {
	if len(b) == 0 {
		return FramingNone
	}
	if udp {
		return udpFramings.of(b, length)
	}
	return tcpFramings.of(b, length)
}

// framingTest says whether a payload of n bytes, of which b holds the first, has the framing.
type framingTest struct {
	framing Framing
	first   func(byte) bool // no payload has it that begins with another byte; nil: any may
	fits    func(b []byte, n int) bool
}

// framingTests are asked in their order, those alone that may have a payload's first byte. They are never changed.
type framingTests struct {
	tests []framingTest
	asked [256]uint32 // by the first byte: bit i says that tests[i] is
}

func newFramingTests(own ...framingTest) *framingTests {
	t := &framingTests{tests: append(own, bothFramings[:]...)}
	for i, test := range t.tests {
		for v := range t.asked {
			if test.first == nil || test.first(byte(v)) {
				t.asked[v] |= 1 << i
			}
		}
	}
	return t
}

// of returns the framing of a payload of n bytes, of which b holds the first, at least one.
func (t *framingTests) of(b []byte, n int) Framing {
	for left := t.asked[b[0]]; left != 0; left &= left - 1 {
		if test := &t.tests[bits.TrailingZeros32(left)]; test.fits(b, n) {
			return test.framing
		}
	}
	return FramingNone
}

// among tells the bytes of a string.
func among(bytes string) func(byte) bool {
	return func(v byte) bool { return strings.IndexByte(bytes, v) >= 0 }
}

// firstOf tells the first bytes of beginnings.
func firstOf(starts [][]byte) func(byte) bool {
	return func(v byte) bool {
		return slices.ContainsFunc(starts, func(s []byte) bool { return s[0] == v })
	}
}

var tcpFramings = newFramingTests([]framingTest{
	{FramingTLS, among("\x14\x15\x16\x17"), func(b []byte, _ int) bool {
		return len(b) >= 5 && b[0] >= 0x14 && b[0] <= 0x17 && b[1] == 3 && b[2] <= 4 && bigEndian.Uint16(b[3:]) <= 1<<14+2048
	}},
	{FramingHTTP, firstOf(httpStarts), func(b []byte, _ int) bool { return beginsWith(b, httpStarts) }},
	{FramingSSH, firstOf(sshStarts), func(b []byte, _ int) bool { return beginsWith(b, sshStarts) }},
	{FramingBitTorrent, firstOf(bitTorrentStarts), func(b []byte, _ int) bool { return beginsWith(b, bitTorrentStarts) }},
	{FramingDNS, nil, func(b []byte, n int) bool { return isLength16(b, n) && isDNS(b[2:]) }},
	{FramingSMB, among("\x00"), func(b []byte, _ int) bool {
		return len(b) >= 8 && b[0] == 0 && (b[4] == 0xff || b[4] == 0xfe || b[4] == 0xfd) && string(b[5:8]) == "SMB"
	}},
	{FramingRDP, among("\x03"), func(b []byte, n int) bool {
		return len(b) >= 7 && b[0] == 3 && b[1] == 0 && int(bigEndian.Uint16(b[2:])) == n
	}},
	{FramingOpenVPN, nil, func(b []byte, n int) bool { return isLength16(b, n) && isOpenVPN(b[2:], n-2) }},
	{FramingSOCKS, among("\x04\x05"), isSOCKS},
	{FramingMQTT, among("\x10\x20"), isMQTT},
	{FramingAMQP, among("A"), func(b []byte, _ int) bool { return len(b) >= 8 && string(b[:4]) == "AMQP" }},
	{FramingRPC, among("\x05"), func(b []byte, n int) bool {
		return len(b) >= 16 && b[0] == 5 && b[1] == 0 && b[2] < 20 && int(littleEndian.Uint16(b[8:])) == n
	}},
	{FramingMySQL, nil, func(b []byte, n int) bool {
		return len(b) >= 5 && b[3] <= 1 && int(littleEndian.Uint32(b)&0xffffff) == n-4
	}},
}...)

var udpFramings = newFramingTests([]framingTest{
	{FramingDNS, nil, func(b []byte, _ int) bool { return isDNS(b) }},
	{FramingQUIC, func(v byte) bool { return v >= 0x80 }, isQUIC},
	{FramingDTLS, among("\x14\x15\x16\x17"), func(b []byte, n int) bool {
		return len(b) >= 13 && b[0] >= 0x14 && b[0] <= 0x17 && b[1] == 0xfe && b[2] >= 0xfd && int(bigEndian.Uint16(b[11:])) <= n-13
	}},
	{FramingBitTorrent, func(v byte) bool { return v == 0x41 || firstOf(bitTorrentStarts)(v) }, func(b []byte, n int) bool {
		return beginsWith(b, bitTorrentStarts) || n == 20 && len(b) == n && b[0] == 0x41 && b[1] == 0 && bigEndian.Uint32(b[8:]) == 0
	}},
	{FramingOpenVPN, among("\x38\x40\x50"), isOpenVPN},
	{FramingWireGuard, among("\x01\x02"), func(b []byte, n int) bool {
		return len(b) >= 4 && (n == 148 && littleEndian.Uint32(b) == 1 || n == 92 && littleEndian.Uint32(b) == 2)
	}},
	{FramingNTP, nil, isNTP},
}...)

var bothFramings = [...]framingTest{
	{FramingSTUN, func(v byte) bool { return v < 0x40 }, isSTUN},
	{FramingDER, func(v byte) bool { return v == 0x30 || v>>5 == 3 }, isDER},
	{FramingFile, firstOf(fileStarts), func(b []byte, _ int) bool { return beginsWith(b, fileStarts) }},
	{FramingText, isTextByte, isText},
	{FramingLength16, nil, isLength16},
	{FramingLength32, nil, isLength32},
}

var (
	httpStarts = [][]byte{[]byte("GET "), []byte("PUT "), []byte("POST "), []byte("HEAD "), []byte("DELETE "), []byte("OPTIONS "),
		[]byte("PATCH "), []byte("CONNECT "), []byte("TRACE "), []byte("PROPFIND "), []byte("PRI * HTTP/2"), []byte("HTTP/")}
	sshStarts        = [][]byte{[]byte("SSH-")}
	bitTorrentStarts = [][]byte{[]byte("\x13BitTorrent protocol"), []byte("d1:ad2:id20:"), []byte("d1:rd2:id20:"), []byte("d2:ip"), []byte("d1:el")}
	// gzip, ZIP, xz, Zstandard, bzip2, 7z, PNG, JPEG, Ogg, RIFF, ELF, OpenSSL's salt, age, LUKS, OpenPGP by passphrase, ASCII armour
	fileStarts = [][]byte{[]byte("\x1f\x8b\x08"), []byte("PK\x03\x04"), []byte("\xfd7zXZ\x00"), []byte("\x28\xb5\x2f\xfd"), []byte("BZh"),
		[]byte("7z\xbc\xaf\x27\x1c"), []byte("\x89PNG"), []byte("\xff\xd8\xff"), []byte("OggS"), []byte("RIFF"), []byte("\x7fELF"),
		[]byte("Salted__"), []byte("age-encryption.org/"), []byte("LUKS\xba\xbe"), []byte("\x8c\x0d\x04"), []byte("-----BEGIN ")}
)

func beginsWith(b []byte, starts [][]byte) bool {
	for _, s := range starts {
		if bytes.HasPrefix(b, s) {
			return true
		}
	}
	return false
}

// isSTUN tells a message with the magic cookie.
func isSTUN(b []byte, n int) bool {
	return len(b) >= 20 && b[0] < 0x40 && bigEndian.Uint32(b[4:]) == 0x2112a442 && int(bigEndian.Uint16(b[2:])) <= n-20
}

func isLength16(b []byte, n int) bool { return len(b) > 2 && int(bigEndian.Uint16(b)) == n-2 }

// isLength32 takes lengths of either order of bytes, with or without their own 4, and Sun RPC's with its highest bit.
func isLength32(b []byte, n int) bool {
	if len(b) <= 4 {
		return false
	}
	big, little := int64(bigEndian.Uint32(b)), int64(littleEndian.Uint32(b))
	rest, all := int64(n-4), int64(n)
	return big == rest || big == all || little == rest || little == all || big&^(1<<31) == rest
}

// isDNS tells a message of one question by its counts, which hold few others.
func isDNS(b []byte) bool {
	return len(b) >= 17 && b[2]&0x78 <= 5<<3 && b[3]&0x40 == 0 && bigEndian.Uint16(b[4:]) == 1 && bigEndian.Uint16(b[6:]) < 256 &&
		bigEndian.Uint16(b[8:]) < 256 && bigEndian.Uint16(b[10:]) < 256 && b[12] <= 63
}

// isOpenVPN tells a hard reset: opcode, session, then packet number 1 or 0 in the place it has plain, with an HMAC of 16 to
// 64 bytes, or encrypted.
func isOpenVPN(b []byte, n int) bool {
	if n < 14 || n > 512 || len(b) < n || b[0] != 7<<3 && b[0] != 8<<3 && b[0] != 10<<3 {
		return false
	}
	if n == 14 || n == 26 { // the answer has the number of the question and its session
		return b[9] <= 1 && bigEndian.Uint32(b[n-4:]) == 0
	}
	for _, at := range [...]int{9, 9 + 16, 9 + 20, 9 + 32, 9 + 64} {
		if at+4 <= n && bigEndian.Uint32(b[at:]) == 1 {
			return true
		}
	}
	return false
}

func isSOCKS(b []byte, n int) bool {
	switch {
	case len(b) != n || n < 2:
		return false
	case b[0] == 5:
		return n == 2 && b[1] <= 2 || n == 2+int(b[1]) && b[1] > 0 && b[1] <= 4
	case b[0] == 4:
		return n >= 9 && (b[1] == 1 || b[1] == 2) && b[n-1] == 0
	}
	return false
}

func isMQTT(b []byte, n int) bool {
	switch {
	case len(b) == n && n == 4 && b[0] == 0x20 && b[1] == 2 && b[2] <= 1 && b[3] <= 5:
		return true
	case len(b) < 10 || b[0] != 0x10:
		return false
	}
	at := 1 // of the remaining length, of 7 bits a byte
	for at < 4 && b[at] >= 0x80 {
		at++
	}
	name := b[at+1:]
	return bytes.HasPrefix(name, []byte("\x00\x04MQTT")) || bytes.HasPrefix(name, []byte("\x00\x06MQ"))
}

// isQUIC tells a long header by its version: 0 to 2, drafts of the IETF and Google's.
func isQUIC(b []byte, _ int) bool {
	if len(b) < 7 || b[0]&0x80 == 0 || b[5] > 20 {
		return false
	}
	v := bigEndian.Uint32(b[1:])
	return v <= 1 || v == 0x6b3343cf || v>>8 == 0xff0000 || v>>24 == 'Q' && v>>16&0xff == '0' || v>>24 == 'T' && v>>16&0xff == '0'
}

// isNTP tells versions 1 to 4 with a mode, a stratum, an interval of at most 2^17 s, and a precision of 2^-32 to 1 s.
func isNTP(b []byte, n int) bool {
	version := b[0] >> 3 & 7
	return n == 48 && len(b) == n && version >= 1 && version <= 4 && b[0]&7 >= 1 && b[0]&7 <= 5 && b[1] <= 16 && b[2] <= 17 &&
		(b[3] >= 0xe0 || b[3] == 0)
}

// isDER tells a sequence, or a constructed type of an application, whose length is that of the rest.
func isDER(b []byte, n int) bool {
	if len(b) < 4 || b[0] != 0x30 && b[0]&0xe0 != 0x60 {
		return false
	}
	switch size := int(b[1]); {
	case size < 0x80:
		return n > 8 && size == n-2
	case size == 0x81:
		return int(b[2]) == n-3
	case size == 0x82:
		return int(bigEndian.Uint16(b[2:])) == n-4
	case size == 0x84 && len(b) >= 6:
		return int64(bigEndian.Uint32(b[2:])) == int64(n-6)
	}
	return false
}

func isText(b []byte, n int) bool {
	if len(b) < 8 && (len(b) < 4 || len(b) != n || b[n-1] != '\n') {
		return false
	}
	for _, v := range b[:min(len(b), 8)] {
		if !isTextByte(v) {
			return false
		}
	}
	return true
}

func isTextByte(v byte) bool { return v-0x20 <= 0x7e-0x20 || v == '\t' || v == '\r' || v == '\n' }
