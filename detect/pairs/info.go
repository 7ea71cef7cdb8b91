package pairs

import "github.com/weir-sensor/weir/detect"

// Info implements detect.Detector.
func (d *Detector) Info() detect.Info {
	return detect.Info{
		Name:    "pairs",
		Watches: "10 s batches of flows",
		Idea: "Most pairs of hosts use one or two ports in 10 s. One that uses many which it did not use in the last 10 minutes, " +
			"and mostly without an answer, is being scanned; the fences that tell many from few come from all pairs of the same " +
			"10 s, so that they fit the network. Over all servers of a client the same count finds scans of many hosts.",
		Formula: "flows, distinct server ports, new ports, log(1+bytes_up), log(1+bytes_down) per (client, server) and 10 s\n" +
			"vote: x < Q1 - 3 IQR' (bytes only) or x > Q3 + 3 IQR', over all pairs of the batch; IQR' = max(IQR, 1), for log bytes max(IQR, 0.25)\n" +
			"new port: not used by the pair in the 600 s before the batch began\n" +
			"flows and ports are those that the client asked for: none without a packet of its (backscatter, reflection); their bytes count\n" +
			"new_ports: vote of new ports, min_new_ports or more, at least half of them unanswered\n" +
			"new_targets: new (server, port) of a client above the fence over clients, min_new_targets or more, several servers, at least half unanswered\n" +
			"outlier: min_votes or more high votes and min_flows or more flows, not in the first and last batch of the input\n" +
			"score: (x - Q3) / IQR' of the feature that is furthest out\n" +
			"Tukey, Exploratory Data Analysis (1977): outer fences; quartiles by linear interpolation.",
		Cost:   "one table look-up per flow; ports are noted, and looked up 8192 at a time; at the end of a batch linear in its pairs. Measured, batch ends included: 75 ns per flow among 2,000 pairs, 0.45 us where each of 100,000 flows is another pair, 0.2 us in a flood from 500,000 addresses (go test ./detect/pairs -bench Flows)",
		Memory: "up to 280 bytes per pair of a batch (max_pairs) and 90 per remembered port (max_ports): at most 64 MB with the defaults (go test ./detect/detectors -run BytesPerEntry -v). Beyond max_pairs further pairs of the batch are not judged, beyond max_ports the port not used for longest is new again; both make scores degraded.",
		Wrong: "A client behind address translation, a proxy or a crawler is many clients in one. Peer-to-peer programs contact many " +
			"hosts that are gone. A scan of fewer than min_new_ports in 10 s is not seen: that is for the detector scan. In a capture " +
			"that begins in the middle everything is new at first. traceroute uses many ports, unanswered.",
		Remedy: "Raise min_new_ports or min_new_targets; raise min_pairs where few hosts make the fences jump.",
		Kinds: []detect.Kind{
			{Name: "new_ports", Severity: detect.Medium, Doc: "A client used many new ports of one server in 10 s, mostly unanswered."},
			{Name: "new_targets", Severity: detect.Medium, Doc: "A client used many new (server, port) in 10 s, mostly unanswered."},
			{Name: "outlier", Severity: detect.Low, Doc: "A pair with many flows is outside of several fences."},
		},
	}
}
