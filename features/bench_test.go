package features

import (
	"fmt"
	"math"
	"math/rand"
	"testing"

	"github.com/weir-sensor/weir/packet"
	"github.com/weir-sensor/weir/payload"
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
	data := make([]byte, size)
	rng.Read(data)
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
	m := payload.NewMeter()
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
		in = append(in, Input{p, at, at, uint64(n), m.Entropy(data[:p.PayloadCap])})
		if len(in) == cap(in) {
			w.Add(in)
			in = in[:0]
		}
		if n%1024 == 1023 {
			out = w.Advance(at, out[:0])
		}
	}
}
