package config

// pairsKeys are the keys of the detector pairs.
func pairsKeys() []Key {
	return []Key{
		{"detect.pairs.expiry", "duration", "10s to 24h0m0s",
			"A port that a pair did not use for so long is new again."},
		{"detect.pairs.min_pairs", "pairs", "4 to 1000000",
			"Pairs that 10 s need for fences of their own; with fewer, those of the past stand in."},
		{"detect.pairs.min_new_ports", "ports", "1 to 65536",
			"No alert about fewer new ports of a pair in 10 s, whatever the fence."},
		{"detect.pairs.min_new_targets", "targets", "1 to 1000000",
			"No alert about fewer new (server, port) of a client in 10 s, whatever the fence."},
		{"detect.pairs.min_votes", "fences", "1 to 5",
			"Fences that a pair must be above, of flows, ports, new_ports, bytes_up and bytes_down, for an alert about an outlier."},
		{"detect.pairs.min_flows", "flows", "1 to 1000000",
			"No alert about an outlier with fewer flows in 10 s."},
		{"detect.pairs.max_pairs", "pairs", "1 to 10000000",
			"Pairs counted in 10 s, which bounds memory (280 bytes each); further ones are not judged, and counted."},
		{"detect.pairs.max_ports", "ports", "1 to 100000000",
			"Ports remembered as (client, server, port), which bounds memory (90 bytes each); the one not used for longest is forgotten."},
		{"detect.pairs.compat", "switch", "true or false",
			"Fences without floors, over plain bytes; each alone is an alert: for comparison with netflow-anomaly-detector."},
	}
}
