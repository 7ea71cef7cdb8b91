//go:build !linux

package privilege

import "errors"

// reachable says that nobody can be become here.
func (id *Identity) reachable() error {
	return errors.New("user: got a name, want it empty: weir can become another user on Linux alone")
}

// Drop gives up nothing here, and says so.
func Drop(c Config, _ *Identity, _ Paths) (Report, error) {
	if c.Landlock == On {
		return Report{}, errors.New("privileges.landlock: got on, want auto or off: only Linux has Landlock")
	}
	return Report{Missing: "privileges are given up on Linux alone"}, nil
}

// Readable leaves it to whoever reads the file: nobody else was become.
func Readable(string, *Identity) error { return nil }
