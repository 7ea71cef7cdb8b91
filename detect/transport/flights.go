package transport

import (
	"math"
	"slices"

	"github.com/weir-sensor/weir/flowtable"
)

// Limits of obfs4's handshake, bytes, each way (obfs4's specification: padding makes them uniform within).
const minFlight, maxFlight = 141, 8192

const (
	mostFlights  = 32 // of a server that are remembered
	leastFlights = 8  // for a test

	uniformFlights = .01 // from this probability on they are taken for obfs4's: of whose servers this misses one in a hundred
)

// flights returns the bytes of the first run of each side; ok is false where the second one has not ended.
func flights(r *flowtable.Record) (bytes [2]int32, ok bool) {
	n, up := 0, false
	for _, size := range r.Features.Sizes[:r.Features.SPLT] {
		if n == 0 || size > 0 != up {
			if n == 2 {
				return bytes, true
			}
			up = size > 0
			n++
		}
		bytes[n-1] += max(size, -size)
	}
	return bytes, false
}

// inHandshake says whether a first flight is as long as one of obfs4's handshake.
func inHandshake(bytes int32) bool { return bytes >= minFlight && bytes <= maxFlight }

// lengths are those of the first flights of a server's clients, its first mostFlights hits, of those as long as obfs4's.
type lengths struct {
	n     uint8
	bytes [mostFlights]uint16
}

func (l *lengths) add(bytes int32) {
	if l.n < mostFlights && inHandshake(bytes) {
		l.bytes[l.n] = uint16(bytes)
		l.n++
	}
}

// uniform returns the probability that lengths which are uniform from minFlight to maxFlight, as those of obfs4's padding are,
// differ from that as much as these (Kolmogorov-Smirnov, exact for a continuous distribution); NaN of fewer than leastFlights.
func (l *lengths) uniform() float64 {
	if l.n < leastFlights {
		return math.NaN()
	}
	sorted := l.bytes
	slices.Sort(sorted[:l.n])
	n, d := float64(l.n), 0.0
	for i, b := range sorted[:l.n] {
		f := (float64(b) - minFlight) / (maxFlight - minFlight)
		d = max(d, f-float64(i)/n, float64(i+1)/n-f)
	}
	return 1 - kolmogorov(int(l.n), d)
}

// kolmogorov returns the probability that the Kolmogorov-Smirnov statistic of n values is below d: Marsaglia, Tsang and Wang,
// Evaluating Kolmogorov's Distribution, 2003, for some tens of values, without their scaling.
func kolmogorov(n int, d float64) float64 {
	switch {
	case d <= 0:
		return 0
	case d >= 1:
		return 1
	}
	k := int(float64(n)*d) + 1
	m, h := 2*k-1, float64(k)-float64(n)*d
	a := make([]float64, m*m) // i+1 < j: 0
	for i := range m {
		for j := range min(i+2, m) {
			a[i*m+j] = 1
		}
	}
	for i := range m {
		a[i*m] -= math.Pow(h, float64(i+1))
		a[(m-1)*m+i] -= math.Pow(h, float64(m-i))
	}
	a[(m-1)*m] += math.Pow(max(2*h-1, 0), float64(m))
	for i := range m {
		for j := range min(i+2, m) {
			for g := 2; g <= i-j+1; g++ {
				a[i*m+j] /= float64(g)
			}
		}
	}
	result := power(a, m, n)[(k-1)*m+k-1]
	for i := 1; i <= n; i++ {
		result *= float64(i) / float64(n)
	}
	return result
}

// power returns the n-th power, 1 or more, of a square matrix of m rows.
func power(a []float64, m, n int) []float64 {
	if n == 1 {
		return a
	}
	p := power(a, m, n/2)
	if p = product(p, p, m); n%2 == 1 {
		p = product(p, a, m)
	}
	return p
}

// product multiplies two square matrices of m rows.
func product(a, b []float64, m int) []float64 {
	c := make([]float64, m*m)
	for i := range m {
		for g := range m {
			for j, x := range b[g*m : (g+1)*m] {
				c[i*m+j] += a[i*m+g] * x
			}
		}
	}
	return c
}
