package covertmark

import (
	"fmt"
	"math"
)

// Rates are what a strategy does to packets (of the SGD strategy: to flows).
type Rates struct {
	Positives int `json:"positives"` // examined
	TP        int `json:"tp"`
	Negatives int `json:"negatives"` // examined
	FP        int `json:"fp"`
	Others    int `json:"others"`  // negative packets that were not examined
	Servers   int `json:"servers"` // of negative packets, examined or not
	Blocked   int `json:"blocked"` // of those: with a packet that was called positive
}

func (r *Rates) add(o Rates) {
	r.Positives += o.Positives
	r.TP += o.TP
	r.Negatives += o.Negatives
	r.FP += o.FP
	r.Others += o.Others
	r.Servers += o.Servers
	r.Blocked += o.Blocked
}

// TPR returns the share of examined positive packets that are called positive.
func (r Rates) TPR() float64 { return share(r.TP, r.Positives) }

// FPR returns the share of examined negative packets that are called positive.
func (r Rates) FPR() float64 { return share(r.FP, r.Negatives) }

// FPRAll is FPR of all negative packets, as CovertMark has it.
func (r Rates) FPRAll() float64 { return share(r.FP, r.Negatives+r.Others) }

// BlockRate returns the share of servers of negative packets that blocking what is called positive would cut off.
func (r Rates) BlockRate() float64 { return share(r.Blocked, r.Servers) }

func share(k, n int) float64 {
	if n == 0 {
		return 0
	}
	return float64(k) / float64(n)
}

// What a strategy must do for CovertMark to give it a score.
const (
	leastTPR = .333
	mostFPR  = .05
)

// Score is CovertMark's: 0 to 100, larger where a strategy finds a transport with less harm, and what takes away from 100.
// It is 0 where the strategy finds too little or harms too much.
type Score struct {
	Score    float64 `json:"score"`
	Eligible bool    `json:"eligible"` // TPR of 0.333 or more, FPR of 0.05 or less
	Missed   float64 `json:"missed"`   // penalties, as shares of the whole: for what other settings find more
	Alarms   float64 `json:"alarms"`   // for the FPR above 0.0025
	Blocked  float64 `json:"blocked"`  // for servers cut off
	Strategy float64 `json:"strategy"` // for how much the strategy depends on its settings: a factor of 1 less this
}

// NewScore returns the score of rates where the best settings find bestTPR, with the strategy's own penalty, 0 to 1.
// CovertMark's penalty for running time is left out: it depends on the machine.
func NewScore(r Rates, bestTPR, penalty float64) Score {
	whole := math.Log1p(100)
	s := Score{Eligible: r.TPR() >= leastTPR && r.FPR() <= mostFPR,
		Missed:   .1 * math.Log1p(100*max(0, bestTPR-r.TPR())) / whole,
		Alarms:   .4 * math.Log1p(100*max(0, r.FPR()-.0025)) / whole,
		Blocked:  .25 * math.Log1p(100*r.BlockRate()) / whole,
		Strategy: min(max(penalty, 0), 1)}
	if s.Eligible {
		s.Score = 100 * (1 - s.Missed - s.Alarms - s.Blocked) * (1 - s.Strategy)
	}
	return s
}

// Band returns CovertMark's words for how well a transport hides from a strategy with such a score.
func (s Score) Band() string {
	switch {
	case s.Score < 75:
		return "good"
	case s.Score < 90:
		return "reasonable"
	}
	return "bad"
}

// String returns the score with what took away from 100.
func (s Score) String() string {
	if !s.Eligible {
		return "none: TPR below 0.333 or FPR above 0.05"
	}
	return fmt.Sprintf("%.1f (covertness %s; penalties: missed %.3f, alarms %.3f, blocked %.3f, strategy %.3f)",
		s.Score, s.Band(), s.Missed, s.Alarms, s.Blocked, s.Strategy)
}
