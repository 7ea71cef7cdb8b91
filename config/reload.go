package config

import "reflect"

// Reloads says whether a live run takes over another value of the key while it captures, by SIGHUP. The other keys decide
// what is opened at the start, or what records mean that are begun already: they take a restart.
func (k Key) Reloads() bool {
	switch k.Name {
	case "output.rotate.every", "output.rotate.size", "output.queue", "output.flush", "output.sync", "output.drain", "log.level":
		return true
	}
	return false
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
