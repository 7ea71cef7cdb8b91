package config

// sequenceKeys are the keys of the detector sequence, in the order of sequence.Config.
func sequenceKeys() []Key {
	return []Key{
		{"detect.sequence.model", "path", "a file of weir train sequence, or builtin",
			"The trained network; builtin is the one that comes with weir, which knows a small test network."},
		{"detect.sequence.factor", "factor", "0.1 to 1000",
			"Times the model's threshold, from which on a step is surprising."},
		{"detect.sequence.steps", "steps", "1 to 1000",
			"Surprising steps of 10 s in a row until an alert."},
		{"detect.sequence.min_steps", "steps", "1 to 10000",
			"Steps in which a host was active until it is judged."},
		{"detect.sequence.max_hosts", "hosts", "1 to 10000000",
			"Hosts remembered; the one not active for longest is forgotten."},
	}
}
