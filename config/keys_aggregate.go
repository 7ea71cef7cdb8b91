package config

// aggregateKeys are the keys of the sums of flow records.
func aggregateKeys() []Key {
	return []Key{
		{"aggregate.enabled", "switch", "true or false",
			"Sum flow records up by 5-tuple, and by (client, server) and step; weir replay and weir live write both tables (docs/AGGREGATES.md)."},
		{"aggregate.span", "duration", "0s (the whole input) or whole seconds from 1s to 8784h0m0s",
			"What a row by 5-tuple is about, in packet time, aligned to the epoch."},
		{"aggregate.step", "duration", "whole seconds from 1s to 24h0m0s",
			"What a row by (client, server) is about, in packet time, aligned to the epoch."},
		{"aggregate.expiry", "duration", "0s to 720h0m0s",
			"A server port that a pair did not use for so long is new again."},
		{"aggregate.networks", "list", "networks such as 10.0.0.0/8 or fd00::/8, or addresses",
			"Networks that are named for the addresses in them, the smallest first; of others the /24 or /64 is."},
		{"aggregate.max_tuples", "5-tuples", "1 to 100000000",
			"5-tuples summed up at once, which bounds memory (160 bytes each); the one not seen for longest is written early."},
		{"aggregate.max_pairs", "pairs", "1 to 10000000",
			"Pairs of a step summed up at once, which bounds memory (110 bytes each); the first one is written early."},
		{"aggregate.max_ports", "ports", "1 to 100000000",
			"Ports of pairs remembered, of servers and of clients each, which bounds memory (150 bytes); the one not used for longest is forgotten."},
	}
}
