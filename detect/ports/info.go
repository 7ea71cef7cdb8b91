package ports

import "github.com/weir-sensor/weir/detect"

// Info implements detect.Detector.
func (d *Detector) Info() detect.Info {
	return detect.Info{
		Name:    "ports",
		Watches: "flows, judged every 10 min",
		Idea: "Which ports a network uses changes seldom: a port that nobody used before, a service that a server did not have, or a " +
			"port that a client did not use is worth knowing, where such things are rare. Only answered flows are uses, so that a " +
			"scan makes nothing known. Nothing is said in the learning period, and what was not used for 30 days is new again.",
		Formula: "Use: a completed TCP handshake, or an answer by UDP or SCTP. New: the port; else the (server, port) of a server of ours;\n" +
			"else the (client, port) of a client of ours. n new ones of a host in 10 min, where r are usual per host of ours:\n" +
			"p = P(Poisson(r) >= n), alert where p <= max_p; score = -log2 p.\n" +
			"r = (first uses + 1/2) / (hosts and batches + 1), both decaying with a mean age of a week, at most 10 of one host.\n" +
			"port_surprise_bits = -log2((uses of the port + 1/2) / (all uses + 65536/2)), before this one.",
		Cost:   "A look into two tables for an answered flow; nothing for others.",
		Memory: "2.1 kB for each of max_ports, 3 bytes for each of max_known, 200 for each of max_events: 37 MB. Clients and servers are counted exactly up to 64, and with a standard error of 3.25 % beyond.",
		Wrong: "Ports that are drawn at random (passive FTP, RPC, peers) are always new; where they are common, r grows and they are no " +
			"alert, but neither is a backdoor among them. A use that a full memory forgot is new again; 1 % of new ones are taken for known.",
		Remedy: "popular for ports that every client may use; max_p lower for fewer alerts; learn longer where weekdays differ.",
		Kinds:  kinds,
	}
}
