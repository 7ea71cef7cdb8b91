//go:build linux

package afpacket

import (
	"fmt"

	"golang.org/x/net/bpf"
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

const (
	etherIPv4, etherIPv6               = 0x0800, 0x86dd
	ether8021Q, ether8021ad, etherQinQ = 0x8100, 0x88a8, 0x9100

	etherHeaderLen = 14
	packetOutgoing = 4 // PACKET_OUTGOING of linux/if_packet.h, the kernel's word for what the host itself sends
)

// Slots of the program's memory.
const (
	slotBase = iota // where the IP header begins
	slotSum
	slotHash
)

// spread returns a fanout program that hashes the IP addresses of a packet, of which the kernel takes the remainder by
// the number of rings. The hash is the same with the addresses swapped, and 0 for what is not IPv4 or IPv6 behind at
// most two VLAN tags (and the one that the kernel has taken off), or too short. So are MPLS and PPPoE, whatever is in
// them: all in the first ring. A seed of its own keeps others from choosing addresses that meet in one ring.
//
// The kernel runs it before it has found out where the frame begins: what came in begins behind the Ethernet header,
// what goes out with it.
func spread(link uint16, seed uint32) []bpf.Instruction {
	if link == linkRaw {
		return append([]bpf.Instruction{
			bpf.LoadConstant{Dst: bpf.RegX, Val: 0},
			bpf.LoadAbsolute{Off: 0, Size: 1},
			bpf.ALUOpConstant{Op: bpf.ALUOpShiftRight, Val: 4},
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: 4, SkipFalse: 2},
			bpf.LoadConstant{Dst: bpf.RegA, Val: etherIPv4},
			bpf.Jump{Skip: 3},
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: 6, SkipTrue: 1},
			bpf.RetConstant{Val: 0},
			bpf.LoadConstant{Dst: bpf.RegA, Val: etherIPv6},
		}, spreadIP(seed)...)
	}
	outgoing := spreadOutgoing()
	program := []bpf.Instruction{
		bpf.LoadExtension{Num: bpf.ExtType},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: packetOutgoing, SkipTrue: 3},
		bpf.LoadConstant{Dst: bpf.RegX, Val: 0},
		bpf.LoadExtension{Num: bpf.ExtProto},
		bpf.Jump{Skip: uint32(len(outgoing))},
	}
	return append(append(program, outgoing...), spreadIP(seed)...)
}

// spreadOutgoing finds the EtherType of a whole Ethernet frame, and what follows it.
func spreadOutgoing() []bpf.Instruction {
	return []bpf.Instruction{
		bpf.LoadConstant{Dst: bpf.RegX, Val: etherHeaderLen},
		bpf.LoadAbsolute{Off: 12, Size: 2},
	}
}

// spreadIP goes on where A is an EtherType and X where what it names begins.
func spreadIP(seed uint32) []bpf.Instruction {
	v4 := []bpf.Instruction{bpf.StoreScratch{Src: bpf.RegX, N: slotBase}}
	v4 = append(v4, bpf.LoadIndirect{Off: 12, Size: 4})
	v4 = append(v4, mix(seed)...)
	v4 = append(v4, bpf.StoreScratch{Src: bpf.RegA, N: slotHash})
	v4 = append(v4, bpf.LoadScratch{Dst: bpf.RegX, N: slotBase}, bpf.LoadIndirect{Off: 16, Size: 4})
	v4 = append(v4, mix(seed)...)
	v4 = append(v4, finish()...)

	v6 := []bpf.Instruction{bpf.StoreScratch{Src: bpf.RegX, N: slotBase}}
	v6 = append(v6, foldIPv6(8)...)
	v6 = append(v6, mix(seed)...)
	v6 = append(v6, bpf.StoreScratch{Src: bpf.RegA, N: slotHash})
	v6 = append(v6, foldIPv6(24)...)
	v6 = append(v6, mix(seed)...)
	v6 = append(v6, finish()...)

	// Three times: without a tag in the frame, with one, with two.
	var program []bpf.Instruction
	for tags := range 3 {
		var next []bpf.Instruction
		if tags == 2 {
			next = []bpf.Instruction{bpf.RetConstant{Val: 0}}
		} else {
			next = []bpf.Instruction{
				bpf.JumpIf{Cond: bpf.JumpEqual, Val: ether8021Q, SkipTrue: 3},
				bpf.JumpIf{Cond: bpf.JumpEqual, Val: ether8021ad, SkipTrue: 2},
				bpf.JumpIf{Cond: bpf.JumpEqual, Val: etherQinQ, SkipTrue: 1},
				bpf.RetConstant{Val: 0},
				bpf.LoadIndirect{Off: 2, Size: 2},
				bpf.StoreScratch{Src: bpf.RegA, N: slotSum},
				bpf.TXA{},
				bpf.ALUOpConstant{Op: bpf.ALUOpAdd, Val: tagLen},
				bpf.TAX{},
				bpf.LoadScratch{Dst: bpf.RegA, N: slotSum},
			}
		}
		program = append(program, bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: etherIPv4, SkipTrue: uint8(len(v4))})
		program = append(program, v4...)
		program = append(program, bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: etherIPv6, SkipTrue: uint8(len(v6))})
		program = append(program, v6...)
		program = append(program, next...)
	}
	return program
}

// foldIPv6 makes 32 bits of an IPv6 address; off is where it begins in the header.
func foldIPv6(off uint32) []bpf.Instruction {
	program := []bpf.Instruction{
		bpf.LoadScratch{Dst: bpf.RegX, N: slotBase},
		bpf.LoadIndirect{Off: off, Size: 4},
	}
	for word := uint32(1); word < 4; word++ {
		program = append(program,
			bpf.ALUOpConstant{Op: bpf.ALUOpMul, Val: multiplier1},
			bpf.StoreScratch{Src: bpf.RegA, N: slotSum},
			bpf.LoadIndirect{Off: off + 4*word, Size: 4},
			bpf.LoadScratch{Dst: bpf.RegX, N: slotSum},
			bpf.ALUOpX{Op: bpf.ALUOpAdd},
			bpf.LoadScratch{Dst: bpf.RegX, N: slotBase},
		)
	}
	return program
}

// Odd numbers with bits all over: 2^32 divided by the golden ratio, and by the square root of 2 twice over.
const (
	multiplier1 = 0x9e3779b1
	multiplier2 = 0xb504f333
)

// mix makes A a number of which every bit depends on all of A's, so that the sum of two says nothing of their
// difference: neighbours that talk to neighbours would else all have the same hash. It overwrites X.
func mix(seed uint32) []bpf.Instruction {
	program := []bpf.Instruction{bpf.ALUOpConstant{Op: bpf.ALUOpXor, Val: seed}}
	for _, step := range []struct{ shift, multiplier uint32 }{{16, multiplier1}, {15, multiplier2}, {16, 0}} {
		program = append(program,
			bpf.TAX{},
			bpf.ALUOpConstant{Op: bpf.ALUOpShiftRight, Val: step.shift},
			bpf.ALUOpX{Op: bpf.ALUOpXor},
		)
		if step.multiplier != 0 {
			program = append(program, bpf.ALUOpConstant{Op: bpf.ALUOpMul, Val: step.multiplier})
		}
	}
	return program
}

// finish returns the sum of A and the other address's hash.
func finish() []bpf.Instruction {
	return []bpf.Instruction{
		bpf.LoadScratch{Dst: bpf.RegX, N: slotHash},
		bpf.ALUOpX{Op: bpf.ALUOpAdd},
		bpf.RetA{},
	}
}
