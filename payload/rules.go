package payload

import (
	"bytes"
	"math/bits"
)

// Exemptions is a set of reasons why a first packet is not taken for one of a fully encrypted protocol by the rules that
// were published in Wu et al., How the Great Firewall of China Detects and Blocks Fully Encrypted Traffic, USENIX Security
// 2023. The empty set stands for a packet that they flag.
type Exemptions uint8

// The rules' exemptions, Ex1 to Ex5.
const (
	ExemptBits      Exemptions = 1 << iota // at most 3.4, or at least 4.6 one bits per byte
	ExemptLead                             // the first six bytes are printable
	ExemptShare                            // more than half of the bytes are printable
	ExemptRun                              // more than 20 bytes in a row are printable
	ExemptProtocol                         // it begins as TLS or HTTP
	AllExemptions   = 1<<iota - 1
	exemptLeadBytes = 6
	exemptRunBytes  = 20
)

// ExemptionNames are the names of the exemptions, bit 0 first.
var ExemptionNames = [...]string{"bits", "lead", "share", "run", "protocol"}

// Exempt returns which exemptions a packet's payload meets. Of no bytes it is never empty. It keeps nothing of b.
func Exempt(b []byte) Exemptions {
	n, run := printable(b)
	return exempt(b, bitsSet(b), n, run, lead(b, exemptLeadBytes))
}

// exempt is Exempt of a payload of which the one bits, the printable bytes, their longest run, and the run that it begins
// with are known.
func exempt(b []byte, ones, printable, run, lead int) (e Exemptions) {
	if n := len(b); 10*ones <= 34*n || 10*ones >= 46*n {
		e |= ExemptBits
	}
	if lead >= exemptLeadBytes {
		e |= ExemptLead
	}
	if 2*printable > len(b) {
		e |= ExemptShare
	}
	if run > exemptRunBytes {
		e |= ExemptRun
	}
	if beginsTLS(b) || beginsHTTP(b) {
		e |= ExemptProtocol
	}
	return e
}

// lead returns how many printable bytes b begins with, most at most.
func lead(b []byte, most int) (n int) {
	for n < min(len(b), most) && b[n]-0x20 <= 0x7e-0x20 {
		n++
	}
	return n
}

// beginsTLS tells the head of a TLS record of a handshake or of data: types 22 and 23, versions 3.0 to 3.9.
func beginsTLS(b []byte) bool {
	return len(b) >= 3 && (b[0] == 0x16 || b[0] == 0x17) && b[1] == 3 && b[2] <= 9
}

var httpMethods = [...][]byte{[]byte("GET "), []byte("PUT "), []byte("POST"), []byte("HEAD")}

func beginsHTTP(b []byte) bool {
	for _, m := range httpMethods {
		if bytes.HasPrefix(b, m) {
			return true
		}
	}
	return false
}

// Count returns how many exemptions there are in the set.
func (e Exemptions) Count() int { return bits.OnesCount8(uint8(e)) }
