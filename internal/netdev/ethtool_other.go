//go:build !linux

package netdev

import (
	"errors"
	"fmt"
)

// hasAny: libpcap has Any on Linux alone.
const hasAny = false

func driver(string) string { return "" }

// Offloads returns the names of the interface's features that are on; here always an error.
func Offloads(name string) (map[string]bool, error) {
	return nil, fmt.Errorf("ask ethtool for the features of %s: %w", name, errors.ErrUnsupported)
}
