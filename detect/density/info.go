package density

import (
	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/detect/sample"
)

// Info implements detect.Detector.
func (d *Detector) Info() detect.Info {
	return detect.Info{
		Name:    "density",
		Watches: "1 min batches of flows, 5-tuples or pairs",
		Idea: "Flows of a minute form dense groups; one that lies far from all of them (many more bytes than any other, say) is " +
			"worth a look. It knows neither what is good nor what is bad, so it mostly gives scores for the ensemble.",
		Formula: "rows: flow records written in the minute (flows); what those of a 5-tuple add up to (tuples), or those of a client and a server in 10 s (pairs)\n" +
			sample.AllColumnNames() + "\n" +
			"plain: (x - mean) / population standard deviation; robust: (log(1+x) - median) / (IQR / 1.349)\n" +
			"DBSCAN with eps and min_samples on each (scikit-learn's labels); outlier: label -1 in one of them\n" +
			"score: distance to the nearest core, after scaling; the larger one\n" +
			"alert: the furthest outlier of a whole minute, once flows_per_alert flows were judged since the last alert\n" +
			"Ester, Kriegel, Sander, Xu: A Density-Based Algorithm for Discovering Clusters (KDD 1996).",
		Cost: "per flow a copy of its columns; per minute one sort by bytes, O(n), of one column, a k-d tree over several: 15 ms for 100,000 flows and one column, 100 ms for two, 145 ms for four (go test ./detect/density -bench Cluster). A flow costs 5 ns, 190 where rows are tuples, 150 where they are pairs (go test ./detect/sample -bench Add)",
		Memory: "72 bytes and 8 per column for each of max_flows flows, and as much again for judging them, or three times that where there are several columns: 8 MB with the defaults. Of more flows a random sample is kept, the same in every run, and scores are degraded. What is summed up for tuples or pairs is bounded by max_flows, too: with the defaults and four columns 24 MB are held for tuples, 57 for pairs " +
			"(go test ./detect/sample -run Memory -v). A full table hands an aggregate on early; what comes later of it is another row, and scores are degraded.",
		Wrong: "It finds gaps, not large values: five equal large flows are a group and vanish. The largest flows set the scale of the plain " +
			"scaling themselves. Heavy-tailed traffic has outliers in most minutes. The bytes are those of the record, of a long flow " +
			"those of its part.",
		Remedy: "Raise flows_per_alert, so that little is left but the scores; set columns to what should not vary here. With rows: pairs and columns such as server_ports it compares what clients do, not single flows.",
		Kinds: []detect.Kind{
			{Name: "outlier", Severity: detect.Informational, Doc: "A flow (with rows: tuples or pairs, a 5-tuple or a client and a server in 10 s) lies far from all groups of its minute."},
		},
	}
}
