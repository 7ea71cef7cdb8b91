package payload

import (
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math"
	"math/rand"
	"os"
	"testing"
)

// packetRow is what testdata/packet.py says of a payload.
type packetRow struct {
	payload                    []byte
	entropy, chi               float64
	ones, printable, run, lead int
	exempt                     []int   // numbers of the exemptions, from 1
	evidence                   float64 // but for that of the framing
}

func (r *packetRow) UnmarshalJSON(text []byte) error {
	return json.Unmarshal(text, &[]any{&r.payload, &r.entropy, &r.chi, &r.ones, &r.printable, &r.run, &r.lead, &r.exempt, &r.evidence})
}

func packetRows(t *testing.T) (rows []packetRow) {
	t.Helper()
	f, err := os.Open("testdata/packet.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.NewDecoder(z).Decode(&rows); err != nil {
		t.Fatal(err)
	}
	return rows
}

func near(got, want float64) bool { return math.Abs(got-want) <= 1e-9*max(1, math.Abs(want)) }

func TestPacketsEqualTheReference(t *testing.T) {
	m := NewMeter()
	seen := map[Exemptions]int{}
	for _, r := range packetRows(t) {
		var want Exemptions
		for _, number := range r.exempt {
			want |= 1 << (number - 1)
		}
		seen[want]++
		p := m.Packet(r.payload, len(r.payload), false)
		if p.Exempt != want || Exempt(r.payload) != want {
			t.Errorf("%q: got exemptions %05b and %05b, want %05b", r.payload, p.Exempt, Exempt(r.payload), want)
		}
		if !near(p.Entropy, r.entropy) || !near(p.ChiSquare(), r.chi) || int(p.Ones) != r.ones || int(p.Printable) != r.printable ||
			int(p.Run) != r.run || int(p.Lead) != r.lead || int(p.Length) != len(r.payload) {
			t.Errorf("%q: got %+v, chi-square %v, want %+v", r.payload, p, p.ChiSquare(), r)
		}
		wantEvidence := r.evidence + unframed
		if p.Framing != FramingNone {
			wantEvidence = r.evidence + framed
		}
		if got := p.Evidence(); len(r.payload) > 1 && math.Abs(got-wantEvidence) > 1e-3 { // the table has six digits
			t.Errorf("%q: got evidence %v, want %v", r.payload, got, wantEvidence)
		}
	}
	if len(seen) < 12 || seen[0] < 50 {
		t.Errorf("too few kinds of payloads: %v", seen)
	}
}

// The edges of each exemption by themselves.
func TestExemptions(t *testing.T) {
	noise := "\xe1\x93\x0f\x99\xa5\xc6\x87\xf0\x1e\xb4\x8d\xd2\x96\xcc\xaa\x0f\xf1\x83\x9a\xe4\xc5\xb1"
	k := func(n int) string { return string(make([]byte, 0, n)) + fmt.Sprintf("%0*d", n, 0) }
	for _, c := range []struct {
		payload string
		want    Exemptions
	}{
		{noise, 0},
		{"\x0f\x0f\x0f\x0f\x01", ExemptBits},       // 17 bits in 5 bytes: 3.4
		{"\x0f\x0f\x0f\x0f\x03", 0},                // 18
		{"\xf0\xf0\xf0\xf0\xfc", 0},                // 22
		{"\xf0\xf0\xf0\xf0\xfe", ExemptBits},       // 23: 4.6
		{"kkkkk" + noise, 0},                       // fewer than six
		{"kkkkkk" + noise, ExemptLead},             // six
		{"kkkkk", ExemptShare | ExemptBits},        // all printable, but not six
		{noise[:10] + "kkkkkkkkkk", 0},             // exactly a half
		{noise[:10] + "kkkkkkkkkkk", ExemptShare},  // more
		{noise + noise + k(20) + noise, 0},         // 20 in a row
		{noise + noise + k(21) + noise, ExemptRun}, // 21
		{"\x16\x03\x09" + noise, ExemptProtocol},   //
		{"\x17\x03\x00" + noise, ExemptProtocol},   //
		{"\x16\x03\x0a" + noise, 0},                //
		{"\x15\x03\x01" + noise, 0},                // an alert
		{"GET " + noise, ExemptProtocol},           //
		{"GET\t" + noise, 0},                       //
		{"POST\xff" + noise, ExemptProtocol},       //
		{"", ExemptBits},                           //
	} {
		if got := Exempt([]byte(c.payload)); got != c.want {
			t.Errorf("%q: got %05b, want %05b", c.payload, got, c.want)
		}
	}
}

// Random payloads meet the exemptions as often as computed: bits and share by the binomial distribution, lead by (95/256)^6.
func TestExemptionsOfRandomPayloads(t *testing.T) {
	rng := rand.New(rand.NewSource(3))
	const rounds = 40_000
	for _, c := range []struct {
		n           int
		bits, share float64 // shares that are not exempt
	}{
		{8, 0.740, -1}, {16, 0.907, -1}, {32, 0.985, -1}, {50, 0.9969, 1 - 0.0224}, {64, 0.99935, -1}, {100, 0.99997, 1 - 0.0032}, {500, 1, 1},
	} {
		var count [8]int
		b := make([]byte, c.n)
		for range rounds {
			rng.Read(b)
			e := Exempt(b)
			for i := range count {
				count[i] += int(e >> i & 1)
			}
		}
		check := func(name string, got int, want float64) {
			if want < 0 {
				return
			}
			sd := math.Sqrt(max(want*(1-want), 1e-5) / rounds)
			if kept := 1 - float64(got)/rounds; math.Abs(kept-want) > 4*sd+0.0006 { // the values have so many digits
				t.Errorf("%s of %d bytes: %.5f are not exempt, want %.5f", name, c.n, kept, want)
			}
		}
		check("bits", count[0], c.bits)
		check("lead", count[1], 1-0.00261)
		check("share", count[2], c.share)
	}
}

// stream is SHA-256("weir-0"), SHA-256("weir-1") and so on.
func stream(n int) (b []byte) {
	for i := 0; len(b) < n; i++ {
		sum := sha256.Sum256(fmt.Appendf(nil, "weir-%d", i))
		b = append(b, sum[:]...)
	}
	return b[:n]
}

func TestPacketOfKnownStream(t *testing.T) {
	m := NewMeter()
	p := m.Packet(stream(1024), 1024, false)
	if math.Abs(p.Entropy-7.776315) > 5e-7 || p.ChiSquare() != 267 || math.Abs(p.BitsSet()-4.0234) > 5e-5 {
		t.Errorf("1024 bytes: got entropy %v, chi-square %v, bits %v", p.Entropy, p.ChiSquare(), p.BitsSet())
	}
	p = m.Packet(stream(128), 128, false)
	if math.Abs(p.Entropy-6.576057) > 5e-7 || p.ChiSquare() != 244 {
		t.Errorf("128 bytes: got entropy %v, chi-square %v", p.Entropy, p.ChiSquare())
	}
}

// Of random bytes of any length, the z of entropy and bits has mean 0 and variance 1, and chi-square mean 255.
func TestRandomBytesHaveNoZ(t *testing.T) {
	rng := rand.New(rand.NewSource(4))
	m := NewMeter()
	const rounds = 4000
	for _, n := range []int{2, 3, 5, 8, 16, 32, 64, 128, 191, 192, 256, 512, 1024, 1460, 1500} {
		b := make([]byte, n)
		var z, zz, bits, bb, chi float64
		for range rounds {
			rng.Read(b)
			p := m.Packet(b, n, true)
			e := p.EntropyZ()
			z, zz, bits, bb, chi = z+e, zz+e*e, bits+p.BitsZ(), bb+p.BitsZ()*p.BitsZ(), chi+p.ChiSquare()
		}
		const bound = 4 / 63.2 // four standard errors of a mean
		if math.Abs(z/rounds) > bound || math.Abs(bits/rounds) > bound || math.Abs(chi/rounds-255) > bound*22.6 {
			t.Errorf("%d bytes: means %v of entropy's z, %v of the bits' z, %v of chi-square", n, z/rounds, bits/rounds, chi/rounds)
		}
		if n >= 16 && math.Abs(zz/rounds-1) > 0.12 || math.Abs(bb/rounds-1) > 0.12 {
			t.Errorf("%d bytes: variances %v of entropy's z, %v of the bits' z", n, zz/rounds, bb/rounds)
		}
	}
	one := m.Packet([]byte{7}, 1, false)
	if z := one.EntropyZ(); !math.IsNaN(z) {
		t.Errorf("one byte: got z %v, want NaN", z)
	}
}

// Random payloads are taken for such, others are not.
func TestEvidence(t *testing.T) {
	rng := rand.New(rand.NewSource(7))
	m := NewMeter()
	const rounds = 4000
	for _, n := range []int{64, 100, 128, 256, 517, 1460} {
		random, positive := 0, 0
		b := make([]byte, n)
		for range rounds {
			rng.Read(b)
			p := m.Packet(b, n, false)
			if p.Random() {
				random++
			}
			if p.Evidence() > 0 {
				positive++
			}
			for i := range b { // 6 bits of 8, as Base64 has them
				b[i] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[b[i]&63]
			}
			if p := m.Packet(b, n, false); p.Random() || p.Evidence() > -10 {
				t.Fatalf("%q: got evidence %v", b, p.Evidence())
			}
		}
		least := rounds * 98 / 100
		if n < 128 {
			least = rounds * 97 / 100
		}
		if random < least || positive < rounds*996/1000 {
			t.Errorf("%d bytes: %d of %d are random, and %d have evidence for it", n, random, rounds, positive)
		}
	}
	for _, b := range [][]byte{nil, {1}} {
		if p := m.Packet(b, len(b), false); p.Random() || p.Evidence() != 0 {
			t.Errorf("%d bytes: got evidence %v, want 0", len(b), p.Evidence())
		}
	}
}

func TestPacketLooksAt1500Bytes(t *testing.T) {
	b := stream(3000)
	m := NewMeter()
	if got, want := m.Packet(b, 3000, false), m.Packet(b[:1500], 3000, false); got != want || got.Length != 1500 {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := m.Packet(nil, 0, false); got != (Packet{}) {
		t.Errorf("no bytes: got %+v", got)
	}
	if got := testing.AllocsPerRun(100, func() { m.Packet(b, 3000, false) }); got != 0 {
		t.Errorf("got %v allocations, want 0", got)
	}
}

func BenchmarkPacket(b *testing.B) {
	for _, n := range []int{64, 517, 1460} {
		data := stream(n)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			m := NewMeter()
			b.SetBytes(int64(n))
			for b.Loop() {
				m.Packet(data, n, false)
			}
		})
	}
}
