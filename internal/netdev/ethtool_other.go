//go:build !linux

package netdev

import (
	"errors"
	"fmt"
)

// hasAny: libpcap has Any on Linux alone.
const hasAny = false

// hasRings: there is AF_PACKET here.
const hasRings = false

// MayCapture says whether the process may read what passes the interfaces, as far as can be known without trying.
func MayCapture() bool { return true }

func driver(string) string { return "" }

// Offloads returns the names of the interface's features that are on; here always an error.
func Offloads(name string) (map[string]bool, error) {
	return nil, fmt.Errorf("ask ethtool for the features of %s: %w", name, errors.ErrUnsupported)
}
