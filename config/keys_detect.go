package config

import "slices"

// detectKeys are the keys of the engine and of each detector, in the order of detectors.Config.
func detectKeys() []Key {
	return slices.Concat(
		[]Key{
			{"detect.detectors", "list", "none, or any of default, all, and the detectors' names",
				"Detectors that run; default stands for those that are worth it on every network. With none, or an empty list, nothing is judged, but weir detect, report and train ensemble take an empty list for default."},
			{"detect.suppress", "duration", "0s to 24h0m0s",
				"An alert said again within this raises the count of the one that stands, and is written again when its score doubles."},
			{"detect.max_standing", "alerts", "1 to 10000000",
				"Alerts remembered for that, which bounds memory; the one not said for longest is forgotten."},
			{"detect.local_networks", "list", "networks such as 10.0.0.0/8 or fd00::/8, or addresses",
				"What is ours: a client inside and a server outside is outbound traffic, both inside is internal."},
			{"detect.reorder", "records", "1 to 100000000",
				"Flow records from elsewhere (weir detect) that are held to put them in order of time, 0.4 kB each."},
			{"detect.lateness", "duration", "0s to 24h0m0s",
				"A record that comes when one later by more than this was already judged is late: counted and not judged."},
		},
		basicKeys(),
		blocklistKeys(),
		portsKeys(),
		hostsKeys(),
		scanKeys(),
		pairsKeys(),
		densityKeys(),
		clustersKeys(),
		trendKeys(),
		beaconKeys(),
		sequenceKeys(),
		exfiltrationKeys(),
		lateralKeys(),
		transportKeys(),
		ensembleKeys(),
	)
}
