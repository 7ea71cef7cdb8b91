package config

// exfiltrationKeys are the keys of detect.exfiltration.
func exfiltrationKeys() []Key {
	return []Key{
		{"detect.exfiltration.min_bytes", "bytes", "1 to 1000000000000", "Sent out by a client in 10 min before it is judged."},
		{"detect.exfiltration.min_bytes_hour", "bytes", "1 to 1000000000000", "The same in an hour."},
		{"detect.exfiltration.min_bytes_day", "bytes", "1 to 1000000000000", "The same in a day."},
		{"detect.exfiltration.min_ratio", "ratio", "1 to 1000", "Bytes out over bytes in that is suspicious; its inverse for clients that fetch."},
		{"detect.exfiltration.percentile", "percent", "50 to 100", "Percentile of the other clients' bytes out; twice that has to be passed."},
		{"detect.exfiltration.min_peers", "clients", "1 to 1000000", "Other clients from which their percentile counts; with fewer it takes ten times the bytes."},
		{"detect.exfiltration.hoard", "bytes", "1 to 1000000000000", "Fetched by a client in 10 min before it is noted."},
		{"detect.exfiltration.dns_query", "bytes", "20 to 1500", "Mean payload of a client's DNS queries that carry data; ordinary ones have 35 to 60."},
		{"detect.exfiltration.dns_rate", "bytes/min", "1 to 1000000", "Data in a client's DNS queries to one resolver that make a tunnel."},
		{"detect.exfiltration.min_queries", "queries", "2 to 1000000", "DNS queries from which their mean counts."},
		{"detect.exfiltration.max_clients", "clients", "1 to 10000000", "Clients that are remembered; 225 B each, and 330 B more for those that sent 4 kB in a flow within a day."},
		{"detect.exfiltration.max_resolvers", "pairs", "1 to 10000000", "Pairs of client and resolver that are remembered; 200 B each."},
		{"detect.exfiltration.compat", "switch", "true or false", "Also list the tenth of clients with the largest ratio of bytes in to bytes out, as other tools do."},
	}
}
