package research

import (
	"fmt"

	"github.com/weir-sensor/weir/learn"
)

// Figures say how good a classifier was on cases that it was not fitted to.
type Figures struct {
	Data  DataReport     `json:"data"`
	Split string         `json:"split"`
	AUC   learn.Interval `json:"auc"` // interval by drawing servers
	TPR   []MethodAt     `json:"tpr_at_fpr"`
	Brier float64        `json:"brier"`
	ECE   float64        `json:"ece"`
}

// NewFigures returns the figures of scores of held-out cases.
func NewFigures(d *Dataset, h *Heldout, f Fitting) *Figures {
	positive := keys(d, func(c *Case) bool { return c.Positive })
	drawn := learn.Bootstrap(h.Scores, positive, d.Groups("server"), limits(), DefaultJudging().Draws, f.Seed)
	roc := learn.NewROC(h.Scores, positive)
	r := &Figures{Data: d.report(), Split: f.Split, AUC: drawn.AUC}
	for i, limit := range limits() {
		r.TPR = append(r.TPR, MethodAt{limit, roc.TPRAtFPR(limit).Resolvable, drawn.TPR[i]})
	}
	curve := learn.FitCurve(h.Scores, positive)
	p := make([]float64, len(h.Scores))
	for i, s := range h.Scores {
		p[i] = curve.At(s)
	}
	r.Brier, r.ECE = learn.Brier(p, positive), learn.ECE(p, positive, learn.ECEBins)
	return r
}

// Text returns the figures to read.
func (f *Figures) Text() string {
	s := fmt.Sprintf("fitted to %d positive %s of %d servers and %d negative of %d\nheld out by %s: AUC %s", f.Data.Positive, unit(f.Data.Of),
		f.Data.PositiveServers, f.Data.Negative, f.Data.NegativeServers, f.Split, interval(f.AUC))
	for _, at := range f.TPR {
		s += fmt.Sprintf(", TPR at FPR %g %%: %s", 100*at.Limit, at.text())
	}
	return s + fmt.Sprintf("\nBrier %.4f, expected calibration error %.4f\n", f.Brier, f.ECE)
}
