package beacon

import "github.com/weir-sensor/weir/detect"

// Info implements detect.Detector.
func (d *Detector) Info() detect.Info {
	return detect.Info{
		Name:    "beacon",
		Watches: "flows; judged in 1 min batches",
		Idea: "An implant asks its server for orders again and again, after about the same time. People and most programs " +
			"come in bursts. The times between the contacts of one client with one service tell the two apart, also where " +
			"the implant waits up to half longer or shorter each time, and where a fifth of the contacts is missing.",
		Formula: "A contact is the start of an answered flow; those within a tenth of the mean gap of one another are one. " +
			"Gaps whose third quartile is over 4 times the first are no beacon's. Else each gap g is k = round(g/T) periods, k of 1 to 5, with density (1-m) m^(k-1) N(g; kT, k s^2), or, in 1 of 20, " +
			"of no kind. T, s and the missed share m are fitted; gain = log-likelihood of that less that of an exponential " +
			"distribution of the same mean, in nats. p <= exp(1.5 - gain), by simulation of contacts at random. Alert: " +
			"p <= max_p, s/T <= max_jitter, T >= min_period, 0.8 of the gaps fit, m <= 0.4, few clients.\n" +
			"Beside it RITA v5's score, exactly: the mean of the scores of gaps (Bowley skewness, median absolute deviation), " +
			"of bytes sent, of a 24-bin histogram of the input's span (a day at most), and of duration. " +
			"Both look at the latest 256 contacts.",
		Cost: "one or two table look-ups per flow; a series is judged when it has grown by a quarter, or doubled since it was called a beacon, in at most 0.1 ms for " +
			"256 contacts, max_judged of them in a batch",
		Memory: "about 2.3 kB for each of max_series pairs with more than three contacts, 130 B for each of max_pairs others, " +
			"90 B for each of max_endpoints services",
		Wrong: "Much that is harmless is regular: time, monitoring, updates, chat, mail that is fetched. A service with more " +
			"than max_clients clients is taken for one of those; one that a single host uses is not. Failed flows do not " +
			"count, since retries are regular by themselves. What beacons inside one long flow is not seen.",
		Remedy: "Look at who owns the server. Add the ports of your own monitoring to ignore_ports (UDP), lower max_clients " +
			"or max_jitter where too much is said; RITA's score in the reasons says how exact it is.",
		Kinds: []detect.Kind{{Name: "beacon", Severity: detect.Low,
			Doc: "A client contacts a service that few others use at regular times; medium where the server is outside and RITA's score is 0.7 or more."}},
	}
}
