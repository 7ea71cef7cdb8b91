//go:build !linux

package afpacket

import (
	"errors"

	"github.com/weir-sensor/weir/capture"
)

// Ring cannot be had on this system.
type Ring struct{ capture.Live }

// Interrupt does nothing.
func (r *Ring) Interrupt() {}

// LinkType returns an error, as Open does.
func LinkType(string) (uint16, error) { return 0, errNoLinux }

// Open returns an error: AF_PACKET is Linux's.
func Open(string, int, Config, Options) ([]*Ring, error) {
	return nil, errNoLinux
}

var errNoLinux = errors.New("open rings: AF_PACKET needs Linux; --engine pcap does without")
