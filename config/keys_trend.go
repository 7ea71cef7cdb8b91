package config

// trendKeys are the keys of detect.trend.
func trendKeys() []Key {
	return []Key{
		{"detect.trend.lag", "duration", "0s to 2m20s", "How long a step of 10 s waits for the records of flows that began in it; attempts without answer are written after flow.idle."},
		{"detect.trend.flood_flows", "flows", "32 to 1000000000", "Unanswered flows to one service, or to many ports of a host, in 10 s that are a flood, whatever was before."},
		{"detect.trend.flood_share", "ratio", "0 to 1", "Of all flows to that service, so many have to be unanswered."},
		{"detect.trend.icmp_packets", "packets", "10 to 1000000000", "ICMP packets to one host in 10 s that are a flood."},
		{"detect.trend.syn_flows", "flows", "32 to 1000000000", "Connections to one service in 10 s that are not completed, where their cumulative sum alarms."},
		{"detect.trend.warmup", "steps", "1 to 100000", "Steps of 10 s that a host or the network has to be known for before a rise is called one."},
		{"detect.trend.ratio", "ratio", "1 to 1000", "How many times what is usual a rise has to be."},
		{"detect.trend.min_flows", "flows", "1 to 1000000000", "Flows in 10 s below which no host rises."},
		{"detect.trend.min_bytes", "bytes", "1 to 1000000000000", "Bytes in 10 s below which no host rises."},
		{"detect.trend.max_hosts", "hosts", "1 to 10000000", "Hosts that are followed; 150 B each, and 50 B in each open step in which one has something."},
		{"detect.trend.max_seasons", "hosts", "1 to 1000000", "Of them, those whose usual hours of the week are followed: that had as much as can be a rise; 3.5 kB each. As many have entropies of their own; 150 B each."},
		{"detect.trend.max_spectra", "hosts", "1 to 65535", "Hosts of whose peers and ports entropies are taken, in a role and in each of the steps that are open, some 8; 4 kB each."},
		{"detect.trend.max_victims", "services", "1 to 10000000", "Services, and hosts for all their other ports, that are watched for floods; 0.9 kB each."},
	}
}
