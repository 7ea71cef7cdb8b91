package config

import (
	"strings"

	"github.com/weir-sensor/weir/detect/basic"
)

// basicKeys are the keys of the detector basic.
func basicKeys() []Key {
	return []Key{
		{"detect.basic.silence", "list", "any of " + strings.Join(basic.RuleIDs(), ", "),
			"Rules that say nothing; weir detectors explain basic tells what each is."},
		{"detect.basic.watch_ports", "list", basic.WantPort,
			"Server ports whose use is worth an alert (B02); the default is Tor's."},
		{"detect.basic.border", "switch", "true or false",
			"What is captured crosses the border of our network, where two addresses of detect.local_networks have nothing to say to each other (B09)."},
		{"detect.basic.min_empty", "connections", "1 to 1000000",
			"TCP connections without payload that a client opens and closes in 10 s before they are an alert (B08)."},
		{"detect.basic.max_alerts", "alerts", "1 to 1000",
			"Alerts of a rule in 10 s, those with most flows; the rest is one about the network."},
		{"detect.basic.compat", "switch", "true or false",
			"Also what an earlier program took for wrong, for comparison: TCP ports 81 and 82 (B02), whatever goes to 255.255.255.255 (B03)."},
	}
}
