package scan

import "github.com/weir-sensor/weir/detect"

// Info implements detect.Detector.
func (d *Detector) Info() detect.Info {
	return detect.Info{
		Name:    "scan",
		Watches: "flows, judged every 10 s",
		Idea: "Who uses a network knows what is there, and most of his first contacts succeed; who looks for what is there fails. " +
			"Each first contact of a source is a step of a random walk, up where it failed and down where it was taken, and at " +
			"the threshold the source is a scanner. Distinct ports of one server count beside it. What it asked says what kind " +
			"of scan it is; one alert says it all.",
		Formula: "First contact: the first of (source, server) for 24 h. It failed: no answer, RST, or packets that begin no connection.\n" +
			"Step: +ln((1-theta1)/(1-theta0)) on failure, +ln(theta1/theta0) on success, never below 0.\n" +
			"Scanner: walk >= ln(beta/alpha) (4 failures more than successes) and at least min_hosts hosts failed;\n" +
			"or targets - hosts >= min_ports - 1 and targets >= 3 hosts, a target being a host's port.\n" +
			"Kind: one port or at most 5: address_scan; one host or at most 5: port_scan; else random_scan.\n" +
			"half_open: half_open handshakes with one port given up by the client within 10 s.\n" +
			"Score: log2(1 + targets).\n" +
			"Sources: Jung, Paxson, Berger, Balakrishnan, IEEE S&P 2004; Page, Biometrika 41, 1954; kinds as in bro-simple-scan.",
		Cost:   "One look into the memory of contacts for a flow that was answered, and one or two into tables for one that failed.",
		Memory: "At most 300 bytes for each of max_sources, 130 for each of max_candidates, 3 for each of max_contacts: 52 MB. A source with one failed target is a candidate only, so that spoofed ones push out candidates and no scanners.",
		Wrong: "Contacts fail for other reasons: peers of peer-to-peer networks that are gone (quiet where they are asked again and again, " +
			"or each on a port of its own), a server that is gone (one contact), an outage, a capture that sees one direction. " +
			"While most of our hosts get no answer, or more TCP is heard from one side than from both, nothing is said. A scanner " +
			"that asks on behalf of others by forged addresses is not seen, nor one whose contacts mostly succeed.",
		Remedy: "min_hosts, min_hosts_other and min_ports for sources that may fail more often, such as crawlers and vulnerability scanners; theta0 lower where contacts fail often.",
		Kinds:  kinds,
	}
}
