package transport

import (
	"slices"

	"github.com/weir-sensor/weir/learn"
	"github.com/weir-sensor/weir/payload"
)

// Of random bytes, 16 or more, fewer than 1 in 5,000 first packets are more than randomLimit standard deviations away by any of
// the three measures, and 1 in 1,000 begin with the framing of a known protocol, by chance.
const (
	randomLimit   = 8
	randomPenalty = 10  // log-odds
	mostlyRandom  = .95 // share of positive rows
)

// leastFirst are the bytes that first packets of each side have at least: Shadowsocks' shortest initial value with the shortest
// address, or with one byte.
var leastFirst = map[string]float64{"up": 8 + 7, "down": 8 + 1}

// randomBounds are where the first packets of both sides lie that are random bytes.
func randomBounds() []learn.Bound {
	var bounds []learn.Bound
	for _, side := range []string{"up", "down"} {
		for _, measure := range []string{"first_entropy_z_", "first_bits_z_", "first_chi_z_"} {
			bounds = append(bounds, learn.Bound{Column: measure + side, Least: -randomLimit, Most: randomLimit})
		}
		bounds = append(bounds, learn.Bound{Column: "framing_known_" + side},
			learn.Bound{Column: "first_len_" + side, Least: log2(leastFirst[side]), Most: log2(payload.PacketBytes)})
	}
	return bounds
}

// Random says whether the positive rows of how flows begin are those of fully encrypted protocols: nearly all begin with random
// bytes on both sides.
func Random(rows *learn.Rows) bool {
	random, positive := 0, 0
	for i, p := range rows.Positive {
		if !p {
			continue
		}
		positive++
		random += int(indicator(!slices.ContainsFunc(randomBounds(), func(b learn.Bound) bool {
			x := rows.Row(i)[slices.Index(rows.Columns, b.Column)]
			return x < b.Least || x > b.Most
		})))
	}
	return float64(random) >= mostlyRandom*float64(positive)
}

// Restrict lowers the scores of flows whose first packets, of either side, are not random bytes: fully encrypted protocols begin
// with nothing else. This is not fitted to anything, and so holds for protocols and programs that are in no training set. The
// model must be one of trees that look at how flows begin.
func Restrict(m *learn.Model) error { return m.Restrict(randomBounds(), randomPenalty) }
