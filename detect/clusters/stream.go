package clusters

import (
	"math"
	"slices"

	"github.com/weir-sensor/weir/detect"
)

const (
	recent     = 4096 // rows whose distances are remembered
	usual      = 0.99 // quantile of those distances
	leastUsual = 0.01 // at least so much is usual, variances
)

// stream is what the method pca knows: a plane near which rows were, and how near.
type stream struct {
	space *Subspace
	plane plane
	known bool       // there is a plane
	q, t2 []float64  // distances of the last rows from the plane, and along it
	place int        // of the oldest of them, once there are as many as are remembered
	ended int64      // when the last batch did, ns
	limit [2]float64 // what is usual of q and t2
}

func newStream(dims int) *stream { return &stream{space: NewSubspace(dims)} }

// judge returns how far each row is from where rows were in the batches before, 1 being what 99 of 100 kept below, and
// learns the rows; nil where too little is known yet. Rows further out than 1 count for less, in proportion: a lasting change is learnt, a
// few odd rows are not.
func (s *stream) judge(rows []float64, cfg *Config, end int64) (scores []float64) {
	dims := s.space.dims
	if s.ended != 0 {
		s.space.Forget(math.Exp2(-float64(end-s.ended) / float64(cfg.HalfLife)))
	}
	s.ended = end
	before, judged := s.plane, s.known && s.space.Weight() >= float64(cfg.MinFlows)
	if judged {
		s.limit = [2]float64{atMost(s.q), atMost(s.t2)}
	}
	for at := 0; at < len(rows); at += dims {
		weight := 1.0
		if row := rows[at : at+dims]; judged {
			q, t2 := before.residual(row, cfg.Components)
			scores = append(scores, max(q/s.limit[0], t2/s.limit[1]))
			weight = 1 / max(1, scores[len(scores)-1])
			s.remember(q, t2)
		}
		s.space.Add(rows[at:at+dims], weight)
	}
	s.plane, s.known = s.space.plane()
	for at := 0; at < len(rows) && !judged && s.known; at += dims {
		s.remember(s.plane.residual(rows[at:at+dims], cfg.Components))
	}
	return scores
}

// atMost returns what is usual of distances.
func atMost(distances []float64) float64 {
	return max(leastUsual, detect.Quantile(slices.Clone(distances), usual))
}

// remember puts the distances of a row in the place of the oldest.
func (s *stream) remember(q, t2 float64) {
	if len(s.q) < recent {
		s.q, s.t2 = append(s.q, q), append(s.t2, t2)
		return
	}
	s.q[s.place], s.t2[s.place] = q, t2
	s.place = (s.place + 1) % recent
}
