package config

// transportKeys are the keys of detect.transport.
func transportKeys() []Key {
	return []Key{
		{"detect.transport.model", "path", "a file of weir train transport, or builtin", "What tells flows of transports; builtin is the one that comes with weir."},
		{"detect.transport.strictness", "log-odds", "-20 to 20", "Added to the score from which on the model calls a flow."},
		{"detect.transport.base_rate", "share", "1e-09 to 0.5", "Share of servers that are of a transport in this network; probabilities are those at it."},
		{"detect.transport.probability", "probability", "0.001 to 0.999", "From this on a server is called."},
		{"detect.transport.min_flows", "flows", "1 to 1000000", "Called flows that a server needs, or min_clients."},
		{"detect.transport.min_clients", "clients", "1 to 1000000", "Clients with called flows that a server needs, or min_flows."},
		{"detect.transport.half_life", "duration", "1h0m0s to 8760h0m0s", "Time in which what was seen of a server comes to count for half."},
		{"detect.transport.openvpn", "switch", "true or false", "Say which servers speak OpenVPN too, which is ordinary in most networks."},
		{"detect.transport.max_servers", "servers", "1 to 10000000", "Servers and ports remembered; 420 B each."},
		{"detect.transport.max_clients", "clients", "1 to 10000000", "Clients of servers remembered; 90 B each."},
		{"detect.transport.max_pairs", "pairs", "1 to 10000000", "Pairs of hosts of which windows are remembered, where the model looks at flows and windows; 520 B each."},
	}
}
