//go:build linux

package afpacket

import "golang.org/x/net/bpf"

const (
	etherIPv4, etherIPv6               = 0x0800, 0x86dd
	ether8021Q, ether8021ad, etherQinQ = 0x8100, 0x88a8, 0x9100
	etherMPLS, etherMPLSMulti          = 0x8847, 0x8848
	etherPPPoE, etherARP               = 0x8864, 0x0806

	etherHeaderLen, etherTypeAt = 14, 12
	packetOutgoing              = 4 // PACKET_OUTGOING of linux/if_packet.h, the kernel's word for what the host itself sends
)

// How deep the program looks: the decoder goes on for longer, and takes what is deeper for the same packet.
const (
	spreadTags   = 2 // VLAN tags in a row, besides the one that the kernel has taken off
	spreadLabels = 4 // MPLS labels
)

// Slots of the program's memory.
const (
	slotBase = iota // where the IP header begins
	slotSum
	slotHash
)

// spread returns a fanout program that hashes the IP addresses of a packet, of which the kernel takes the remainder by
// the number of rings. The hash is the same with the addresses swapped, and 0, which is the first ring, for what is too
// short or not IPv4 or IPv6: under VLAN tags, a PPPoE session or MPLS labels, and under these in an Ethernet pseudowire,
// all as packet.Decode reads them, as many as spreadTags and spreadLabels. A seed of its own keeps others from choosing
// addresses that meet in one ring.
//
// The kernel runs it before it has found out where the frame begins: what came in begins behind the Ethernet header,
// what goes out with it.
func spread(link uint16, seed uint32) []bpf.Instruction {
	var r routine
	if link == linkRaw {
		r.add(bpf.LoadConstant{Dst: bpf.RegX, Val: 0}, bpf.LoadAbsolute{Off: 0, Size: 1}, bpf.ALUOpConstant{Op: bpf.ALUOpShiftRight, Val: 4})
		r.when(bpf.JumpEqual, 4, "ipv4")
		r.when(bpf.JumpEqual, 6, "ipv6")
		r.add(bpf.RetConstant{Val: 0})
		r.hash(seed)
		return r.linked()
	}
	r.add(bpf.LoadExtension{Num: bpf.ExtType})
	r.when(bpf.JumpEqual, packetOutgoing, "whole")
	r.add(bpf.LoadConstant{Dst: bpf.RegX, Val: 0}, bpf.LoadExtension{Num: bpf.ExtProto})
	r.jump("etherType")
	r.label("whole")
	r.wholeFrame(seed)
	return r.linked()
}

// wholeFrame goes on with a frame that begins with its Ethernet header.
func (r *routine) wholeFrame(seed uint32) {
	r.add(bpf.LoadConstant{Dst: bpf.RegX, Val: etherHeaderLen}, bpf.LoadAbsolute{Off: etherTypeAt, Size: 2})
	r.label("etherType")
	r.etherType(true)
	r.pppoe()
	r.mpls()
	r.hash(seed)
}

// etherType goes on where A is an EtherType and X where what it names begins. In a pseudowire there is no other.
func (r *routine) etherType(outer bool) {
	for tags := range spreadTags + 1 {
		r.when(bpf.JumpEqual, etherIPv4, "ipv4")
		r.when(bpf.JumpEqual, etherIPv6, "ipv6")
		if outer {
			r.when(bpf.JumpEqual, etherPPPoE, "pppoe")
			r.when(bpf.JumpEqual, etherMPLS, "mpls")
			r.when(bpf.JumpEqual, etherMPLSMulti, "mpls")
		}
		if tags == spreadTags {
			break
		}
		r.add(
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: ether8021Q, SkipTrue: 3},
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: ether8021ad, SkipTrue: 2},
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: etherQinQ, SkipTrue: 1},
			bpf.RetConstant{Val: 0},
			bpf.LoadIndirect{Off: 2, Size: 2},
		)
		r.move(tagLen)
	}
	r.add(bpf.RetConstant{Val: 0})
}

// pppoe goes on where X is the header of a PPPoE session (RFC 2516). The PPP protocol has two bytes, or its odd lower one.
func (r *routine) pppoe() {
	const versionAndType, headerLen = 0x11, 6
	r.label("pppoe")
	r.add(
		bpf.LoadIndirect{Off: 0, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: versionAndType, SkipTrue: 1},
		bpf.RetConstant{Val: 0},
		bpf.LoadIndirect{Off: headerLen, Size: 1},
	)
	r.move(headerLen + 1)
	r.when(bpf.JumpEqual, 0x21, "ipv4")
	r.when(bpf.JumpEqual, 0x57, "ipv6")
	r.when(bpf.JumpEqual, 2, "pppMPLS")
	r.add(
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: 0, SkipTrue: 1},
		bpf.RetConstant{Val: 0},
		bpf.LoadIndirect{Off: 0, Size: 1},
	)
	r.move(1)
	r.when(bpf.JumpEqual, 0x21, "ipv4")
	r.when(bpf.JumpEqual, 0x57, "ipv6")
	r.add(bpf.RetConstant{Val: 0})
	r.label("pppMPLS")
	r.add(bpf.LoadIndirect{Off: 0, Size: 1})
	r.move(1)
	r.when(bpf.JumpEqual, 0x81, "mpls")
	r.when(bpf.JumpEqual, 0x83, "mpls")
	r.add(bpf.RetConstant{Val: 0})
}

// mpls goes on where X is a label stack (RFC 3032). What is under it, its first bits tell: IP, a control word (RFC 4385), or
// an Ethernet pseudowire.
func (r *routine) mpls() {
	r.label("mpls")
	for range spreadLabels {
		r.add(bpf.LoadIndirect{Off: 2, Size: 1})
		r.move(4)
		r.when(bpf.JumpBitsSet, 1, "bottom")
	}
	r.add(bpf.RetConstant{Val: 0})

	r.label("bottom")
	r.add(bpf.LoadIndirect{Off: 0, Size: 1})
	r.when(bpf.JumpLessThan, 0x10, "controlWord")
	r.when(bpf.JumpLessThan, 0x45, "pseudowire")
	r.when(bpf.JumpLessThan, 0x50, "ipv4") // with a header of 20 bytes at least
	r.when(bpf.JumpLessThan, 0x60, "pseudowire")
	r.when(bpf.JumpLessThan, 0x70, "maybeIPv6")
	r.jump("pseudowire")
	r.label("controlWord")
	r.whenEthernet(4, "behindControlWord")
	r.label("pseudowire")
	r.whenEthernet(0, "inner")
	r.add(bpf.RetConstant{Val: 0})
	r.label("maybeIPv6")
	r.whenEthernet(0, "inner")
	r.jump("ipv6")
	r.label("behindControlWord")
	r.move(4)
	r.label("inner")
	r.add(bpf.LoadIndirect{Off: etherTypeAt, Size: 2})
	r.move(etherHeaderLen)
	r.etherType(false)
}

// whenEthernet jumps where a frame at X + off would have an EtherType that is found in pseudowires.
func (r *routine) whenEthernet(off uint32, to string) {
	r.add(bpf.LoadIndirect{Off: off + etherTypeAt, Size: 2})
	for _, t := range []uint32{etherIPv4, etherIPv6, etherARP, ether8021Q, ether8021ad, etherQinQ, etherMPLS, etherPPPoE} {
		r.when(bpf.JumpEqual, t, to)
	}
}

// hash ends with the hash of the packet at X.
func (r *routine) hash(seed uint32) {
	finish := []bpf.Instruction{bpf.LoadScratch{Dst: bpf.RegX, N: slotHash}, bpf.ALUOpX{Op: bpf.ALUOpAdd}, bpf.RetA{}}
	r.label("ipv4")
	r.add(bpf.StoreScratch{Src: bpf.RegX, N: slotBase}, bpf.LoadIndirect{Off: 12, Size: 4})
	r.add(mix(seed)...)
	r.add(bpf.StoreScratch{Src: bpf.RegA, N: slotHash}, bpf.LoadScratch{Dst: bpf.RegX, N: slotBase}, bpf.LoadIndirect{Off: 16, Size: 4})
	r.add(mix(seed)...)
	r.add(finish...)
	r.label("ipv6")
	r.add(bpf.StoreScratch{Src: bpf.RegX, N: slotBase})
	r.add(foldIPv6(8)...)
	r.add(mix(seed)...)
	r.add(bpf.StoreScratch{Src: bpf.RegA, N: slotHash})
	r.add(foldIPv6(24)...)
	r.add(mix(seed)...)
	r.add(finish...)
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

// routine is a program in the making, whose jumps lead to labels further on.
type routine struct {
	code   []bpf.Instruction
	jumps  map[int]string // by place
	labels map[string]int
}

func (r *routine) add(code ...bpf.Instruction) { r.code = append(r.code, code...) }

func (r *routine) label(name string) {
	if r.labels == nil {
		r.labels = map[string]int{}
	}
	r.labels[name] = len(r.code)
}

func (r *routine) jump(to string) {
	if r.jumps == nil {
		r.jumps = map[int]string{}
	}
	r.jumps[len(r.code)] = to
	r.add(bpf.Jump{})
}

// when jumps where A compares so. A conditional jump by itself reaches no more than 255 instructions.
func (r *routine) when(cond bpf.JumpTest, val uint32, to string) {
	r.add(bpf.JumpIf{Cond: cond, Val: val, SkipFalse: 1})
	r.jump(to)
}

// move makes X so much larger, and keeps A.
func (r *routine) move(by uint32) {
	r.add(
		bpf.StoreScratch{Src: bpf.RegA, N: slotSum},
		bpf.TXA{},
		bpf.ALUOpConstant{Op: bpf.ALUOpAdd, Val: by},
		bpf.TAX{},
		bpf.LoadScratch{Dst: bpf.RegA, N: slotSum},
	)
}

// linked returns the program.
func (r *routine) linked() []bpf.Instruction {
	for at, to := range r.jumps {
		r.code[at] = bpf.Jump{Skip: uint32(r.labels[to] - at - 1)}
	}
	return r.code
}
