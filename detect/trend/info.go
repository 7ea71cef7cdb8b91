package trend

import "github.com/weir-sensor/weir/detect"

// Info implements detect.Detector.
func (d *Detector) Info() detect.Info {
	return detect.Info{
		Name:    "trend",
		Watches: "flows; 10 s steps",
		Idea: "What a host and the network do changes slowly, and floods change it at once. Each quantity is compared with its " +
			"own mean, and small excesses add up. A flood is so many attempts at one service that are not answered, or not " +
			"completed, that no history is needed to call it one, over one port or over many; it is named by its victim, with the number of its sources.",
		Formula: "Steps of 10 s by the flows' starts, bytes and packets spread evenly over a flow's life; a step is closed lag after its end. Flows are those of which a packet of the client's was seen.\n" +
			"Chart: z = (x - mean)/s; S = max(0, S + min(z, 6) - 0.5), alarm at S > 8; where |z| < 3, mean += 0.1 (x - mean) and " +
			"s^2 = 0.9 (s^2 + 0.1 (x - mean)^2); s is at least sqrt(mean + 1) + mean/4 for flows, mean/2 + 100 kB for bytes, 0.2 bit for " +
			"entropies. After 30 steps of alarm the new level is the usual one.\n" +
			"Hours of the week (168, in UTC, from Thursday 0:00): the mean of their steps, the nth week counting 1/n and a quarter from the fourth on; from two " +
			"weeks on, what is above counts in S and in ratio from the larger of the mean and that of the hour. For hosts from their first step with " +
			"min_flows or min_bytes on, max_seasons of them; for the network always.\n" +
			"rise: S > 8 of a host's flows opened, flows received, bytes, or flows opened that were not answered (unless it opened more " +
			"besides), x >= ratio times the mean, and min_flows or min_bytes. shift: two or more of the network's quantities.\n" +
			"flood: flood_flows unanswered in a step, flood_share of all to that service and port; or syn_flows where " +
			"y = max(0, y + (begun - completed)/F - 0.35) > 1.05, F the mean of the completed, 10 at least (Wang, Zhang and Shin, 2002); " +
			"ICMP: icmp_packets to a host, without errors (unreachable, time exceeded and the like: they quote, and so answer, what it sent). " +
			"Over ports, by protocol: flood_flows unanswered to ports of a host that are not watched themselves (each had fewer than 32 within a batch), 10 ports or more, " +
			"from 30 sources or more without one that has three quarters of the flows or more (Boyer and Moore's majority vote, 1981), or in packets of 200 B or more on average: a scan is neither. At most 20 victims are named in 10 s. Candidates come from Space-Saving with 4,096 counters (Metwally et al., 2005). " +
			"Sources are counted in 512 bits (Whang et al., 1990): standard error 3.5 % at 500, 8 % at 2,000; from 3,194 on there are at least so many (sources_at_least).\n" +
			"dispersion: entropies, in bits, of the peers and the servers' ports of a host that opened 63 flows or more in a step, or received so many, " +
			"over those from the 32nd on (65,535 at most), each hashed to 1,024 cells; charts both ways, s at least 0.5 bit. S > 8, and with min_flows flows in the step " +
			"the entropy is log2(ratio) above its mean, or so much below it and below log2 of the flows counted; not where flows rose.\n" +
			"Entropies of the network in bits, over flows, of clients, servers and their ports, each hashed to 4,096 cells: too low with more than " +
			"some hundreds of values, 12 at most.",
		Cost:   "about 0.3 us per flow: three table look-ups and four counts, of busy hosts two more; per step, what its hosts and victims cost",
		Memory: "150 B for each of max_hosts, 50 B in each open step in which one has something (32,768 of them at most), 3.5 kB for each of max_seasons, 150 B for the entropies of as many, 4 kB for each of max_spectra, 0.9 kB for each of max_victims, 1 MB for the network's entropies",
		Wrong: "A service that is down while many ask for it looks like a SYN flood; a backup looks like a rise until it was there at the same hour " +
			"in two weeks, and for ever where it takes less than a fifth of the hour (ratio). Hours are UTC's: when clocks change, so does what is usual. A flood of answered " +
			"requests is seen as a rise only, and a rise takes two steps: one counts 5.5 of the 8 at most, however high it is. A scan by 30 sources or more at once looks like a flood over ports. Flows longer than lag count for what they do in the steps that are still open; " +
			"a flood of forged ICMP errors is none; one endless UDP flow is seen when its record is written (flow.active_timeout).",
		Remedy: "Raise flood_flows on busy networks; ratio, min_flows and min_bytes decide about rises. A shorter lag sees sooner and less: " +
			"flows without an answer are written after flow.idle of their kind.",
		Kinds: []detect.Kind{
			{Name: "syn_flood", Severity: detect.Medium, Doc: "Connections to a service, or to many ports of a host, are begun and not completed; high from 1,000/s with the defaults."},
			{Name: "udp_flood", Severity: detect.Medium, Doc: "UDP to a port that does not answer, or to many."},
			{Name: "icmp_flood", Severity: detect.Medium, Doc: "ICMP to a host, answered or not."},
			{Name: "reflection", Severity: detect.Medium, Doc: "Answers of amplifying services to a host that did not ask."},
			{Name: "flood", Severity: detect.Medium, Doc: "The same with another protocol."},
			{Name: "rise", Severity: detect.Low, Doc: "A host's flows, bytes or unanswered flows are far above what is usual for it."},
			{Name: "dispersion", Severity: detect.Low, Doc: "A busy host's flows go to, or come from, far more or far fewer addresses or ports than is usual for it, at about as many flows."},
			{Name: "shift", Severity: detect.Low, Doc: "Several quantities of the whole network changed at once."},
		},
	}
}
