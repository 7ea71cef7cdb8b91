package scan

import "math"

// walk is the threshold random walk with its constants in logarithms: a failure adds fail, a success takes ok away; at or
// above scanner the source is one, at or below benign it is not.
type walk struct{ fail, ok, scanner, benign float32 }

func newWalk(c Config) walk {
	return walk{
		fail:    float32(math.Log((1 - c.Theta1) / (1 - c.Theta0))),
		ok:      float32(math.Log(c.Theta1 / c.Theta0)),
		scanner: float32(math.Log(c.Beta / c.Alpha)),
		benign:  float32(math.Log((1 - c.Beta) / (1 - c.Alpha))),
	}
}

// step returns where the walk stands after a contact. Page's form never falls below zero; the classic one does, and starts
// again where the source is benign. Neither climbs further than twice the threshold, so that a source can be acquitted.
func (w *walk) step(at float32, failed, classic bool) float32 {
	if failed {
		return min(at+w.fail, 2*w.scanner)
	}
	at += w.ok
	if !classic {
		return max(at, 0)
	}
	if at <= w.benign {
		return 0
	}
	return at
}
