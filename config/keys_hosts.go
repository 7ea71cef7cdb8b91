package config

// hostsKeys are the keys of the detector hosts.
func hostsKeys() []Key {
	return []Key{
		{"detect.hosts.min_ports", "ports", "1 to 65535",
			"So many ports in 10 min are not worth an alert, whatever others use."},
		{"detect.hosts.deviations", "deviations", "1 to 1000",
			"Scaled median absolute deviations above the median at which the fence stands."},
		{"detect.hosts.min_hosts", "hosts", "2 to 1000000",
			"With fewer addresses in a role there is no fence."},
		{"detect.hosts.many_ports", "ports", "1 to 65535",
			"More ports than this in 10 min are an alert, and again at each doubling."},
		{"detect.hosts.compat", "switch", "true or false",
			"Also what an earlier program found, for comparison: after each flow, more ports than nine of ten addresses, or than many_ports."},
		{"detect.hosts.compat_popular", "list", "ports from 1 to 65535", "Server ports that are no finding there."},
		{"detect.hosts.max_hosts", "hosts", "1 to 10000000",
			"Addresses, as clients and as servers apart, with figures in 10 min, 300 bytes each; the one not heard of for longest is forgotten."},
		{"detect.hosts.max_busy", "hosts", "1 to 1000000",
			"Of them with more than 8 ports, 1 kB each; the ports of others are not counted further."},
		{"detect.hosts.max_scanned", "hosts", "1 to 100000",
			"Of them with more than 128 ports, 25 kB each; the same holds."},
	}
}
