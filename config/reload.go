package config

import (
	"reflect"
	"strings"
)

// Reloads says whether a live run takes over another value of the key while it captures, by SIGHUP. The other keys decide
// what is opened at the start, how memory is divided, or what records mean that are begun already: they take a restart.
func (k Key) Reloads() bool {
	switch k.Name {
	case "output.rotate.every", "output.rotate.size", "output.queue", "output.flush", "output.sync", "output.drain", "log.level":
		return true

	// What runs, is read, or is ours.
	case "detect.detectors", "detect.local_networks", "detect.blocklist.lists", "detect.sequence.model", "detect.transport.model",
		"detect.ensemble.calibration",
		// Of flows from elsewhere.
		"detect.reorder", "detect.lateness",
		// The size of tables.
		"detect.max_standing", "detect.ports.max_ports", "detect.ports.max_known", "detect.ports.max_events", "detect.hosts.max_hosts",
		"detect.hosts.max_busy", "detect.hosts.max_scanned", "detect.scan.max_sources", "detect.scan.max_candidates",
		"detect.scan.max_contacts", "detect.pairs.max_pairs", "detect.pairs.max_ports", "detect.density.max_flows",
		"detect.clusters.max_flows", "detect.trend.max_hosts", "detect.trend.max_victims", "detect.trend.max_seasons", "detect.trend.max_spectra",
		"detect.beacon.max_pairs",
		"detect.beacon.max_series", "detect.beacon.max_endpoints", "detect.beacon.max_open", "detect.sequence.max_hosts", "detect.exfiltration.max_clients",
		"detect.exfiltration.max_resolvers", "detect.lateral.max_contact", "detect.lateral.max_hosts", "detect.lateral.max_logins",
		"detect.transport.max_servers", "detect.transport.max_clients", "detect.transport.max_pairs", "detect.ensemble.scores", "detect.ensemble.max_hosts",
		// What is measured of flows.
		"detect.transport.strictness",
		// The length of batches and memories.
		"detect.ports.forget", "detect.scan.forget", "detect.lateral.forget", "detect.clusters.batch", "detect.trend.lag",
		// What was remembered by them.
		"detect.hosts.compat", "detect.hosts.compat_popular", "detect.density.rows", "detect.density.columns", "detect.clusters.method", "detect.clusters.rows",
		"detect.clusters.columns", "detect.clusters.components", "detect.ensemble.groups":
		return false
	}
	return strings.HasPrefix(k.Name, "detect.")
}

// Change is a key with another value than before, as config.yaml would have them.
type Change struct{ Key, Old, New string }

// String returns "key: old -> new".
func (c Change) String() string { return c.Key + ": " + c.Old + " -> " + c.New }

// Reload compares a configuration that was read again with the one of a run. It returns what the run goes on with, which
// keys that changes, and which ones it leaves as they are, for they take a restart.
func Reload(running, read Config) (next Config, changed, restart []Change) {
	next = running
	into, from := reflect.ValueOf(&next).Elem(), values(read)
	old := map[string]reflect.Value{}
	leaves(into, "", func(key string, leaf reflect.Value) { old[key] = leaf })
	for _, key := range Keys() {
		change := Change{key.Name, format(old[key.Name]), format(from[key.Name])}
		switch {
		case change.Old == change.New:
		case key.Reloads():
			changed = append(changed, change)
			old[key.Name].Set(from[key.Name])
		default:
			restart = append(restart, change)
		}
	}
	return next, changed, restart
}
