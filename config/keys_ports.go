package config

// portsKeys are the keys of the detector ports.
func portsKeys() []Key {
	return []Key{
		{"detect.ports.learn", "duration", "0s to 720h0m0s",
			"For so much packet time, everything is new and nothing an alert."},
		{"detect.ports.forget", "duration", "1h0m0s to 8760h0m0s",
			"What was not used for this long is new again."},
		{"detect.ports.max_p", "probability", "1e-12 to 0.5",
			"First uses are an alert where so many in 10 min are no more probable than this, given how many are usual."},
		{"detect.ports.popular", "list", "tcp/PORT, udp/PORT or sctp/PORT, such as tcp/443",
			"Ports that a client may use for the first time without an alert."},
		{"detect.ports.max_ports", "ports", "1 to 131072",
			"Ports with figures of their own, 2.1 kB each; the one not used for longest is forgotten."},
		{"detect.ports.max_known", "uses", "1000 to 1000000000",
			"Uses that are remembered for detect.ports.forget, 3 bytes each; those of the time before are forgotten when there are more."},
		{"detect.ports.max_events", "hosts", "1 to 10000000",
			"Hosts with first uses in 10 min, 200 bytes each."},
	}
}
