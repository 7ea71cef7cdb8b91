package features

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand"
	"testing"

	"github.com/weir-sensor/weir/packet"
)

// The benchmarks give packets in groups of 32, with an Advance after each 1024; ns/op is per packet. Run them with
//
//	go test -run '^$' -bench Windower -benchtime 2000000x ./features
func BenchmarkWindower(b *testing.B) {
	for _, pairs := range []int{1, 1000, 100_000} {
		for _, size := range []int{0, 100, 1448} {
			b.Run(fmt.Sprintf("pairs=%d/payload=%d", pairs, size), func(b *testing.B) { benchmarkWindower(b, DefaultConfig(), pairs, size) })
		}
	}
	for _, group := range Groups() {
		b.Run("only="+group, func(b *testing.B) {
			cfg := DefaultConfig()
			cfg.Groups = []string{group}
			benchmarkWindower(b, cfg, 1000, 1448)
		})
	}
	b.Run("only=none", func(b *testing.B) {
		cfg := DefaultConfig()
		cfg.Groups = nil
		benchmarkWindower(b, cfg, 1000, 1448)
	})
	b.Run("by=flow", func(b *testing.B) {
		cfg := DefaultConfig()
		cfg.By = ByFlow
		benchmarkWindower(b, cfg, 1000, 0)
	})
	b.Run("cut=time", func(b *testing.B) {
		cfg := DefaultConfig()
		cfg.Cut = CutTime
		benchmarkWindower(b, cfg, 1000, 0)
	})
	b.Run("packets=1000", func(b *testing.B) {
		cfg := DefaultConfig()
		cfg.Packets = 1000
		benchmarkWindower(b, cfg, 1000, 0)
	})
	b.Run("full", func(b *testing.B) { // each packet is of a new pair, which another one has to make room for
		cfg := DefaultConfig()
		benchmarkWindower(b, cfg, math.MaxInt32, 0)
	})
}

// benchmarkWindower lets pairs exchange packets in random order, three of four with payload.
func benchmarkWindower(b *testing.B, cfg Config, pairs, size int) {
	rng := rand.New(rand.NewSource(1))
	payload := make([]byte, size)
	rng.Read(payload)
	packets := make([]packet.Packet, 1<<16)
	for i := range packets {
		h := rng.Intn(pairs)
		p := &packets[i]
		*p = tcp(1, 2, uint32(i*1448), packet.ACK, size)
		if i%4 == 0 {
			*p = tcp(2, 1, uint32(i), packet.ACK, 0)
			p.Dst.Hi = uint64(h)
		} else {
			p.Src.Hi = uint64(h)
		}
	}
	w := New(cfg, Network{MTU: 1500}, 1, [4]uint64{1, 2, 3, 4})
	in := make([]Input, 0, groupSize)
	m := NewMeter()
	var out []Window
	b.SetBytes(int64(size))
	b.ReportAllocs()
	b.ResetTimer()
	for n := range b.N {
		p := &packets[n&(len(packets)-1)]
		at := int64(n) * 1000
		if pairs == math.MaxInt32 {
			p.Src.Hi = uint64(n)
		}
		in = append(in, Input{p, at, at, uint64(n), m.Entropy(payload[:p.PayloadCap])})
		if len(in) == cap(in) {
			w.AddAll(in)
			in = in[:0]
		}
		if n%1024 == 1023 {
			out = w.Advance(at, out[:0])
		}
	}
}

// BenchmarkCounting is the floor that entropy is compared with: filling four tables of 32-bit counts and adding them up,
// no logarithm.
func BenchmarkCounting(b *testing.B) {
	for _, n := range []int{256, 1460, 9000} {
		payload := make([]byte, n)
		rand.New(rand.NewSource(4)).Read(payload)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.SetBytes(int64(n))
			var sum [256]uint32
			var t [4][256]uint32
			for b.Loop() {
				t = [4][256]uint32{}
				p := payload
				for ; len(p) >= 8; p = p[8:] {
					v := binary.LittleEndian.Uint64(p)
					t[0][byte(v)]++
					t[1][byte(v>>8)]++
					t[2][byte(v>>16)]++
					t[3][byte(v>>24)]++
					t[0][byte(v>>32)]++
					t[1][byte(v>>40)]++
					t[2][byte(v>>48)]++
					t[3][byte(v>>56)]++
				}
				for _, c := range p {
					t[0][c]++
				}
				for i := range sum {
					sum[i] += t[0][i] + t[1][i] + t[2][i] + t[3][i]
				}
			}
		})
	}
}
