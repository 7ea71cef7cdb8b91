package trend

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/weir-sensor/weir/flowtable"
)

// sourcesOf returns how many sources the alert about a flood from these addresses names, and what it calls the number.
func sourcesOf(t *testing.T, addresses []uint32) (n float64, feature, message string) {
	t.Helper()
	var flows []flowtable.Record
	for i := range max(len(addresses), 400) {
		flows = append(flows, attempt(addresses[i%len(addresses)], inside, 9*float64(i)/float64(max(len(addresses), 400))))
	}
	alerts := run(t, DefaultConfig(), flows)
	if len(alerts) != 1 {
		t.Fatalf("%d addresses: got %d alerts, want 1", len(addresses), len(alerts))
	}
	for _, r := range alerts[0].Reasons {
		if strings.HasPrefix(r.Feature, "sources") {
			return r.Value, r.Feature, alerts[0].Message
		}
	}
	t.Fatal("no reason names the sources")
	return
}

// The number of sources is as far off as linear counting in m bits is (Whang, Vander-Zanden and Taylor, A Linear-Time Probabilistic
// Counting Algorithm, 1990, theorem 3): the standard error is sqrt(m (e^(n/m) - n/m - 1)) / n. So it is for sets of neighbouring
// addresses, too. The first 31 flows of a flood come before it is watched: their addresses are not counted.
func TestSourcesOfFloods(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	const m, sets = 512, 30
	for _, n := range []int{200, 500, 1000, 2000} {
		for name, addresses := range map[string]func(first uint32) []uint32{
			"neighbouring": func(first uint32) (all []uint32) {
				for i := range n {
					all = append(all, first+uint32(i))
				}
				return all
			},
			"random": func(uint32) (all []uint32) {
				for range n {
					all = append(all, r.Uint32())
				}
				return all
			},
		} {
			counted := float64(n)
			if n > 400 { // else they come again
				counted -= promoted - 1
			}
			sum, squares := 0.0, 0.0
			for range sets {
				got, _, _ := sourcesOf(t, addresses(r.Uint32N(223<<24)))
				e := (got - counted) / counted
				sum, squares = sum+e, squares+e*e
			}
			load := counted / m
			stated := math.Sqrt(m*(math.Exp(load)-load-1)) / counted
			bias, deviation := sum/sets, math.Sqrt(squares/sets)
			// A mean of so many is off by stated/sqrt(sets), their deviation by 1/sqrt(2 sets) of it: three times that is chance.
			if math.Abs(bias) > 3*stated/math.Sqrt(sets) || deviation > stated*(1+3/math.Sqrt(2*sets)) {
				t.Errorf("%d %s addresses: mean error %.4f, deviation %.4f; the standard error is %.4f", n, name, bias, deviation, stated)
			}
		}
	}
}

// Beyond what a sketch can count there are at least so many: 512 ln 512.
func TestManySourcesAreAtLeastSoMany(t *testing.T) {
	for n, want := range map[int]struct{ feature, words string }{
		100:    {"sources", "from about "},
		20_000: {"sources_at_least", "from at least 3194 addresses"},
	} {
		var addresses []uint32
		for i := range n {
			addresses = append(addresses, 1<<30+uint32(i)*977)
		}
		value, feature, message := sourcesOf(t, addresses)
		if feature != want.feature || !strings.Contains(message, want.words) || value > 3194 {
			t.Errorf("%d addresses: got %s", n, fmt.Sprint(value, " ", feature, " ", message))
		}
	}
}
