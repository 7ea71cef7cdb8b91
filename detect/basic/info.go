package basic

import (
	"strings"

	"github.com/weir-sensor/weir/detect"
)

// Info implements detect.Detector.
func (d *Detector) Info() detect.Info {
	info := detect.Info{
		Name:    "basic",
		Watches: "flows, 10 s batches of what was found",
		Idea: "Some headers no honest host sends, and some ports somebody wants to know of. Each rule has an id, judges one flow record, " +
			"and can be silenced (detect.basic.silence).",
		Formula: strings.Join([]string{
			"B01 TCP or UDP port 0; not ICMP, nor fragments without their first one",
			"B02 an answered flow to a server port of detect.basic.watch_ports; not where the client is a guess (client_by first)",
			"B03 source 0.0.0.0 or ::, but for DHCP (68 to 67 at 255.255.255.255), IGMP and ICMPv6",
			"B04 source multicast, 255.255.255.255, or loopback while the other end is not; source equal to destination, unanswered",
			"B05 TCP flags: none; FIN+PSH+URG alone; SYN with FIN or RST, FIN with RST in one segment (a direction of one packet, or history letters I and Q); ECE and CWR do not count",
			"B06 lengths that contradict each other are counted by the decoder (ledger, malformed): no alert",
			"B07 a first fragment that ends within the TCP header, though the capture did not cut it; other fragments: ledger",
			"B08 min_empty TCP connections of a client in 10 s, each opened and closed (SF) without a byte of payload",
			"B09 both ends inside detect.local_networks, with detect.basic.border",
			"score: 0.6 (medium), 0.3 (low) or 0.1 (info), times 1 + log2(flows)",
		}, "\n"),
		Cost:   "per flow some comparisons and a walk over its history, 12 ns (go test ./detect/basic -run xxx -bench Flows); a table look-up where a rule is broken",
		Memory: "300 bytes for each rule and address of 10 s, at most 4096; those not seen for longest are forgotten and the alerts are degraded",
		Wrong: "B02: a port number is not the protocol behind it. B04: traffic captured on a loopback interface between other addresses. " +
			"B05: old stacks (T/TCP) sent SYN+FIN. B08: load balancers try connections this way. A flow of many segments shows a single " +
			"impossible one only by its history.",
		Remedy: "Silence the rule, or change watch_ports, min_empty, border.",
	}
	for i := range rules {
		info.Kinds = append(info.Kinds, detect.Kind{Name: rules[i].kind, Severity: rules[i].severity, Doc: rules[i].id + ": an address " + rules[i].doc + "."})
	}
	return info
}
