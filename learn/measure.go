package learn

import (
	"cmp"
	"math"
	"slices"
)

// Brier returns the mean squared difference of probabilities and what happened; 0 is best, NaN where there is nothing.
func Brier(probabilities []float64, happened []bool) float64 {
	var sum float64
	for i, p := range probabilities {
		d := p - outcome(happened[i])
		sum += d * d
	}
	return sum / float64(len(probabilities))
}

// LogLoss returns the mean of -ln of the probability of what happened, each kept 1e-15 away from 0 and 1; NaN where there is
// nothing.
func LogLoss(probabilities []float64, happened []bool) float64 {
	var sum float64
	for i, p := range probabilities {
		p = min(max(p, 1e-15), 1-1e-15)
		if !happened[i] {
			p = 1 - p
		}
		sum -= math.Log(p)
	}
	return sum / float64(len(probabilities))
}

// Bin is a row of a reliability table: of N cases the mean probability, and the share that happened.
type Bin struct {
	N           int     `json:"n"`
	Probability float64 `json:"probability"`
	Happened    float64 `json:"happened"`
}

// Reliability returns the reliability table in bins of equal mass, by ascending probability: case i of n in that order is
// in bin i*bins/n. Equal probabilities are in the order given. The caller owns it.
func Reliability(probabilities []float64, happened []bool, bins int) []Bin {
	n := len(probabilities)
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(probabilities[a], probabilities[b]) })
	table := make([]Bin, bins)
	for i, at := range order {
		b := &table[i*bins/n]
		b.N++
		b.Probability += probabilities[at]
		b.Happened += outcome(happened[at])
	}
	table = slices.DeleteFunc(table, func(b Bin) bool { return b.N == 0 })
	for i := range table {
		table[i].Probability /= float64(table[i].N)
		table[i].Happened /= float64(table[i].N)
	}
	return table
}

// ECEBins is how many bins of equal mass ECE is said with.
const ECEBins = 15

// ECE returns the expected calibration error: the mean over all cases of how far their bin's mean probability is from the
// share that happened. NaN where there is nothing.
func ECE(probabilities []float64, happened []bool, bins int) float64 {
	var sum float64
	for _, b := range Reliability(probabilities, happened, bins) {
		sum += float64(b.N) * math.Abs(b.Probability-b.Happened)
	}
	return sum / float64(len(probabilities))
}

func outcome(happened bool) float64 {
	if happened {
		return 1
	}
	return 0
}
