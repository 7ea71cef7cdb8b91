package learn

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// No group is in two folds, and neither class is missing where there are enough groups of it.
func TestFoldsKeepGroupsTogether(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		groups := rapid.SliceOfN(rapid.IntRange(-5, 30), 1, 200).Draw(t, "groups")
		k := rapid.IntRange(2, 6).Draw(t, "k")
		positive := make([]bool, len(groups))
		for i := range positive {
			positive[i] = rapid.Bool().Draw(t, "positive")
		}
		folds := Folds(groups, positive, k, rapid.Uint64().Draw(t, "seed"))
		of, with := map[int]int{}, map[int]bool{}
		positives := map[int]bool{}
		for i, f := range folds {
			if before, ok := of[groups[i]]; ok && before != f || f < 0 || f >= k {
				t.Fatalf("group %d is in folds %d and %d", groups[i], before, f)
			}
			of[groups[i]] = f
			if positive[i] {
				with[f], positives[groups[i]] = true, true
			}
		}
		if want := min(k, len(positives)); len(with) != want {
			t.Fatalf("%d folds have positive rows, want %d", len(with), want)
		}
	})
}

func TestFoldsAreEvenAndSeeded(t *testing.T) {
	groups, positive := make([]int, 1000), make([]bool, 1000)
	for i := range groups {
		groups[i] = i / 10
		positive[i] = groups[i]%5 == 0
	}
	first := Folds(groups, positive, 5, 1)
	for fold := range 5 {
		var counts [2]int
		for i, f := range first {
			if f == fold {
				counts[class(positive[i])]++
			}
		}
		if counts != [2]int{160, 40} {
			t.Errorf("fold %d has %v rows", fold, counts)
		}
	}
	if !slices.Equal(first, Folds(groups, positive, 5, 1)) {
		t.Error("the same seed gives other folds")
	}
	if slices.Equal(first, Folds(groups, positive, 5, 2)) {
		t.Error("another seed gives the same folds")
	}
}

func TestHoldOutByServerAndRun(t *testing.T) {
	server, run := []int{0, 0, 1, 1, 2, 2}, []int{0, 1, 0, 1, 0, 1}
	train, test := HoldOut(InFold(server, 1), InFold(run, 1))
	if !slices.Equal(train, []int{0, 4}) || !slices.Equal(test, []int{3}) {
		t.Errorf("got %v and %v", train, test)
	}
}
