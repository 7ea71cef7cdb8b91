package packet

import (
	"math/rand/v2"
	"testing"
)

// checkSpread fails unless the hashes of distinct pairs fall evenly into 2, 3, 8 and 64 shards, by their low bits and
// by multiplication, as judged by a chi-square test with a limit that chance exceeds once in about a million.
func checkSpread(t *testing.T, hashes []uint32) {
	t.Helper()
	for _, c := range []struct {
		shards uint64
		limit  float64 // 1e-6 quantile for shards-1 degrees of freedom
	}{{2, 23.9}, {3, 27.6}, {8, 40.5}, {64, 131}} {
		low, high := make([]int, c.shards), make([]int, c.shards)
		for _, hash := range hashes {
			low[uint64(hash)%c.shards]++
			high[uint64(hash)*c.shards>>32]++
		}
		for name, counts := range map[string][]int{"remainder": low, "product": high} {
			mean, chi := float64(len(hashes))/float64(c.shards), 0.0
			for _, n := range counts {
				chi += (float64(n) - mean) * (float64(n) - mean) / mean
			}
			if chi > c.limit {
				t.Errorf("%d pairs into %d shards by %s: chi-square %.1f over %.1f: %v", len(hashes), c.shards, name, chi, c.limit, counts)
			}
		}
	}
}

// TestHashSpread: the pairs of real networks differ in few bits: neighbours, one server with its clients, both.
func TestHashSpread(t *testing.T) {
	server := AddrFrom4(h("c0a80001"))
	var clients, neighbours, v6 []uint32
	for i := range uint64(20000) {
		client := Addr{Lo: 0xffff_0a00_0000 + i}
		clients = append(clients, HashPair(server, client))
		neighbours = append(neighbours, HashPair(client, Addr{Lo: client.Lo + 1}))
		v6 = append(v6, HashPair(Addr{0x20010db8_00000000 + i<<8, 1}, Addr{0x20010db8_00000001, 2}))
	}
	for _, hashes := range [][]uint32{clients, neighbours, v6} {
		checkSpread(t, hashes)
	}
}

func TestPairHash(t *testing.T) {
	for _, s := range allSamples() {
		if got, want := PairHash(s.link, s.frame, 0, s.opt), HashPair(s.want.Src, s.want.Dst); got != want {
			t.Errorf("%s: %x, want %x", s.name, got, want)
		}
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		a, b := Addr{rng.Uint64(), rng.Uint64()}, Addr{rng.Uint64(), rng.Uint64()}
		if HashPair(a, b) != HashPair(b, a) {
			t.Errorf("not symmetric: %v %v", a, b)
		}
	}
	PairHash(LinkEthernet, eth(0x0806), 0, Options{}) // refused: any number, no panic
	for n := range 60 {
		PairHash(LinkEthernet, eth(0x8100, h("0001 86dd"), v6(6, tcp6(hello)))[:n], 0, Options{})
		PairHash(LinkSLL, make([]byte, n), 0, Options{})
	}
}
