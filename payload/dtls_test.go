package payload

import (
	"math/rand"
	"slices"
	"testing"
)

// message is a DTLS ClientHello as RFC 6347 writes it: made here by hand, for no capture with Snowflake's is at hand.
type message struct {
	record, version    uint16
	session, cookie    []byte
	ciphers            []uint16
	extensions         []extension
	compressions       []byte
	fragment, sequence int // offset of the fragment, number of the message
}

type extension struct {
	kind uint16
	body []byte
}

func be(bytes int, v int) (b []byte) {
	for i := bytes - 1; i >= 0; i-- {
		b = append(b, byte(v>>(8*i)))
	}
	return b
}

// bytes writes the datagram: record header, message header, body.
func (m message) bytes() []byte {
	body := append(be(2, int(m.version)), make([]byte, 32)...)
	body = append(append(body, byte(len(m.session))), m.session...)
	body = append(append(body, byte(len(m.cookie))), m.cookie...)
	body = append(body, be(2, 2*len(m.ciphers))...)
	for _, c := range m.ciphers {
		body = append(body, be(2, int(c))...)
	}
	body = append(append(body, byte(len(m.compressions))), m.compressions...)
	var extensions []byte
	for _, e := range m.extensions {
		extensions = slices.Concat(extensions, be(2, int(e.kind)), be(2, len(e.body)), e.body)
	}
	body = slices.Concat(body, be(2, len(extensions)), extensions)
	handshake := slices.Concat([]byte{1}, be(3, len(body)+m.fragment), be(2, m.sequence), be(3, m.fragment), be(3, len(body)), body)
	return slices.Concat([]byte{22}, be(2, int(m.record)), make([]byte, 8), be(2, len(handshake)), handshake)
}

// pion3 is a hello as pion/dtls 3 makes it for pion/webrtc, by its source.
func pion3() message {
	return message{record: 0xfefd, version: 0xfefd, compressions: []byte{0},
		ciphers: []uint16{0xc02b, 0xc02f, 0xcca9, 0xcca8, 0xc00a, 0xc014, 0xc02c, 0xc030},
		extensions: []extension{
			{13, []byte{0, 6, 4, 3, 5, 3, 8, 7}}, {0xff01, []byte{0}}, {10, []byte{0, 6, 0, 0x1d, 0, 0x17, 0, 0x18}}, {11, []byte{1, 0}},
			{14, []byte{0, 6, 0, 8, 0, 7, 0, 1, 0}}, {23, nil},
		}}
}

func TestPionHello(t *testing.T) {
	stun := append([]byte{0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42}, make([]byte, 12)...)
	for _, test := range []struct {
		name   string
		change func(m *message)
		want   Hello
	}{
		{"as it is", func(*message) {}, HelloClient | HelloPion},
		{"of version 2, with fewer suites", func(m *message) { m.ciphers = []uint16{0xc02b, 0xc02f, 0xc00a, 0xc014, 0xc02c, 0xc030} }, HelloClient | HelloPion},
		{"the second, with a cookie", func(m *message) { m.cookie, m.sequence = make([]byte, 20), 1 }, HelloClient | HelloPion},
		{"with ALPN and a connection id", func(m *message) {
			m.extensions = append(m.extensions, extension{16, []byte{0}}, extension{54, []byte{0}})
		}, HelloClient | HelloPion},
		{"with a server's name", func(m *message) { m.extensions = append(m.extensions, extension{0, make([]byte, 9)}) }, HelloClient},
		{"without SRTP: no WebRTC", func(m *message) { m.extensions = slices.Delete(m.extensions, 4, 5) }, HelloClient},
		{"a session to resume", func(m *message) { m.session = make([]byte, 32) }, HelloClient},
		{"version 1.0 on the record, as browsers", func(m *message) { m.record = 0xfeff }, HelloClient},
		{"DTLS 1.0", func(m *message) { m.record, m.version = 0xfeff, 0xfeff }, HelloClient},
		{"suites in another order", func(m *message) { m.ciphers[0], m.ciphers[1] = m.ciphers[1], m.ciphers[0] }, HelloClient},
		{"another suite", func(m *message) { m.ciphers = append(m.ciphers, 0xc013) }, HelloClient},
		{"three suites", func(m *message) { m.ciphers = m.ciphers[:3] }, HelloClient},
		{"extensions in another order", func(m *message) { m.extensions[0], m.extensions[1] = m.extensions[1], m.extensions[0] }, HelloClient},
		{"another extension", func(m *message) { m.extensions = append(m.extensions, extension{35, nil}) }, HelloClient},
		{"a fragment", func(m *message) { m.fragment = 100 }, 0},
	} {
		m := pion3()
		test.change(&m)
		b := m.bytes()
		if got := Hello(0).Then(b, len(b)); got != test.want {
			t.Errorf("%s: got %03b, want %03b", test.name, got, test.want)
		}
		if got := Hello(0).Then(stun, len(stun)).Then(b, len(b)); got != test.want|HelloSTUN {
			t.Errorf("%s, after STUN: got %03b, want %03b", test.name, got, test.want|HelloSTUN)
		}
		if framing := FramingOf(b, len(b), true); framing != FramingDTLS {
			t.Errorf("%s: framing %v", test.name, framing)
		}
		for n := range b { // cut, or a datagram that ends too early
			if got := Hello(0).Then(b[:n], len(b)) | Hello(0).Then(b[:n], n); got != 0 {
				t.Fatalf("%s, %d of %d bytes: got %03b", test.name, n, len(b), got)
			}
		}
	}
	b := pion3().bytes()
	if got := Hello(0).Then(b, len(b)).Then(stun, len(stun)); got != HelloClient|HelloPion {
		t.Errorf("STUN after the hello: got %03b", got)
	}
	if n := testing.AllocsPerRun(10, func() { Hello(0).Then(b, len(b)) }); n != 0 {
		t.Errorf("got %v allocations, want 0", n)
	}
}

// Whatever bytes are changed, nothing is read that is not there.
func FuzzHello(f *testing.F) {
	f.Add(pion3().bytes())
	rng := rand.New(rand.NewSource(1))
	for range 20 {
		b := pion3().bytes()
		b[rng.Intn(len(b))] = byte(rng.Int())
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		h := Hello(0).Then(b, len(b))
		if h&HelloPion != 0 && (h&HelloClient == 0 || FramingOf(b, len(b), true) != FramingDTLS) {
			t.Errorf("got %03b", h)
		}
		if h.Then(b, len(b)) != h && h&HelloClient != 0 {
			t.Error("a second hello counts")
		}
	})
}
