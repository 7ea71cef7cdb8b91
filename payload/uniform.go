package payload

import "math"

// Distinct returns the mean, over all windows of so many bytes in a row, of the share of different byte values in a window:
// 1/window..1. Of random bytes it is RandomDistinct(window). It is NaN for fewer bytes than one window. window is above 0.
func Distinct(b []byte, window int) float64 {
	if len(b) < window {
		return math.NaN()
	}
	var counts [256]int
	distinct, sum := 0, 0
	for i, v := range b {
		if i >= window {
			old := b[i-window]
			if counts[old]--; counts[old] == 0 {
				distinct--
			}
		}
		if counts[v]++; counts[v] == 1 {
			distinct++
		}
		if i >= window-1 {
			sum += distinct
		}
	}
	return float64(sum) / float64(len(b)-window+1) / float64(window)
}

// RandomDistinct returns the mean share of different values in so many random bytes, 256 (1 - (255/256)^n) / n.
func RandomDistinct(n int) float64 { return 256 * (1 - math.Pow(255.0/256, float64(n))) / float64(n) }

// KolmogorovSmirnov returns the largest distance between the share of bytes up to a value and what it is with equally likely
// values, 0..1. It is NaN for no bytes.
func KolmogorovSmirnov(b []byte) float64 {
	var counts [256]int
	for _, v := range b {
		counts[v]++
	}
	below, most := 0, 0 // most is in parts of 256*len(b)
	for v, c := range counts {
		below += c
		most = max(most, 256*below-(v+1)*len(b), (v+1)*len(b)-256*below)
	}
	return float64(most) / 256 / float64(len(b))
}
