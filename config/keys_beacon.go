package config

// beaconKeys are the keys of detect.beacon.
func beaconKeys() []Key {
	return []Key{
		{"detect.beacon.min_contacts", "contacts", "5 to 256", "Contacts of a client with a service from which they are judged."},
		{"detect.beacon.min_period", "duration", "10ms to 24h0m0s", "Shorter periods are one application at work."},
		{"detect.beacon.max_jitter", "ratio", "0.01 to 0.5", "Standard deviation of the time between contacts over the period; uniform +-50 % is 0.29."},
		{"detect.beacon.max_p", "probability", "0 to 0.1", "Of so regular a series where contacts come at random; there are as many trials as pairs that talk."},
		{"detect.beacon.max_clients", "hosts", "1 to 1000000", "A service with more clients is taken for one that everybody polls."},
		{"detect.beacon.ignore_ports", "list", "ports from 1 to 65535", "UDP ports of services that are regular by nature: time, names in the local network, monitoring."},
		{"detect.beacon.max_pairs", "pairs", "1 to 10000000", "Pairs of client and service with up to three contacts that are remembered; 90 B each."},
		{"detect.beacon.max_series", "pairs", "1 to 1000000", "Pairs with more contacts that are remembered, with the latest 256; 2.3 kB each."},
		{"detect.beacon.max_judged", "pairs", "1 to 1000000", "Pairs judged in a minute, which bounds the time that takes; the others wait."},
		{"detect.beacon.min_open", "duration", "0s to 24h0m0s", "Silence of a connection that is kept open before a beat in it is said; what is open for less is one task of an application."},
		{"detect.beacon.max_open", "pairs", "1 to 1000000", "Pairs with connections that are kept open that are remembered; 220 B each."},
		{"detect.beacon.max_endpoints", "services", "1 to 10000000", "Services whose clients are counted; 75 B each."},
	}
}
