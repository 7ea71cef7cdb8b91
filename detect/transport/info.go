package transport

import "github.com/weir-sensor/weir/detect"

// Info implements detect.Detector.
func (d *Detector) Info() detect.Info {
	return detect.Info{
		Name:    "transport",
		Watches: "TCP flows with payload both ways, by their first 12 packets with payload; servers in 1 min batches",
		Idea: "Transports that hide what they carry (obfs4, obfs3, ScrambleSuit, Shadowsocks, VMess) have no plain bytes at all: the " +
			"first packet of each side looks like random bytes, which hardly any ordinary protocol's does, and padding gives first " +
			"flights of lengths that ordinary protocols do not have. One flow proves little, for most flows are of no transport; " +
			"many flows to one server do, unless the server speaks an ordinary protocol that looks the same.",
		Formula: `score of a flow: log-odds by the model of detect.transport.model, over how its start looks (docs/TRANSPORTS.md names the numbers:
  entropy, one bits and byte values of both first packets against random bytes of the same length, printable bytes, known
  framings, lengths of bursts and packets, gaps in round-trip times); a hit where it reaches the model's threshold + strictness
contribution of a client and hour: hits/flows of the client in that hour of packet time; it halves with every half_life
evidence of a server with k of n: log BB(k, n; proxy) - log((1-odd) BB(k, n; benign) + odd BB(k, n; proxy)), BB the beta-binomial of
  the model's distributions of servers' shares of hits, odd the share of ordinary servers that look like a transport's
probability: 1/(1 + (1-base_rate)/base_rate exp(-evidence)); Wails et al., On Precisely Detecting Censorship Circumvention in
  Real-World Networks, NDSS 2024, on evidence by host
obfuscated_proxy: probability >= detect.transport.probability, and min_flows hits or min_clients clients with hits`,
		Cost:   "about 1 us per TCP flow with payload both ways: its numbers, the model's trees, two table look-ups; nothing for other flows",
		Memory: "240 bytes for each of detect.transport.max_servers, 90 for each of max_clients; the one not used for longest is forgotten",
		Wrong: "Protocols that are random from the first byte look the same: encrypted BitTorrent to one peer, own protocols of " +
			"messengers and games, obfuscated VPNs. Transports inside real TLS (meek, Trojan, WebSocket) and imitations of TLS are not seen.",
		Remedy: "Look at what the server is. Where a service of your own is called, train a model with flows of it: weir train transport. " +
			"base_rate is the share of servers that are of a transport where you are; a smaller one asks for more evidence.",
		Kinds: []detect.Kind{
			{Name: "obfuscated_proxy", Severity: detect.Low, Doc: "The flows of a server begin like those of a fully encrypted transport, one client's and hour's like the other's."},
		},
	}
}
