//go:build linux

package afpacket

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// joinFanout makes the rings one fanout group, in their order, so that the kernel gives each packet to the one that
// spread says. The kernel chooses the group's number, as one that nobody else has. A ring by itself needs no group.
func joinFanout(rings []*Ring, link uint16, seed uint32) error {
	if len(rings) < 2 {
		return nil
	}
	program, err := assemble(spread(link, seed))
	if err != nil {
		return err
	}
	const kind = unix.PACKET_FANOUT_CBPF << 16
	group := unix.PACKET_FANOUT_FLAG_UNIQUEID << 16
	for i, r := range rings {
		if err := unix.SetsockoptInt(r.fd, unix.SOL_PACKET, unix.PACKET_FANOUT, kind|group); err != nil {
			return fmt.Errorf("join fanout group: %w", err)
		}
		if i > 0 {
			continue
		}
		if group, err = unix.GetsockoptInt(r.fd, unix.SOL_PACKET, unix.PACKET_FANOUT); err != nil {
			return fmt.Errorf("learn fanout group: %w", err)
		}
		group &= 0xffff
		if err := unix.SetsockoptSockFprog(r.fd, unix.SOL_PACKET, unix.PACKET_FANOUT_DATA, program); err != nil {
			return fmt.Errorf("set fanout program: %w", err)
		}
	}
	return nil
}
