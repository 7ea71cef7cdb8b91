package learn

import (
	"cmp"
	"math"
	"slices"
)

// ROC counts, for each threshold that tells rows apart, what is at or above it. Rows of equal score are on the same side.
type ROC struct {
	Thresholds []float64 // distinct scores, descending; NaN is the lowest
	TP, FP     []float64 // positive and negative rows with scores of the threshold or more
	P, N       float64   // all of them
}

// NewROC returns the curve of scores, larger ones meaning positive. The caller owns it.
func NewROC(scores []float64, positive []bool) *ROC {
	order := descending(scores)
	roc := &ROC{}
	for at, i := range order {
		if positive[i] {
			roc.P++
		} else {
			roc.N++
		}
		if at+1 < len(order) && cmp.Compare(scores[order[at+1]], scores[i]) == 0 {
			continue
		}
		roc.Thresholds = append(roc.Thresholds, scores[i])
		roc.TP = append(roc.TP, roc.P)
		roc.FP = append(roc.FP, roc.N)
	}
	return roc
}

// descending returns the rows by descending score.
func descending(scores []float64) []int {
	order := make([]int, len(scores))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(scores[b], scores[a]) })
	return order
}

// AUC returns the area under the curve: the probability that a positive row has a larger score than a negative one, equal
// scores counting half. NaN where a class is missing.
func (r *ROC) AUC() float64 {
	var area, tp, fp float64
	for i := range r.TP {
		area += (r.FP[i] - fp) * (r.TP[i] + tp) / 2
		tp, fp = r.TP[i], r.FP[i]
	}
	return area / (r.P * r.N)
}

// AveragePrecision returns the mean precision over steps of recall, without interpolation; NaN without positive rows.
func (r *ROC) AveragePrecision() float64 { return r.AveragePrecisionAt(r.P / (r.P + r.N)) }

// AveragePrecisionAt is AveragePrecision where a share base of rows was positive.
func (r *ROC) AveragePrecisionAt(base float64) float64 {
	if r.P == 0 {
		return math.NaN()
	}
	var sum, tp float64
	for i := range r.TP {
		if r.TP[i] > tp {
			sum += (r.TP[i] - tp) / r.P * PrecisionAt(r.TP[i]/r.P, r.fpr(i), base)
			tp = r.TP[i]
		}
	}
	return sum
}

func (r *ROC) fpr(i int) float64 {
	if r.N == 0 {
		return 0
	}
	return r.FP[i] / r.N
}

// PrecisionAt returns the expected share of positive rows among those called so, where a share base of all rows is positive:
// NaN where none is called.
func PrecisionAt(tpr, fpr, base float64) float64 {
	return base * tpr / (base*tpr + (1-base)*fpr)
}

// Point is a threshold and what it does.
type Point struct {
	Threshold float64 `json:"threshold"` // scores at or above it are called positive
	FPR       float64 `json:"fpr"`
	TPR       float64 `json:"tpr"` // recall
	Precision float64 `json:"precision"`
}

// Points returns the curve as rates, by descending threshold, for ROC and precision-recall plots. Points between two others
// on a straight line of the ROC are left out, so a long curve becomes short. The caller owns them.
func (r *ROC) Points() []Point {
	var points []Point
	for i, t := range r.Thresholds {
		if i > 0 && i+1 < len(r.TP) && (r.TP[i+1]-r.TP[i])*(r.FP[i]-r.FP[i-1]) == (r.TP[i]-r.TP[i-1])*(r.FP[i+1]-r.FP[i]) {
			continue
		}
		points = append(points, Point{t, r.FP[i] / r.N, r.TP[i] / r.P, r.TP[i] / (r.TP[i] + r.FP[i])})
	}
	return points
}

// AtFPR is what is found at a false positive rate.
type AtFPR struct {
	Limit      float64  `json:"limit"` // the FPR that was asked for
	Resolvable bool     `json:"resolvable"`
	Threshold  float64  `json:"threshold"` // the lowest with no more than Limit; just above all scores where none of them is
	TP         int      `json:"tp"`
	FP         int      `json:"fp"`
	TPR        Interval `json:"tpr"` // Wilson's, 95 %
	FPR        Interval `json:"fpr"`
}

// resolvable is how many negative rows have to be expected above a threshold for its FPR to be known.
const resolvable = 10

// rounding is how far a product of a rate and a count may be off.
const rounding = 1e-12

// TPRAtFPR returns what the threshold with the largest TPR finds of those whose FPR is limit or less. It is not Resolvable
// with fewer than 10/limit negative rows.
func (r *ROC) TPRAtFPR(limit float64) AtFPR {
	at := AtFPR{Limit: limit, Resolvable: r.N*limit*(1+rounding) >= resolvable}
	if len(r.Thresholds) > 0 {
		at.Threshold = math.Nextafter(r.Thresholds[0], math.Inf(1))
	}
	if i := r.lastWithin(limit); i >= 0 {
		at.Threshold, at.TP, at.FP = r.Thresholds[i], int(r.TP[i]), int(r.FP[i])
	}
	at.TPR, at.FPR = Wilson(at.TP, int(r.P)), Wilson(at.FP, int(r.N))
	return at
}

// lastWithin returns the lowest threshold with an FPR of limit or less, -1 where there is none.
func (r *ROC) lastWithin(limit float64) int {
	i, _ := slices.BinarySearchFunc(r.FP, limit*r.N*(1+rounding), func(fp, most float64) int {
		if fp <= most {
			return -1
		}
		return 1
	})
	return i - 1
}

// Confusion counts rows by what they are and what they are called.
type Confusion struct {
	TP int `json:"tp"`
	FP int `json:"fp"`
	TN int `json:"tn"`
	FN int `json:"fn"`
}

// Confuse counts rows, those with scores of the threshold or more being called positive.
func Confuse(scores []float64, positive []bool, threshold float64) (c Confusion) {
	for i, s := range scores {
		switch {
		case s >= threshold && positive[i]:
			c.TP++
		case s >= threshold:
			c.FP++
		case positive[i]:
			c.FN++
		default:
			c.TN++
		}
	}
	return c
}

// TPR returns the share of positive rows that are called so: recall.
func (c Confusion) TPR() Interval { return Wilson(c.TP, c.TP+c.FN) }

// FPR returns the share of negative rows that are called positive.
func (c Confusion) FPR() Interval { return Wilson(c.FP, c.FP+c.TN) }

// Precision returns the share of positive rows among those that are called so.
func (c Confusion) Precision() Interval { return Wilson(c.TP, c.TP+c.FP) }
