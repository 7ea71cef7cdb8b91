package exfiltration

import "github.com/weir-sensor/weir/detect"

// Info implements detect.Detector.
func (d *Detector) Info() detect.Info {
	return detect.Info{
		Name:    "exfiltration",
		Watches: "flows to the outside and DNS; windows of 10 min, 1 h and 1 d",
		Idea: "Clients fetch more than they send. One that sends out far more than it fetches, and more than nearly all others send, " +
			"may be taking something away; over an hour and a day that shows where it goes slowly. Data hidden in DNS makes " +
			"queries long, all the time.",
		Formula: "u and d: bytes up and down of a client's answered flows to servers outside detect.local_networks, by the time of " +
			"their records; r = ln((u + 1500)/(d + 1500)).\n" +
			"exfiltration: r >= ln(min_ratio), u >= min_bytes (min_bytes_hour, min_bytes_day), and u >= twice the percentile (type 7) of the other " +
			"clients' u or, with fewer than min_peers of them, ten times as much; not where ln(1 + u) is within two standard " +
			"deviations of the client's own mean over six or more windows (weight 0.1).\n" +
			"hoarding: d >= hoard and r <= -ln(min_ratio).\n" +
			"dns_tunnel, per client and resolver in 10 min: min_queries in 20 s or longer, mean query payload >= dns_query, and " +
			"5/8 of what is beyond 45 bytes a query >= dns_rate a minute. Names are not in flow records.",
		Cost:   "one table look-up per flow to the outside, one per DNS flow",
		Memory: "225 B for each of max_clients, and 330 B more for those that sent 4 kB in a flow within a day (go test ./detect/detectors -run BytesPerEntry -v), 200 B for each of max_resolvers",
		Wrong: "Backups, video calls and photo uploads are exfiltration to it until they are usual. Several hosts that send at once " +
			"raise each other's percentile. Queries for long names (reputation look-ups, some CDNs) look like a tunnel; a " +
			"slow tunnel, or one with short queries, is not seen, nor one over TCP or HTTPS.",
		Remedy: "Raise min_bytes to what is normal for a busy client; name your networks in detect.local_networks, or nothing is outside. " +
			"Raise dns_query where a mail server asks block lists.",
		Kinds: []detect.Kind{
			{Name: "exfiltration", Severity: detect.Medium, Doc: "A client sent out much more than it fetched and than its peers sent."},
			{Name: "hoarding", Severity: detect.Informational, Doc: "A client fetched a great deal."},
			{Name: "dns_tunnel", Severity: detect.Medium, Doc: "DNS queries to one resolver are long and carry data."},
			{Name: "compat", Severity: detect.Informational, Doc: "The tenth of clients with the largest ratio of bytes in to bytes out (compat)."},
		},
	}
}
