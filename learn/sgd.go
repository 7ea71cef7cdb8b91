package learn

import "math"

// SGD fits a linear classifier by stochastic gradient descent: hinge loss, L1 penalty, columns scaled. It gives what
// scikit-learn's SGDClassifier(loss="hinge", penalty="l1", learning_rate="optimal") gives with the same random_state.
type SGD struct {
	Alpha     float64 // weight of the penalty; more than 0
	MaxEpochs int     // at least 1
	Tolerance float64 // an epoch is better when its mean loss is smaller by so much than the best; 0 or more
	Patience  int     // stop after so many epochs that are not; at least 1
	Balanced  bool    // both classes weigh the same
	Seed      uint32  // of the order of rows; scikit-learn's random_state
}

// DefaultSGD returns the settings of CovertMark's strategy.
func DefaultSGD() SGD {
	return SGD{Alpha: 1e-4, MaxEpochs: 5000, Tolerance: 1e-3, Patience: 5, Balanced: true, Seed: 1}
}

// Validate says what is wrong.
func (c SGD) Validate() error {
	return firstWrong(
		limit{"alpha", c.Alpha, c.Alpha > 0 && !math.IsInf(c.Alpha, 0), "more than 0"},
		limit{"max_epochs", float64(c.MaxEpochs), c.MaxEpochs >= 1, "at least 1"},
		limit{"tolerance", c.Tolerance, c.Tolerance >= 0, "0 or more"},
		limit{"patience", float64(c.Patience), c.Patience >= 1, "at least 1"})
}

// Fit returns the classifier of rows. Its scores are distances from the border in units of the margin: no log-odds before it
// is calibrated.
func (c SGD) Fit(rows *Rows) (*Model, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if err := rows.check(); err != nil {
		return nil, err
	}
	scaler := NewScaler(rows)
	weights, share := rows.weights(c.Balanced)
	s := descent{SGD: c, x: scaler.Apply(rows), positive: rows.Positive, weights: weights,
		w: make([]float64, len(rows.Columns)), paid: make([]float64, len(rows.Columns))}
	s.run()
	return newLinear(KindSGD, rows.Columns, scaler, s.w, s.b, share)
}

// descent is the state of a run of SGD.
type descent struct {
	SGD
	x        []float64 // scaled
	positive []bool
	weights  []float64
	w        []float64
	b        float64
	step     float64   // from 0
	owed     float64   // penalty that every weight should have paid by now
	paid     []float64 // what each has
}

func (s *descent) run() {
	order := make([]int, len(s.positive))
	for i := range order {
		order[i] = i
	}
	seed := secondOfMersenneTwister(s.Seed) & math.MaxInt32 // the first one is of no use to scikit-learn here
	best, worse := math.Inf(1), 0
	for range s.MaxEpochs {
		shuffle(order, seed)
		var loss float64
		for _, i := range order {
			loss += s.learn(i)
		}
		if loss > best-s.Tolerance*float64(len(order)) {
			worse++
		} else {
			worse = 0
		}
		best = min(best, loss)
		if worse >= s.Patience {
			return
		}
	}
}

// learn moves the weights by one row and returns its loss before. The learning rate is Bottou's, 1/(alpha (t0 + t)), with t0
// so that the first step is that of typical weights.
func (s *descent) learn(i int) (loss float64) {
	row, y := s.x[i*len(s.w):(i+1)*len(s.w)], -1.0
	if s.positive[i] {
		y = 1
	}
	score := s.b
	for j, x := range row {
		score += s.w[j] * x
	}
	typical := math.Sqrt(1 / math.Sqrt(s.Alpha))
	rate := 1 / (s.Alpha * (1/(typical*s.Alpha) + s.step))
	if y*score <= 1 {
		loss = 1 - y*score
		move := rate * y * s.weights[i]
		for j, x := range row {
			s.w[j] += move * x
		}
		s.b += move
	}
	s.step++
	s.owed += rate * s.Alpha
	s.penalise()
	return loss
}

// penalise moves each weight towards 0 by what it owes of the L1 penalty, and not across (Tsuruoka, Tsujii and Ananiadou
// 2009, "Stochastic gradient descent training for L1-regularized log-linear models with cumulative penalty").
func (s *descent) penalise() {
	for j, w := range s.w {
		switch {
		case w > 0:
			s.w[j] = max(0, w-(s.owed+s.paid[j]))
		case w < 0:
			s.w[j] = min(0, w+(s.owed-s.paid[j]))
		}
		s.paid[j] += s.w[j] - w
	}
}

// shuffle permutes what the epoch before left, by Marsaglia's xorshift generator of 32 bits from the same seed each time.
func shuffle(order []int, seed uint32) {
	if seed == 0 {
		seed = 1
	}
	for i := range len(order) - 1 {
		seed ^= seed << 13
		seed ^= seed >> 17
		seed ^= seed << 5
		j := i + int(seed&math.MaxInt32)%(len(order)-i)
		order[i], order[j] = order[j], order[i]
	}
}

// secondOfMersenneTwister returns the second number of MT19937 from a seed (Matsumoto and Nishimura 1998).
func secondOfMersenneTwister(seed uint32) uint32 {
	const middle = 397
	var state [middle + 2]uint32
	state[0] = seed
	for i := 1; i < len(state); i++ {
		state[i] = 1812433253*(state[i-1]^state[i-1]>>30) + uint32(i)
	}
	y := state[1]&(1<<31) | state[2]&(1<<31-1)
	v := state[1+middle] ^ y>>1 ^ (y&1)*0x9908b0df
	v ^= v >> 11
	v ^= v << 7 & 0x9d2c5680
	v ^= v << 15 & 0xefc60000
	return v ^ v>>18
}
