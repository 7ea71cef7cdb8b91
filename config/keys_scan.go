package config

// scanKeys are the keys of the detector scan.
func scanKeys() []Key {
	return []Key{
		{"detect.scan.theta0", "share", "0.01 to 0.99",
			"A benign host's first contacts succeed with this probability, more than detect.scan.theta1."},
		{"detect.scan.theta1", "share", "0.01 to 0.99", "A scanner's first contacts succeed with this probability."},
		{"detect.scan.alpha", "share", "1e-09 to 0.1", "Benign hosts that the walk calls scanners."},
		{"detect.scan.beta", "share", "0.9 to 0.999999999", "Scanners that the walk calls so."},
		{"detect.scan.min_hosts", "hosts", "1 to 1000000", "Hosts that did not answer before TCP contacts are a scan."},
		{"detect.scan.min_hosts_other", "hosts", "1 to 1000000",
			"The same for UDP and ICMP, by which programs ask many hosts of themselves."},
		{"detect.scan.min_ports", "ports", "2 to 65535", "Ports of one host that did not answer before they are a scan."},
		{"detect.scan.half_open", "handshakes", "1 to 1000000",
			"Handshakes with one port that the client gives up within 10 s before it is told."},
		{"detect.scan.peer_ports", "list", "ports from 1 to 65535",
			"Ports of peer-to-peer networks, whose peers often are gone: failed contacts with them are no step of the walk."},
		{"detect.scan.forget", "duration", "1m0s to 720h0m0s",
			"A contact is a first one when there was none for this long: slow scans are seen up to it."},
		{"detect.scan.hold", "duration", "0s to 10m0s",
			"A scan that goes on is reported after this, one that pauses at once."},
		{"detect.scan.max_sources", "sources", "1 to 10000000",
			"Sources with several failed contacts, 300 bytes each; the one longest without another is forgotten."},
		{"detect.scan.max_candidates", "sources", "1 to 10000000",
			"Sources with one failed contact, 130 bytes each; a new one takes the place of another."},
		{"detect.scan.max_contacts", "contacts", "1000 to 1000000000",
			"Contacts that are remembered for detect.scan.forget, 3 bytes each; those of the time before are forgotten when there are more."},
		{"detect.scan.classic", "switch", "true or false",
			"Judge by the walk of the publication alone, without counts of hosts, for comparison."},
	}
}
