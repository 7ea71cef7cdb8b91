package transport_test

import (
	"math/rand/v2"
	"testing"

	"github.com/weir-sensor/weir/detect/transport"
	"github.com/weir-sensor/weir/features"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/learn"
	"github.com/weir-sensor/weir/payload"
)

// firsts returns a row of a flow with these first packets.
func firsts(up, down []byte) []float64 {
	m := payload.NewMeter()
	f := &flowtable.Features{SPLT: 2}
	f.Packet[flowtable.Up], f.Packet[flowtable.Down] = m.Packet(up, len(up), false), m.Packet(down, len(down), false)
	f.Sizes[0], f.Sizes[1] = int32(len(up)), -int32(len(down))
	return transport.AppendStart(nil, &flowtable.Record{Features: f}, transport.StartPackets)
}

// A restricted model, which says the same of all flows, says less of those that do not begin with random bytes; of 2,000 that
// do it lowers the scores of a few, whose bytes happen to look like a known protocol's.
func TestRestrict(t *testing.T) {
	rows := &learn.Rows{Columns: transport.Columns(transport.Contract(transport.StartSet, features.DefaultConfig()))}
	r := rand.New(rand.NewPCG(1, 1))
	random := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		return b
	}
	text := []byte("a line of a protocol that nobody knows: it is not random\x00\x01\x02\n")
	for i := range 40 {
		rows.Add(firsts(random(100), random(100)), i%2 == 0, i)
	}
	if !transport.Random(rows) {
		t.Error("rows of random bytes are not")
	}
	c := learn.DefaultTrees()
	c.Most, c.Validation, c.MinLeaf = 1, 0, 20 // no split
	m, err := c.Fit(rows)
	if err != nil {
		t.Fatal(err)
	}
	if err := transport.Restrict(m); err != nil {
		t.Fatal(err)
	}
	lowered := 0
	for range 2000 {
		if m.Predict(firsts(random(16+r.IntN(1400)), random(16+r.IntN(1400)))) < -1 {
			lowered++
		}
	}
	if lowered > 12 {
		t.Errorf("of 2,000 flows of random bytes the scores of %d are lowered", lowered)
	}
	for name, row := range map[string][]float64{"up": firsts(text, random(100)), "down": firsts(random(100), text), "short": firsts(random(14), random(100)), "short answer": firsts(random(100), random(8)), "TLS": firsts(append([]byte{22, 3, 1, 0, 95}, random(95)...), random(100))} {
		if score := m.Predict(row); score > -9 {
			t.Errorf("%s: score %v", name, score)
		}
	}
	plain := &learn.Rows{Columns: rows.Columns}
	for i := range 40 {
		plain.Add(firsts(text, random(100)), i%2 == 0, i)
	}
	if transport.Random(plain) {
		t.Error("rows of text are random")
	}
}
