package lateral

import "github.com/weir-sensor/weir/detect"

// Info implements detect.Detector.
func (d *Detector) Info() detect.Info {
	return detect.Info{
		Name:    "lateral",
		Watches: "flows inside and to login services; judged in 1 min batches",
		Idea: "Inside a network clients talk to servers, always the same ones. Hosts that contact each other, each as client and as " +
			"server of the same port, are a swarm; a host that suddenly contacts many it never had contact with is looking around. " +
			"Who guesses passwords makes many short flows to one service, all of about the same size, or most of them, where others are refused.",
		Formula: "A contact is (client, server, port, protocol) of an answered flow between hosts of detect.local_networks; new is one not seen " +
			"for forget.\n" +
			"peer_to_peer, per host and port within 10 min of its first new contact: out + in >= min_peers, min(out, in) >= symmetry max(out, in), " +
			"out and in the new contacts as client and as server; low during learn, since all is new then, medium after it; " +
			"not on a port from 1024 on where there were contacts with the outside, both ways, in the last hour, unless it is one of login_ports.\n" +
			"new_contacts, after learn: out >= min_new.\n" +
			"brute_force, per client and service on login_ports, or whose first packet is SSH's on any port (flow feature first_packet), within 5 min of the first: " +
			"min_tries flows with payload both ways, at most 8 kB each way and a minute long; standard deviation over mean of the sizes up " +
			"and down at most 0.25 each, or else min_tries flows that are half of all at least, each within a quarter of their mean both ways " +
			"(of four such kinds that are told apart).\n" +
			"flows_per_s: (n - 1)/(t_n - t_1).",
		Cost:   "one look in a filter and two table look-ups per flow inside, one per flow to a login service, nothing else",
		Memory: "4 B for each of max_contact, 200 B for each of max_hosts, 250 B for each of max_logins, 512 kB for ports",
		Wrong: "Clusters, replication and file sharing between desktops are swarms, until they are known. A swarm that has members outside, such as BitTorrent, is left alone; who spreads inside and makes contacts both ways outside on the same port hides there. A new server is many " +
			"new contacts, but of its clients one each. Programs that log in every few seconds and do little look like guessing; " +
			"guessing that is slower than eight tries in 5 min, or spread over many clients, is not seen. Of new contacts the filter takes up to 2 in 100 for known.",
		Remedy: "Let learn pass; raise min_peers where services talk among themselves; take the ports of scripts out of login_ports.",
		Kinds: []detect.Kind{
			{Name: "peer_to_peer", Severity: detect.Medium, Doc: "An internal host is client and server of others on a port where it had no contacts."},
			{Name: "new_contacts", Severity: detect.Low, Doc: "An internal host contacts many others for the first time."},
			{Name: "brute_force", Severity: detect.Medium, Doc: "A client tries a login service again and again, with flows of one size."},
		},
	}
}
