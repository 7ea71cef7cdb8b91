package covertmark

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/weir-sensor/weir/payload"
)

// golden is what scipy says of a payload, see testdata/reference.py.
type golden struct {
	Kind      string     `json:"kind"`
	Length    int        `json:"length"`
	ChiSquare float64    `json:"chi_square"`
	Distinct  [3]float64 `json:"distinct"`
	Blocks    []struct {
		Size     int
		KS       float64
		P        float64
		AD       float64
		Critical []float64
	}
}

func goldens(t *testing.T) (all []golden) {
	t.Helper()
	text, err := os.ReadFile("testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// body makes a payload as reference.py does.
func body(kind string, n int) []byte {
	var random []byte
	for i := uint32(0); len(random) < n; i++ {
		sum := sha256.Sum256(binary.BigEndian.AppendUint32([]byte("payload-"), i))
		random = append(random, sum[:]...)
	}
	random = random[:n]
	switch kind {
	case "english":
		var words [][]byte
		for _, b := range random {
			words = append(words, bytes.Fields([]byte("the of and weir a stream measures wall low across is flow"))[b%12])
		}
		return bytes.Join(words, []byte(" "))[:n]
	case "base64":
		for i, b := range random {
			random[i] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[b%64]
		}
	case "constant":
		return bytes.Repeat([]byte("A"), n)
	}
	return random
}

func near(a, b, within float64) bool { return math.Abs(a-b) <= within*max(1, math.Abs(b)) }

func TestAgainstScipy(t *testing.T) {
	for _, g := range goldens(t) {
		b, tester := body(g.Kind, g.Length), NewTester()
		if want := g.ChiSquare >= leastChiSquare && g.ChiSquare <= mostChiSquare; uniformBytes(b) != want {
			t.Errorf("%s %d: uniform %v, chi-square is %v", g.Kind, g.Length, !want, g.ChiSquare)
		}
		p := tester.Test(b, g.Length)
		for i, want := range g.Distinct {
			if !near(float64(p.Distinct[i]), want, 1e-6) {
				t.Errorf("%s %d: distinct in windows of %d: got %v, want %v", g.Kind, g.Length, windows[i], p.Distinct[i], want)
			}
		}
		for i, w := range g.Blocks {
			own := tester.blockEntropies(b, w.Size, nil)
			slices.Sort(own)
			d := ksDistance(own, tester.reference[i])
			if !near(d, w.KS, 1e-9) || !near(ksP(d, len(own), refBlocks), w.P, 1e-9) {
				t.Errorf("%s %d, blocks of %d: KS %v, p %v, want %v, %v", g.Kind, g.Length, w.Size, d, ksP(d, len(own), refBlocks), w.KS, w.P)
			}
			if ad := andersonDarling(own, tester.reference[i]); !near(ad, w.AD, 1e-9) {
				t.Errorf("%s %d, blocks of %d: AD %v, want %v", g.Kind, g.Length, w.Size, ad, w.AD)
			}
			if !near(adCritical10, w.Critical[1], 1e-3) {
				t.Errorf("10 %% critical value: got %v, want %v", adCritical10, w.Critical[1])
			}
			checkVotes(t, &g, i, p.Votes[i], len(own))
		}
	}
}

// checkVotes compares votes with what scipy's answers amount to.
func checkVotes(t *testing.T, g *golden, i int, got uint8, blocks int) {
	t.Helper()
	w, want := g.Blocks[i], uint8(0)
	if w.P >= .1 {
		want++
	}
	if w.AD < w.Critical[1] {
		want++
	}
	if g.ChiSquare >= leastChiSquare && g.ChiSquare <= mostChiSquare {
		want++
	}
	if blocks < leastBlocks {
		want = insufficient
	}
	if got != want {
		t.Errorf("%s %d, blocks of %d: %d votes, want %d", g.Kind, g.Length, w.Size, got, want)
	}
}

// The answers for the sizes that CovertMark's own code gets wrong: too few blocks say nothing, and long English is not random.
func TestVotesOfEnglish(t *testing.T) {
	tester := NewTester()
	for _, n := range []int{128, 256, 512, 1024, 1450} {
		english, random := tester.Test(body("english", n), n), tester.Test(body("random", n), n)
		for i, size := range blocks {
			few := n/size < leastBlocks
			if (english.Votes[i] == insufficient) != few || (random.Votes[i] == insufficient) != few {
				t.Errorf("%d bytes in blocks of %d: %d and %d votes", n, size, english.Votes[i], random.Votes[i])
			}
			if !few && (english.Votes[i] > 0 || random.Votes[i] < 2) {
				t.Errorf("%d bytes in blocks of %d: %d votes for English, %d for random bytes", n, size, english.Votes[i], random.Votes[i])
			}
		}
	}
	if p := tester.Test(body("random", 127), 127); p.Votes != [3]uint8{insufficient, insufficient, insufficient} || p.Distinct != [3]float32{} {
		t.Errorf("127 bytes: %+v", p)
	}
	if p := tester.Test([]byte("GET / HTTP/1.1\r\n"), 16); !p.Known || p.Length != 16 {
		t.Errorf("HTTP: %+v", p)
	}
}

// A tester's answers do not depend on what it has tested before.
func TestTesterIsReusable(t *testing.T) {
	one := NewTester()
	for _, g := range goldens(t) {
		if got, want := one.Test(body(g.Kind, g.Length), g.Length), NewTester().Test(body(g.Kind, g.Length), g.Length); got != want {
			t.Errorf("%s %d: %+v, want %+v", g.Kind, g.Length, got, want)
		}
	}
}

// The reference blocks are those of a plain computation over the same stream.
func TestReferenceBlocks(t *testing.T) {
	m, tester := payload.NewMeter(), NewTester()
	for i, size := range blocks {
		if len(tester.reference[i]) != refBlocks || !slices.IsSorted(tester.reference[i]) {
			t.Errorf("blocks of %d: %d, sorted %v", size, len(tester.reference[i]), slices.IsSorted(tester.reference[i]))
		}
		if e := m.Entropy(stream(size)); !slices.Contains(tester.reference[i], e) {
			t.Errorf("blocks of %d: the first one's entropy %v is missing", size, e)
		}
	}
}
