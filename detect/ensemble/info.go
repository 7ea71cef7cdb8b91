package ensemble

import "github.com/weir-sensor/weir/detect"

// Info implements detect.Detector.
func (d *Detector) Info() detect.Info {
	return detect.Info{
		Name:    "ensemble",
		Watches: "scores and alerts of all other detectors",
		Idea: "Detectors measure different things in different units. The ensemble brings what they say of a host to one scale, " +
			"so that hosts can be ranked: how unusual each score is among its peers, how bad the alerts are, and, where labelled " +
			"captures were at hand, how probable it is that something is wrong. Flows that a detector scored, or that an alert names, " +
			"are weighed the same way.",
		Formula: `p of a score: (1 + usual scores as large)/(1 + usual scores); usual are the latest detect.ensemble.scores of the same
  detector and class of peers (role, ours or not, host or flow) without an alert. Beyond the largest of 1,000 or more: the tail
  share * (1 + shape (s-u)/scale)^(-1/shape), fitted above the 98th percentile u, 1e-9 at least. With fewer than 100 usual
  scores: the detector's own p, 1e-4 at least; without one and with fewer than 20 there is none
p of a detector and host: 1 - (1 - smallest p)^(scores judged)
p of a host: 1/2 - atan(mean of tan((1/2-p) pi))/pi over the detectors that judged it, each p 0.99 at most
score: 1 - (1 - 0.0001) prod (1 - belief) over the groups of detectors, of each the worst alert; belief is an assumption: info
  0.02, low 0.2, medium 0.5, high 0.9
probability: the calibration's curve of intercept + sum of weights times features (-log10 p and belief of each detector), then
  moved in logit from the calibration's share of positives to detect.ensemble.base_rate, of flows to flow_base_rate; without an
  alert it is no more than the largest share, 1/n less, with which something was wrong among the n most suspect cases without one
drift: of each detector and hour, p-values of scores without an alert, those of equal scores spread evenly, at most 4,096 and
  200 at least: the Kolmogorov-Smirnov distance from the uniform distribution, said from detect.ensemble.drift on, once a day, and not in the first 24 hours
a flow's evidence: its own scores, and the alerts that are about it or name it among their ten flows`,
		Cost:   "0.3 to 1.5 us per score; nothing per flow",
		Memory: "about 110 bytes for each of detect.ensemble.max_hosts hosts, and three quarters as many again for alerted hosts, flows and flows in alerts; 24 bytes for each detector but the first that speaks of one; 16 bytes per usual score; 32 kB per detector",
		Wrong: "What is usual is learned from what runs: an attack that goes on below all thresholds becomes usual. With few hosts " +
			"p-values cannot be small. A probability holds where traffic is like that which the calibration was fitted on; the one that " +
			"comes with weir is from a small test network.",
		Remedy: "Where drift is said day by day, what is usual changes faster than detect.ensemble.scores scores of a detector last: fewer " +
			"follow sooner. Fit a calibration on labelled captures of your own: weir train ensemble; set detect.ensemble.base_rate to the share of " +
			"hosts with which something is wrong where you are.",
		Kinds: []detect.Kind{{Name: kindDrift, Severity: detect.Informational, Doc: "A detector's scores are not distributed as they were; at most once a day."}},
	}
}
