package config

// lateralKeys are the keys of detect.lateral.
func lateralKeys() []Key {
	return []Key{
		{"detect.lateral.learn", "duration", "0s to 8760h0m0s", "From the first record on: until then, new contacts may only be new to the sensor."},
		{"detect.lateral.forget", "duration", "1h0m0s to 8760h0m0s", "Contacts inside that were not seen for this long, up to twice that, are new again."},
		{"detect.lateral.min_peers", "hosts", "2 to 1000000", "New contacts of a host on a port within 10 min, as client and as server together, that make a swarm."},
		{"detect.lateral.symmetry", "ratio", "0 to 1", "Of the rarer kind of these contacts to the other."},
		{"detect.lateral.min_new", "hosts", "1 to 1000000", "New servers on a port that a client contacts within 10 min, after the learning, that are said."},
		{"detect.lateral.login_ports", "list", "ports from 1 to 65535", "TCP ports of services where passwords are guessed."},
		{"detect.lateral.min_tries", "flows", "3 to 1000000", "Flows of a client to such a service within 5 min, all of about one size, that are guessing."},
		{"detect.lateral.max_contact", "contacts", "1 to 100000000", "Contacts that are remembered; 4 B each."},
		{"detect.lateral.max_hosts", "hosts", "2 to 10000000", "Hosts and ports with new contacts that are watched; 200 B each."},
		{"detect.lateral.max_logins", "clients", "1 to 10000000", "Clients of login services that are watched; 250 B each."},
	}
}
