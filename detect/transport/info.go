package transport

import "github.com/weir-sensor/weir/detect"

// Info implements detect.Detector.
func (d *Detector) Info() detect.Info {
	return detect.Info{
		Name:    "transport",
		Watches: "TCP flows by their first 12 packets with payload, UDP flows by their first ones; windows, where the model looks at them; servers in 1 min batches",
		Idea: "Transports that hide what they carry (obfs4, obfs3, ScrambleSuit, Shadowsocks, VMess) have no plain bytes at all: the " +
			"first packet of each side looks like random bytes, which hardly any ordinary protocol's does, and padding gives first " +
			"flights of lengths that ordinary protocols do not have. One flow proves little, for most flows are of no transport; " +
			"many flows to one server do, unless the server speaks an ordinary protocol that looks the same.",
		Formula: `score of a flow: log-odds by the model of detect.transport.model, over how its start looks (docs/TRANSPORTS.md names the numbers:
  entropy, one bits and byte values of both first packets against random bytes of the same length, printable bytes, known
  framings, lengths of bursts and packets, gaps in round-trip times); a hit where it reaches the model's threshold + strictness
  with a model of windows: the same of each window; with one of both: of a flow and the means of its hosts' windows before
contribution of a client and hour: hits/flows of the client in that hour of packet time; it halves with every half_life
evidence of a server with k of n: log BB(k, n; proxy) - log((1-odd) BB(k, n; benign) + odd BB(k, n; proxy)), BB the beta-binomial of
  the model's distributions of servers' shares of hits, odd the share of ordinary servers that look like a transport's
probability: 1/(1 + (1-base_rate)/base_rate exp(-evidence)); Wails et al., On Precisely Detecting Censorship Circumvention in
  Real-World Networks, NDSS 2024, on evidence by host
meek_polls: TLS, and within the first 32 packets with payload 3 idle times or more in a row before the client asks again, 50 ms or
  more each, each 1.35 to 1.65 times the one before, the round-trip time added (meek: 1.5)
snowflake_hello: UDP, and among the first 24 datagrams STUN and then, whole, a DTLS 1.2 ClientHello as pion/webrtc makes it: DTLS 1.2 on
  the record and in the hello, no session, cipher suites and extensions of its list in its order, use_srtp, no server name (from
  pion/dtls as published until 2026)
openvpn, where detect.transport.openvpn is set: the first packets of both sides are OpenVPN's hard reset, by opcode, session and packet number
tls_in_tls: min_flows flows of TLS or more to a server with six bursts within 25 packets with payload, and of half of them or more the
  log-likelihood ratio of the logarithms of the bytes of bursts 3 to 6 is 2 or more: normal distributions of flows with another TLS
  handshake within and of ordinary ones, fitted on the labelled corpus (Xue et al., USENIX Security 2024, for the idea)
obfuscated_proxy also says of which share of the hits both first flights are of 141 to 8192 bytes (obfs4's handshake), and, of 8 such of
  the client or more, the first 32, how probable lengths as these are if all from 141 to 8192 are equally likely, as obfs4's
  padding makes them (Kolmogorov-Smirnov); from 0.01 on it says that they are
obfuscated_proxy: probability >= detect.transport.probability, and min_flows hits or min_clients clients with hits`,
		Cost:   "1 to 2 us per TCP flow with payload both ways: its numbers, the model's trees, two table look-ups; nothing for other flows",
		Memory: "420 bytes for each of detect.transport.max_servers, 90 for each of max_clients, 520 for each of max_pairs with a model of both; the one not used for longest is forgotten",
		Wrong: "Protocols that are random from the first byte look the same: encrypted BitTorrent to one peer, own protocols of " +
			"messengers and games, obfuscated VPNs. Transports inside real TLS (meek, Trojan, WebSocket) and imitations of it are seen by tls_in_tls and meek_polls alone or not at " +
			"all; TLS through an ordinary proxy, stunnel, and services to which much is sent at first can look the same.",
		Remedy: "Look at what the server is. Where a service of your own is called, train a model with flows of it: weir train transport. " +
			"base_rate is the share of servers that are of a transport where you are; a smaller one asks for more evidence.",
		Kinds: []detect.Kind{
			{Name: "meek_polls", Severity: detect.Low, Doc: "Clients of a TLS server poll it after times that grow by half, as meek's do."},
			{Name: "tls_in_tls", Severity: detect.Low, Doc: "Flows of TLS to a server look as if another TLS handshake went on within them."},
			{Name: "snowflake_hello", Severity: detect.Informational, Doc: "A flow begins as WebRTC made with pion's library, as Snowflake's proxies and other programs begin theirs."},
			{Name: "openvpn", Severity: detect.Informational, Doc: "A server speaks OpenVPN."},
			{Name: "obfuscated_proxy", Severity: detect.Low, Doc: "The flows of a server begin like those of a fully encrypted transport, one client's and hour's like the other's."},
		},
	}
}
