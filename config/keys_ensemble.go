package config

// ensembleKeys are the keys of the ensemble, in the order of ensemble.Config.
func ensembleKeys() []Key {
	return []Key{
		{"detect.ensemble.calibration", "path", "a file of weir train ensemble, builtin, or empty",
			"What makes probabilities of evidence; builtin is the one that comes with weir, empty: there are none."},
		{"detect.ensemble.base_rate", "share", "1e-09 to 0.5",
			"Share of hosts with which something is wrong in this network; probabilities are moved to it."},
		{"detect.ensemble.flow_base_rate", "share", "1e-09 to 0.99",
			"Share with which something is wrong among the flows that detectors speak of; flows' probabilities are moved to it."},
		{"detect.ensemble.scores", "scores", "100 to 1000000",
			"Latest scores that tell what is usual, of each detector and class of peers."},
		{"detect.ensemble.memory", "duration", "1m0s to 8760h0m0s",
			"What is known of a host begins anew after this."},
		{"detect.ensemble.max_hosts", "hosts", "4 to 10000000",
			"Hosts remembered, and a quarter of it of hosts with alerts, of flows and of flows in alerts; the one not judged for longest is forgotten."},
		{"detect.ensemble.drift", "share", "0.05 to 1",
			"Where the p-values of a detector's scores in an hour are so far from uniform (Kolmogorov-Smirnov), an alert says that what is usual changed."},
		{"detect.ensemble.groups", "list", "names of detectors joined by +, each once",
			"Detectors that see the same thing, of which only the worst alert counts."},
	}
}
