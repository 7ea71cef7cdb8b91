package payload

// Hello is what is known of the DTLS ClientHello of a UDP flow: a set.
type Hello uint8

// What can be known.
const (
	HelloSTUN   Hello = 1 << iota // STUN came before it, as with ICE
	HelloClient                   // it was seen whole, in one datagram
	HelloPion                     // it is as pion's library for WebRTC makes it
)

// Then returns what is known after one more datagram, of so many bytes, of which b holds the first. It keeps nothing of b.
func (h Hello) Then(b []byte, length int) Hello {
	switch {
	case h&HelloClient != 0 || len(b) < 13 || len(b) < length:
	case b[0] < 0x40 && isSTUN(b, length):
		h |= HelloSTUN
	case b[0] == 0x16:
		hello, ok := clientHello(b)
		switch {
		case ok && hello.pion():
			h |= HelloClient | HelloPion
		case ok:
			h |= HelloClient
		}
	}
	return h
}

// hello are the parts of a DTLS ClientHello that tell whose it is; the slices are borrowed.
type hello struct {
	record, version uint16 // as on the wire: 0xfeff is DTLS 1.0, 0xfefd DTLS 1.2
	session         int    // bytes of the session's name
	ciphers         []byte // 2 bytes each
	compressions    []byte
	extensions      []byte // each its type, its length and that many bytes
}

// clientHello reads the datagram's first record (RFC 6347, 4.1), where that is a handshake message of type 1 that is not in
// fragments (4.2.2), with the body of 4.2.1. Nothing may be missing.
func clientHello(b []byte) (h hello, ok bool) {
	const recordHeader, messageHeader = 13, 12
	if len(b) < recordHeader+messageHeader || b[0] != 0x16 || b[1] != 0xfe || b[3] != 0 || b[4] != 0 { // not of epoch 0
		return h, false
	}
	h.record = bigEndian.Uint16(b[1:])
	r := reader{b: b[recordHeader:]}
	r.b = r.take(int(bigEndian.Uint16(b[11:])))
	kind, size := r.number(1), r.number(3)
	r.take(2) // sequence number
	if offset, here := r.number(3), r.number(3); kind != 1 || offset != 0 || here != size || len(r.b) != size {
		return h, false
	}
	h.version = uint16(r.number(2))
	r.take(32) // random
	h.session = len(r.take(r.number(1)))
	r.take(r.number(1)) // cookie
	h.ciphers = r.take(r.number(2))
	h.compressions = r.take(r.number(1))
	h.extensions = r.take(r.number(2))
	return h, !r.short && len(r.b) == 0 && len(h.ciphers)%2 == 0
}

// reader takes a message apart. short says that it ended too early.
type reader struct {
	b     []byte
	short bool
}

func (r *reader) take(n int) []byte {
	if n > len(r.b) {
		r.short, n = true, len(r.b)
	}
	taken := r.b[:n]
	r.b = r.b[n:]
	return taken
}

// number returns a big-endian number of so many bytes.
func (r *reader) number(bytes int) (n int) {
	for _, v := range r.take(bytes) {
		n = n<<8 | int(v)
	}
	return n
}

// What pion/dtls 2 and 3 offer for DTLS 1.2 where nobody says otherwise, in this order; older versions know fewer suites. The
// extensions are signature algorithms, renegotiation info, signature algorithms of certificates, groups, point formats,
// use_srtp, which pion/webrtc always sets and is therefore wanted, extended master secret, ALPN and connection id. One with a
// server's name is none of WebRTC.
var (
	pionCiphers    = [...]uint16{0xc02b, 0xc02f, 0xcca9, 0xcca8, 0xc00a, 0xc014, 0xc02c, 0xc030}
	pionExtensions = [...]uint16{13, 0xff01, 50, 10, 11, extensionSRTP, 23, 16, 54}
)

const (
	extensionSRTP = 14
	leastCiphers  = 4
)

// pion says whether it is a hello of pion's. Browsers' write version 1.0 on the record, and
// another extension first.
func (h *hello) pion() bool {
	if h.record != 0xfefd || h.version != 0xfefd || h.session != 0 || len(h.compressions) != 1 || h.compressions[0] != 0 ||
		len(h.ciphers) < 2*leastCiphers {
		return false
	}
	known := pionCiphers[:]
	for i := 0; i < len(h.ciphers); i += 2 {
		if known = after(known, bigEndian.Uint16(h.ciphers[i:])); known == nil {
			return false
		}
	}
	known = pionExtensions[:]
	srtp, n := false, 0
	for r := (reader{b: h.extensions}); len(r.b) > 0; n++ {
		kind := uint16(r.number(2))
		r.take(r.number(2))
		if known = after(known, kind); known == nil || r.short || n == 0 && kind != pionExtensions[0] {
			return false
		}
		srtp = srtp || kind == extensionSRTP
	}
	return srtp && bigEndian.Uint16(h.ciphers) == pionCiphers[0]
}

// after returns what of list comes after v, not nil; nil where v is not in it.
func after(list []uint16, v uint16) []uint16 {
	for i, x := range list {
		if x == v {
			return list[i+1:]
		}
	}
	return nil
}
