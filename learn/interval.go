package learn

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
)

// Interval is an estimate and where the truth may be, at 95 %. What is not known is NaN, null in JSON.
type Interval struct {
	Value, Low, High float64
}

// MarshalJSON writes value, low and high as a list.
func (i Interval) MarshalJSON() ([]byte, error) {
	var list [3]*float64
	for k, v := range []float64{i.Value, i.Low, i.High} {
		if finite(v) {
			list[k] = &v
		}
	}
	return json.Marshal(list)
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (i *Interval) UnmarshalJSON(data []byte) error {
	var list [3]*float64
	if err := json.Unmarshal(data, &list); err != nil {
		return err
	}
	for k, to := range []*float64{&i.Value, &i.Low, &i.High} {
		*to = math.NaN()
		if list[k] != nil {
			*to = *list[k]
		}
	}
	return nil
}

// normal975 is the 97.5 % quantile of the normal distribution.
const normal975 = 1.959963984540054

// Wilson returns the share k/n with Wilson's score interval at 95 % (Wilson 1927): rows are independent. All NaN where n is 0.
func Wilson(k, n int) Interval {
	const z2 = normal975 * normal975
	p, m := float64(k)/float64(n), float64(n)
	centre := (p + z2/(2*m)) / (1 + z2/m)
	half := normal975 / (1 + z2/m) * math.Sqrt(p*(1-p)/m+z2/(4*m*m))
	i := Interval{p, max(centre-half, 0), min(centre+half, 1)}
	if k == 0 && n > 0 {
		i.Low = 0 // but for rounding
	}
	if k == n && n > 0 {
		i.High = 1
	}
	return i
}

// Bootstrapped are intervals over other draws of the groups: servers, say, whose rows are alike.
type Bootstrapped struct {
	AUC   Interval   `json:"auc"`
	TPR   []Interval `json:"tpr"`   // at each FPR asked for
	Draws int        `json:"draws"` // that had both classes; others say nothing
}

// Bootstrap draws as many groups as there are, with replacement, and measures their rows, so many times: the intervals are
// from the 2.5 % to the 97.5 % quantile. nil groups are each row its own.
func Bootstrap(scores []float64, positive []bool, groups []int, limits []float64, draws int, seed uint64) Bootstrapped {
	roc, of := NewROC(scores, positive), make([]int, len(scores)) // of: number of each row's group
	if groups == nil {
		for i := range of {
			of[i] = i
		}
	} else {
		of = Numbers(groups)
	}
	b := resampler{order: descending(scores), scores: scores, positive: positive, of: of,
		draw: ROC{Thresholds: roc.Thresholds, TP: slices.Clone(roc.TP), FP: slices.Clone(roc.FP)}}
	if len(of) > 0 {
		b.times = make([]float64, slices.Max(of)+1)
	}
	aucs, tprs := []float64{}, make([][]float64, len(limits))
	r := rand.New(rand.NewPCG(seed, 0))
	for range draws {
		b.next(r)
		if b.draw.P == 0 || b.draw.N == 0 {
			continue
		}
		aucs = append(aucs, b.draw.AUC())
		for k, limit := range limits {
			tprs[k] = append(tprs[k], b.draw.tprWithin(limit))
		}
	}
	result := Bootstrapped{AUC: percentiles(roc.AUC(), aucs), Draws: len(aucs)}
	for k, limit := range limits {
		result.TPR = append(result.TPR, percentiles(roc.tprWithin(limit), tprs[k]))
	}
	return result
}

// resampler makes the curves of draws, without sorting again.
type resampler struct {
	order    []int
	scores   []float64
	positive []bool
	of       []int
	times    []float64 // that each group was drawn
	draw     ROC
}

func (b *resampler) next(r *rand.Rand) {
	clear(b.times)
	for range b.times {
		b.times[r.IntN(len(b.times))]++
	}
	d, at := &b.draw, 0
	d.P, d.N = 0, 0
	for _, i := range b.order {
		if b.scores[i] < d.Thresholds[at] || b.scores[i] != b.scores[i] && d.Thresholds[at] == d.Thresholds[at] {
			at++
		}
		if b.positive[i] {
			d.P += b.times[b.of[i]]
		} else {
			d.N += b.times[b.of[i]]
		}
		d.TP[at], d.FP[at] = d.P, d.N
	}
}

func (r *ROC) tprWithin(limit float64) float64 {
	if i := r.lastWithin(limit); i >= 0 {
		return r.TP[i] / r.P
	}
	return 0 / r.P
}

// percentiles returns a value with the 2.5 % and 97.5 % quantiles of others, interpolated linearly. It sorts them.
func percentiles(value float64, of []float64) Interval {
	slices.Sort(of)
	at := func(q float64) float64 {
		if len(of) == 0 {
			return math.NaN()
		}
		h := q * float64(len(of)-1)
		i := int(h)
		return of[i] + (h-float64(i))*(of[min(i+1, len(of)-1)]-of[i])
	}
	return Interval{value, at(.025), at(.975)}
}
