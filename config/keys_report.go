package config

// reportKeys are the keys of reports.
func reportKeys() []Key {
	return []Key{
		{"report.databases", "list", "paths of MaxMind database files (.mmdb): country, city, ASN",
			"Where addresses are, and whose; what the first file knows of an address goes before the others' word."},
		{"report.zone", "name", "a time zone such as UTC or Europe/Berlin",
			"The zone of times and of the hours of the day."},
		{"report.rows", "rows", "1 to 10000",
			"Rows of a table that are shown; the others are in the CSV file beside it."},
		{"report.all_rows", "rows", "1 to 1000000",
			"Rows of a table that its CSV file has at the most, which bounds memory."},
		{"report.max_hosts", "rows", "16 to 10000000",
			"Hosts, pairs of hosts and services summed up one by one, which bounds memory (200 bytes each); those with the least bytes are summed up together."},
		{"report.max_alerts", "alerts", "1 to 1000000",
			"Alerts told apart, which bounds memory (1 kB each); later ones are counted alone."},
		{"report.sample", "flows", "10 to 10000",
			"Flows in the picture of kinds of flows, a sample of them."},
		{"report.windows", "windows", "100 to 1000000",
			"Windows of packets whose features are compared, a sample of them."},
		{"report.label", "name", "any; empty: none",
			"The label that tells classes of windows apart, a column of the labels without label_ before it."},
		{"report.every", "duration", "0s (never) or 1m0s to 744h0m0s",
			"How often a live run makes a report of what came since the one before it; on SIGUSR2 it does, too."},
	}
}
