package learn

import (
	"cmp"
	"math/rand/v2"
	"slices"
)

// Numbers returns a number from 0 for each key, the same for equal ones, in the order in which they first come. The caller
// owns them.
func Numbers[K comparable](keys []K) []int {
	numbers, of := make([]int, len(keys)), map[K]int{}
	for i, k := range keys {
		n, ok := of[k]
		if !ok {
			n = len(of)
			of[k] = n
		}
		numbers[i] = n
	}
	return numbers
}

// Folds returns for each row which of k folds it is in, 0 to k-1: all rows of a group in the same one, and both classes
// spread over the folds as evenly as that allows. The seed decides between equals. The caller owns them.
func Folds(groups []int, positive []bool, k int, seed uint64) []int {
	numbers := Numbers(groups)
	var sizes [][2]int // negative and positive rows of each group
	for i, g := range numbers {
		if g == len(sizes) {
			sizes = append(sizes, [2]int{})
		}
		sizes[g][class(positive[i])]++
	}
	r := rand.New(rand.NewPCG(seed, 0))
	order := r.Perm(len(sizes))
	slices.SortStableFunc(order, func(a, b int) int { // large ones first, while all folds have room
		return cmp.Or(cmp.Compare(sizes[b][1], sizes[a][1]), cmp.Compare(sizes[b][0], sizes[a][0]))
	})
	fold, filled := make([]int, len(sizes)), make([][2]int, k)
	for _, g := range order {
		fold[g] = emptiest(filled, sizes[g])
		filled[fold[g]][0] += sizes[g][0]
		filled[fold[g]][1] += sizes[g][1]
	}
	for i, g := range numbers {
		numbers[i] = fold[g]
	}
	return numbers
}

// emptiest returns the fold with the fewest rows of the rarest class in a group, of those the one with the fewest of the other.
func emptiest(folds [][2]int, group [2]int) int {
	first := class(group[1] > 0)
	best := 0
	for i, f := range folds {
		if cmp.Or(cmp.Compare(f[first], folds[best][first]), cmp.Compare(f[1-first], folds[best][1-first])) < 0 {
			best = i
		}
	}
	return best
}

// HoldOut splits rows by several keys at once, a server and a run for example: of each key some values are held out, given as
// one bool a row. Test rows are held out by every key, training rows by none, so that they have no value of any key in common;
// the others are left out. The caller owns both.
func HoldOut(held ...[]bool) (train, test []int) {
	if len(held) == 0 {
		return nil, nil
	}
	for i := range held[0] {
		n := 0
		for _, h := range held {
			n += class(h[i])
		}
		switch n {
		case 0:
			train = append(train, i)
		case len(held):
			test = append(test, i)
		}
	}
	return train, test
}

// InFold returns for each row whether it is in a fold.
func InFold(folds []int, fold int) []bool {
	in := make([]bool, len(folds))
	for i, f := range folds {
		in[i] = f == fold
	}
	return in
}

func class(positive bool) int {
	if positive {
		return 1
	}
	return 0
}
