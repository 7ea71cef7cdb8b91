package pairs

import (
	"testing"
	"time"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/internal/detecttest"
)

// Batches of 100,000 flows: among 2,000 pairs, and each of another pair, as in a flood from spoofed addresses, of which five
// times as many come as there is room for.
func BenchmarkFlows(b *testing.B) {
	for _, c := range []struct {
		name         string
		pairs, flows int
	}{{"mix", 2000, 100_000}, {"new pairs", 100_000, 100_000}, {"flood", 500_000, 500_000}} {
		b.Run(c.name, func(b *testing.B) {
			d := New(DefaultConfig())
			r := flow{hour, 0, 2, 80, 100, 100, false}.record(1)
			f := []detect.Flow{{Record: &r}}
			for i := 0; b.Loop(); i++ {
				start := int64(hour) + int64(i)*int64(every)
				for n := range c.flows {
					r.Client = host(n % c.pairs)
					f[0].Time = start + int64(time.Duration(n)*time.Microsecond)
					f[0].ClientHash = detect.Mix(7, r.Client.Lo)
					f[0].PairHash = detect.Mix(f[0].ClientHash, 2)
					d.Flows(f, detecttest.Nowhere{})
				}
				d.CloseBatch(detect.Batch{Start: start, End: start + int64(every), Every: every}, detecttest.Nowhere{})
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(c.flows), "ns/flow")
		})
	}
}
