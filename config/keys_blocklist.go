package config

import "github.com/weir-sensor/weir/detect/blocklist"

// blocklistKeys are the keys of the detector blocklist.
func blocklistKeys() []Key {
	return []Key{
		{"detect.blocklist.lists", "list", blocklist.WantSource,
			"Files of addresses that somebody thinks ill of, read again when they change; see docs/BLOCKLISTS.md."},
		{"detect.blocklist.skip_local", "switch", "true or false",
			"Addresses of detect.local_networks are on no list, whatever it says: lists of unused networks name private ones too."},
		{"detect.blocklist.max_alerts", "alerts", "1 to 1000",
			"Alerts of 10 s, those that mean most; the rest is one about the network."},
	}
}
