package clusters

import (
	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/detect/sample"
)

// Info implements detect.Detector.
func (d *Detector) Info() detect.Info {
	return detect.Info{
		Name:    "clusters",
		Watches: "the flows, 5-tuples or pairs of the whole input, or of batches",
		Idea: "Flows fall into kinds: look-ups, pages, downloads, polls. A flow that is far from every kind is worth a look by somebody " +
			"who studies a capture. It is off by default, since every capture has such flows.",
		Formula: "rows: flow records written in the batch (flows); what those of a 5-tuple add up to (tuples), or those of a client and a server in 10 s (pairs)\n" +
			sample.AllColumnNames() + "\n" +
			"x = (log(1+value) - mean) / standard deviation; with components, the first of PCA over x\n" +
			"kmeans: Lloyd's iteration from k-means++, the best of 10; minibatch: the same of 3072 flows, then batches of 1024\n" +
			"in random order, each flow takes its centre c += (x - c) / flows that c had, 10 passes at most; mean_shift: flat kernel of radius bandwidth\n" +
			"pca: (log(1+value) - mean) / standard deviation, both and the correlations of the batches before, half as weighty every half_life;\n" +
			"Q = squared distance from the plane of the first components, T2 = sum of t^2/lambda along them\n" +
			"score: with pca max(Q / its 99 % quantile, T2 / its 99 % quantile) of the last 4096 flows; else distance to the nearest centre of 5 flows or more / median distance of the flows nearest to that centre\n" +
			"alert: score above far, the max_alerts furthest\n" +
			"Lloyd (1982); Arthur and Vassilvitskii, SODA 2007; Sculley, WWW 2010; Comaniciu and Meer, IEEE PAMI 24(5), 2002; West, CACM 22(9), 1979.",
		Cost:   "per flow a copy of its columns; at the end flows x k x steps x 10 for k-means, flows x cells x steps for mean shift",
		Memory: "72 bytes and 8 per column for each of max_flows flows, and some times that while they are clustered: 4 MB with the defaults. Of more flows a random sample is kept, the same in every run, and scores are degraded. Tuples and pairs are summed up in tables of max_flows, as for density.",
		Wrong:  "The number of clusters is a guess, and so is the bandwidth. Clusters are taken for round. Whoever sends many odd flows makes a kind of them, and moves the plane of pca, slowly.",
		Remedy: "Choose columns, k and far for the question at hand; set batch to compare flows with those of the same hour only.",
		Kinds: []detect.Kind{
			{Name: "outlier", Severity: detect.Informational, Doc: "A flow (with rows: tuples or pairs, a 5-tuple or a client and a server in 10 s) is far from every kind."},
		},
	}
}
