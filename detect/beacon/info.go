package beacon

import "github.com/weir-sensor/weir/detect"

// Info implements detect.Detector.
func (d *Detector) Info() detect.Info {
	return detect.Info{
		Name:    "beacon",
		Watches: "flows; judged in 1 min batches",
		Idea: "An implant asks its server for orders again and again, after about the same time. People and most programs " +
			"come in bursts. The times between the contacts of one client with one service tell the two apart, also where " +
			"the implant waits up to half longer or shorter each time, and where a fifth of the contacts is missing. " +
			"Other implants keep one connection open and say something in it again and again: then no silence in it is ever " +
			"longer than the period, and many are about as long.",
		Formula: "A contact is the start of an answered flow; those within a tenth of the mean gap of one another are one. " +
			"Gaps whose third quartile is over 4 times the first are no beacon's. Else each gap g is k = round(g/T) periods, k of 1 to 5, with density (1-m) m^(k-1) N(g; kT, k s^2), or, in 1 of 20, " +
			"of no kind. T, s and the missed share m are fitted; gain = log-likelihood of that less that of an exponential " +
			"distribution of the same mean, in nats. p <= exp(1.5 - gain), by simulation of contacts at random. Alert: " +
			"p <= max_p, s/T <= max_jitter, T >= min_period, 0.8 of the gaps fit, m <= 0.4, few clients.\n" +
			"Beside it RITA v5's score, exactly: the mean of the scores of gaps (Bowley skewness, median absolute deviation), " +
			"of bytes sent, of a 24-bin histogram of the input's span (a day at most), and of duration. " +
			"Both look at the latest 256 contacts. rita_threat lays that score out (0.5, 0.7, 0.9, 1 are 0.2, 0.4, 0.6, 0.8) and adds " +
			"RITA's modifiers as far as flow records tell them: 0.15 where at most 2 % of the hosts are clients of the service, less 0.15 " +
			"where half are or more (from 50 hosts on), 0.15 where the service is known for 7 days at most (of more), less 0.15 from 30 days on.\n" +
			"open_beacon, per client and service outside, over the records of TCP flows whose client was silent for 5 s or more and said " +
			"something after it: of the gaps g between the client's packets (sums from interval_*_up, and the gaps between parts), T = sum g^2 / sum g, " +
			"n = (sum g)^2 / sum g^2, R = max g / T; gaps spread evenly around a period have R = (1 + sqrt(3) j)/(1 + j^2), j the jitter. " +
			"p <= exp(0.7 - 0.17 n/(R - 1)), by simulation of packets at random. Alert: n >= min_contacts, sum g >= min_open, " +
			"p <= max_p, j <= max_jitter, T >= 5 s (the shortest period that is looked for elsewhere, too) and min_period, few clients.",
		Cost: "one or two table look-ups per flow; a series is judged when it has grown by a quarter, or doubled since it was called a beacon, in at most 0.1 ms for " +
			"256 contacts, max_judged of them in a batch. The flow features interval and splt are computed for it",
		Memory: "about 290 B for each of max_series pairs with more than three contacts, and 2.1 kB more for those with more than 16; 90 B for each of " +
			"max_pairs others, 220 B for each of max_open, 75 B for each of max_endpoints services (go test ./detect/detectors -run BytesPerEntry -v)",
		Wrong: "Much that is harmless is regular: time, monitoring, updates, chat, mail that is fetched. A service with more " +
			"than max_clients clients is taken for one of those; one that a single host uses is not. Failed flows do not " +
			"count, since retries are regular by themselves. Programs keep connections open as implants do, and say that they are " +
			"still there: chat, push messages, tunnels, polling in a web page. That is why open_beacon is informational until a connection " +
			"was open for an hour, and low then; never more. What is open for less than min_open is not seen, nor a connection " +
			"that waits once for longer than the rest; a connection in which orders are carried out all the time has no beat. " +
			"TCP's own keepalives, which say nothing, do not count. min_open was chosen on the captures at hand: conversations there last up to 2 min.",
		Remedy: "Look at who owns the server. Add the ports of your own monitoring to ignore_ports (UDP), lower max_clients " +
			"or max_jitter where too much is said; raise min_open to 1h to hear of long connections only. RITA's score in the reasons says how exact it is.",
		Kinds: []detect.Kind{
			{Name: "beacon", Severity: detect.Low,
				Doc: "A client contacts a service that few others use at regular times; medium where the server is outside, one or two clients contact it and rita_threat is 0.4 or more."},
			{Name: "open_beacon", Severity: detect.Informational,
				Doc: "A client says something at regular times in a connection that it keeps open; low from an hour on."},
		},
	}
}
