package payload

import (
	"encoding/hex"
	"math/rand"
	"strings"
	"testing"
)

func repeat(s string, n int) string { return strings.Repeat(s, n) }

// The beginnings were written down from the protocols' documents: the fields that they fix, and others at will.
var framingCases = []struct {
	name  string
	hex   string
	udp   bool
	want  Framing
	whole int // length of the payload; 0: that of the bytes
}{
	{"TLS client hello", "1603010200010001fc0303" + repeat("a7", 32), false, FramingTLS, 517},
	{"TLS data", "1703030045" + repeat("9c", 69), false, FramingTLS, 0},
	{"TLS over UDP", "1603010200010001fc0303" + repeat("a7", 32), true, FramingNone, 517},
	{"TLS record too long", "160301ffff010001fc0303" + repeat("a7", 32), false, FramingNone, 517},
	{"HTTP request", hex.EncodeToString([]byte("GET / HTTP/1.1\r\n")), false, FramingHTTP, 0},
	{"HTTP answer", hex.EncodeToString([]byte("HTTP/1.1 200 OK\r\n")), false, FramingHTTP, 0},
	{"HTTP/2", hex.EncodeToString([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")), false, FramingHTTP, 0},
	{"SSH", hex.EncodeToString([]byte("SSH-2.0-x\r\n")), false, FramingSSH, 0},
	{"BitTorrent", hex.EncodeToString([]byte("\x13BitTorrent protocol")) + repeat("00", 48), false, FramingBitTorrent, 0},
	{"BitTorrent's hash table", hex.EncodeToString([]byte("d1:ad2:id20:")) + repeat("e5", 30), true, FramingBitTorrent, 0},
	{"uTP SYN", "4100123400112233000000000010000000010000", true, FramingBitTorrent, 0},
	{"DNS", "beef01000001000000000000" + "037777770161000001" + "0001", true, FramingDNS, 0},
	{"DNS over TCP", "0017" + "beef01000001000000000000" + "037777770161000001" + "0001", false, FramingDNS, 0},
	{"SMB 1", "00000054ff534d4272000000" + repeat("00", 76), false, FramingSMB, 0},
	{"SMB 2", "000000b8fe534d4240000000", false, FramingSMB, 188},
	{"RDP", "0300002f2ae00000000000", false, FramingRDP, 47},
	{"TPKT of another length", "0300002e2ae00000000000", false, FramingNone, 47},
	{"OpenVPN", "38" + "8f1c33d2a907be44" + "00" + "00000000", true, FramingOpenVPN, 0},
	{"OpenVPN over TCP", "000e" + "38" + "8f1c33d2a907be44" + "00" + "00000000", false, FramingOpenVPN, 0},
	{"OpenVPN's answer", "40" + "8f1c33d2a907be44" + "01" + "00000000" + "1122334455667788" + "00000000", true, FramingOpenVPN, 0},
	{"OpenVPN with an HMAC", "38" + "8f1c33d2a907be44" + repeat("c9", 20) + "00000001" + "65a0b1c2" + "00" + "00000000", true, FramingOpenVPN, 0},
	{"OpenVPN encrypted", "38" + "8f1c33d2a907be44" + "00000001" + "65a0b1c2" + repeat("c9", 37), true, FramingOpenVPN, 0},
	{"QUIC 1", "c300000001088394c8f03e515708" + repeat("b3", 30), true, FramingQUIC, 1200},
	{"QUIC 2", "d36b3343cf088394c8f03e515708" + repeat("b3", 30), true, FramingQUIC, 1200},
	{"QUIC over TCP", "c300000001088394c8f03e515708" + repeat("b3", 30), false, FramingNone, 1200},
	{"DTLS", "16feff0000000000000000000401020304", true, FramingDTLS, 0},
	{"STUN", "000100002112a442" + repeat("77", 12), true, FramingSTUN, 0},
	{"SOCKS 5", "050100", false, FramingSOCKS, 0},
	{"SOCKS 5's choice", "0500", false, FramingSOCKS, 0},
	{"SOCKS 4", "040100507f00000100", false, FramingSOCKS, 0},
	{"MQTT", "101000044d5154540402003c000461626364", false, FramingMQTT, 0},
	{"MQTT's answer", "20020000", false, FramingMQTT, 0},
	{"AMQP", "414d515000000901", false, FramingAMQP, 0},
	{"WireGuard", "01000000" + repeat("d1", 144), true, FramingWireGuard, 0},
	{"WireGuard's answer", "02000000" + repeat("d1", 88), true, FramingWireGuard, 0},
	{"NTP", "230006ec" + repeat("00", 44), true, FramingNTP, 0},
	{"DCE RPC", "05000b0310000000480000000100000000", false, FramingRPC, 72},
	{"MySQL", "4a0000000a352e372e32" + repeat("8e", 68), false, FramingMySQL, 0},
	{"LDAP", "300c020101600702010304008000", false, FramingDER, 0},
	{"Kerberos", "6a81b2" + repeat("a1", 178), true, FramingDER, 0},
	{"gzip", "1f8b0800000000000003", false, FramingFile, 0},
	{"salted", hex.EncodeToString([]byte("Salted__")) + repeat("f1", 24), false, FramingFile, 0},
	{"text", hex.EncodeToString([]byte("EHLO example.org\r\n")), false, FramingText, 0},
	{"short text", hex.EncodeToString([]byte("OK\r\n")), false, FramingText, 0},
	{"short without an end", hex.EncodeToString([]byte("OKOK")), false, FramingNone, 0},
	{"16 bits of length", "0005" + "a1b2c3d4e5", false, FramingLength16, 0},
	{"16 bits of length, one off", "0006" + "a1b2c3d4e5", false, FramingNone, 0},
	{"32 bits, the rest", "00000005a1b2c3d4e5", false, FramingLength32, 0},
	{"32 bits, all", "00000009a1b2c3d4e5", false, FramingLength32, 0},
	{"32 bits, the other order", "09000000a1b2c3d4e5", false, FramingLength32, 0},
	{"32 bits and Sun RPC's", "80000005a1b2c3d4e5", false, FramingLength32, 0},
	{"nothing", "e1930f99a5c687f01eb48dd2", false, FramingNone, 0},
	{"no bytes", "", true, FramingNone, 0},
}

func TestFraming(t *testing.T) {
	seen := map[Framing]bool{}
	for _, c := range framingCases {
		b, err := hex.DecodeString(c.hex)
		if err != nil {
			t.Fatal(err)
		}
		n := c.whole
		if n == 0 {
			n = len(b)
		}
		if got := FramingOf(b, n, c.udp); got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
		seen[c.want] = true
	}
	for f := range Framings {
		if !seen[f] || f.String() == "" {
			t.Errorf("framing %d, %q: no case", f, f)
		}
	}
}

// Whatever is cut off, there is an answer; and random bytes seldom have a framing.
func TestFramingOfAnything(t *testing.T) {
	for _, c := range framingCases {
		b, _ := hex.DecodeString(c.hex)
		for n := range b {
			for _, udp := range []bool{false, true} {
				FramingOf(b[:n:n], n, udp)
				FramingOf(b[:n:n], len(b), udp)
			}
		}
	}
	rng := rand.New(rand.NewSource(5))
	const rounds = 20_000
	for _, udp := range []bool{false, true} {
		for _, n := range []int{8, 14, 20, 42, 48, 64, 100, 148, 500} {
			found := 0
			b := make([]byte, n)
			for range rounds {
				rng.Read(b)
				if FramingOf(b, n, udp) != FramingNone {
					found++
				}
			}
			if found > rounds/1000+15 {
				t.Errorf("%d random bytes, UDP %t: %d of %d have a framing, want at most 1 in 1000", n, udp, found, rounds)
			}
		}
	}
}

// Which tests are left out by a payload's first byte makes no difference.
func TestFramingByFirstByte(t *testing.T) {
	rng := rand.New(rand.NewSource(6))
	found := map[Framing]int{}
	for _, c := range framingCases {
		b, _ := hex.DecodeString(c.hex)
		for round := range 8000 {
			changed := []byte(string(b[:rng.Intn(len(b)+1)]))
			if len(changed) == 0 {
				continue
			}
			for range round % 4 {
				changed[rng.Intn(min(len(changed), 1+rng.Intn(20)))] = byte(rng.Int())
			}
			n := len(changed) + max(0, c.whole-len(b))
			for _, tests := range []*framingTests{tcpFramings, udpFramings} {
				want := FramingNone
				for _, test := range tests.tests {
					if want == FramingNone && test.fits(changed, n) {
						want = test.framing
					}
				}
				if got := FramingOf(changed, n, tests == udpFramings); got != want {
					t.Fatalf("%x of %d bytes: got %v, want %v", changed, n, got, want)
				}
				found[want]++
			}
		}
	}
	for f := range Framings {
		if found[f] < 20 {
			t.Errorf("%v: met %d times, want some", f, found[f])
		}
	}
}

func FuzzPacket(f *testing.F) {
	for _, c := range framingCases {
		b, _ := hex.DecodeString(c.hex)
		f.Add(b, uint16(c.whole), c.udp)
	}
	m := NewMeter()
	f.Fuzz(func(t *testing.T, b []byte, more uint16, udp bool) {
		p := m.Packet(b, len(b)+int(more), udp)
		if p.Lead > p.Run || p.Run > p.Printable || p.Printable > p.Length || p.Ones > 8*p.Length || p.Squares < uint32(p.Length) ||
			p.Framing >= Framings || p.Length > 0 && p.Exempt != Exempt(b[:p.Length]) {
			t.Errorf("%x: got %+v", b, p)
		}
	})
}
