//go:build linux

package afpacket

import (
	"errors"
	"fmt"

	"golang.org/x/net/bpf"
)

// maxInstructions is BPF_MAXINSNS, the longest program that the kernel takes.
const maxInstructions = 4096

// socketFilter returns the program of a ring's socket: it returns how much to capture of a frame that passes the filter,
// and 0 for others. On the loopback interface, which shows each packet on its way out and on its way in, only the latter
// passes.
func socketFilter(filter []bpf.RawInstruction, link uint16, loopback bool, snaplen int) ([]bpf.Instruction, error) {
	var program []bpf.Instruction
	if loopback {
		program = append(program,
			bpf.LoadExtension{Num: bpf.ExtType},
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: packetOutgoing, SkipFalse: 1},
			bpf.RetConstant{Val: 0},
			bpf.LoadConstant{Dst: bpf.RegA, Val: 0}, // as a program may expect it
		)
	}
	if len(filter) == 0 {
		return append(program, bpf.RetConstant{Val: uint32(snaplen)}), nil
	}
	plain := make([]bpf.RawInstruction, len(filter))
	for i, in := range filter {
		if in.Op == opRetK {
			in.K = min(in.K, uint32(snaplen))
		}
		plain[i] = in
	}
	if link == linkEthernet {
		behind, err := tagged(plain)
		if err != nil {
			return nil, err
		}
		program = append(program,
			bpf.LoadExtension{Num: bpf.ExtVLANTagPresent},
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: 0, SkipTrue: 2},
			bpf.LoadConstant{Dst: bpf.RegA, Val: 0},
			bpf.Jump{Skip: uint32(len(plain))},
		)
		plain = append(plain, behind...)
	}
	for _, in := range plain {
		program = append(program, in)
	}
	if len(program) > maxInstructions {
		return nil, fmt.Errorf("filter is too long: its %d instructions become %d, of which the kernel takes %d", len(filter),
			len(program), maxInstructions)
	}
	return program, nil
}

// Codes of instructions (linux/bpf_common.h, linux/filter.h).
const (
	opClass             = 0x07
	opLoad              = 0x00
	opJump              = 0x05
	opMode              = 0xe0
	opAbsolute          = 0x20
	opIndirect          = 0x40
	opSize, opHalf      = 0x18, 0x08
	opByte              = 0x10
	opLoadLen           = 0x80
	opLoadXLen          = 0x81
	opLoadXHeaderLen    = 0xb1 // 4 * (byte & 0xf)
	opLoadMem, opStore  = 0x60, 0x02
	opLoadXMem, opStorX = 0x61, 0x03
	opRetK              = 0x06
	opJumpAlways        = 0x05
	firstExtension      = 1 << 31 // addresses from here on are not the frame's
	scratchSlots        = 16
)

// tagged rewrites a filter for the frames of which the kernel has taken the outer VLAN tag off, so that it finds the tag
// in its place behind the addresses and everything else 4 bytes further on, as in a capture file. Without that, "ip"
// would take tagged packets here and not from a file, and "vlan" none.
//
// An address that the filter computes is looked at when it runs; if it is the tag's own, the frame does not pass.
func tagged(filter []bpf.RawInstruction) ([]bpf.RawInstruction, error) {
	slot, err := freeSlot(filter)
	if err != nil {
		return nil, err
	}
	chunks := make([][]bpf.RawInstruction, len(filter))
	for i, in := range filter {
		if in.Op&opClass == opJump {
			left := uint64(len(filter) - i - 1)
			if in.Op == opJumpAlways && uint64(in.K) >= left || in.Op != opJumpAlways && uint64(max(in.Jt, in.Jf)) >= left {
				return nil, fmt.Errorf("filter has a jump out of itself, instruction %d", i)
			}
			chunks[i] = []bpf.RawInstruction{in}
			continue
		}
		if chunks[i], err = raw(behindTag(in, slot)); err != nil {
			return nil, err
		}
	}
	return relocate(chunks), nil
}

// freeSlot returns a word of the scratch memory that the filter does not use.
func freeSlot(filter []bpf.RawInstruction) (int, error) {
	var used [scratchSlots]bool
	for _, in := range filter {
		switch in.Op {
		case opLoadMem, opLoadXMem, opStore, opStorX:
			if in.K < scratchSlots {
				used[in.K] = true
			}
		}
	}
	for slot, u := range used {
		if !u {
			return slot, nil
		}
	}
	return 0, errors.New("filter uses all of the scratch memory, of which the VLAN tag takes a word")
}

func raw(program []bpf.Instruction) ([]bpf.RawInstruction, error) {
	code, err := bpf.Assemble(program)
	if err != nil {
		return nil, fmt.Errorf("assemble filter: %w", err)
	}
	return code, nil
}

// tagEnd is where a tag behind the addresses ends.
const tagEnd = addresses + tagLen

// behindTag returns what does to a frame without its tag what an instruction other than a jump does to one with it. It
// keeps the register that the instruction keeps.
func behindTag(in bpf.RawInstruction, slot int) []bpf.Instruction {
	moved := in
	moved.K -= tagLen
	size := uint32(4)
	switch in.Op & opSize {
	case opHalf:
		size = 2
	case opByte:
		size = 1
	}
	inFrame := in.K < firstExtension
	switch {
	case in.Op == opLoadLen:
		return []bpf.Instruction{in, bpf.ALUOpConstant{Op: bpf.ALUOpAdd, Val: tagLen}}
	case in.Op == opLoadXLen:
		return toX(slot, bpf.LoadExtension{Num: bpf.ExtLen}, bpf.ALUOpConstant{Op: bpf.ALUOpAdd, Val: tagLen})
	case in.Op == opLoadXHeaderLen && inFrame && in.K >= tagEnd:
		return []bpf.Instruction{moved}
	case in.Op == opLoadXHeaderLen && inFrame && in.K >= addresses:
		return toX(slot, append(tagByte(in.K), bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 0xf},
			bpf.ALUOpConstant{Op: bpf.ALUOpShiftLeft, Val: 2})...)
	case in.Op&(opClass|opMode) == opLoad|opAbsolute && inFrame && in.K+size > addresses:
		if in.K >= tagEnd {
			return []bpf.Instruction{moved}
		}
		return loadTag(in.K, size, slot)
	case in.Op&(opClass|opMode) == opLoad|opIndirect:
		if inFrame && in.K >= tagEnd { // wherever X points
			return []bpf.Instruction{moved}
		}
		return []bpf.Instruction{
			bpf.TXA{},
			bpf.ALUOpConstant{Op: bpf.ALUOpAdd, Val: in.K},
			bpf.JumpIf{Cond: bpf.JumpGreaterOrEqual, Val: tagEnd, SkipFalse: 2},
			moved,
			bpf.Jump{Skip: 3},
			bpf.JumpIf{Cond: bpf.JumpGreaterThan, Val: addresses - size, SkipFalse: 1},
			bpf.RetConstant{Val: 0},
			in,
		}
	}
	return []bpf.Instruction{in}
}

// toX has X get what a program leaves in A, which stays what it was.
func toX(slot int, program ...bpf.Instruction) []bpf.Instruction {
	program = append([]bpf.Instruction{bpf.StoreScratch{Src: bpf.RegA, N: slot}}, program...)
	return append(program, bpf.TAX{}, bpf.LoadScratch{Dst: bpf.RegA, N: slot})
}

// loadTag loads bytes of which at least one is the tag's.
func loadTag(at, size uint32, slot int) []bpf.Instruction {
	switch {
	case at == addresses && size == 2:
		return []bpf.Instruction{bpf.LoadExtension{Num: bpf.ExtVLANProto}}
	case at == addresses+2 && size == 2:
		return []bpf.Instruction{bpf.LoadExtension{Num: bpf.ExtVLANTag}}
	case size == 1:
		return tagByte(at)
	}
	program := append([]bpf.Instruction{bpf.StoreScratch{Src: bpf.RegX, N: slot}}, tagByte(at)...)
	for i := uint32(1); i < size; i++ {
		program = append(program, bpf.ALUOpConstant{Op: bpf.ALUOpShiftLeft, Val: 8}, bpf.TAX{})
		program = append(append(program, tagByte(at+i)...), bpf.ALUOpX{Op: bpf.ALUOpOr})
	}
	return append(program, bpf.LoadScratch{Dst: bpf.RegX, N: slot})
}

// tagByte loads one byte, of the tag or beside it, and keeps X.
func tagByte(at uint32) []bpf.Instruction {
	part := bpf.ExtVLANProto
	switch {
	case at < addresses:
		return []bpf.Instruction{bpf.LoadAbsolute{Off: at, Size: 1}}
	case at >= tagEnd:
		return []bpf.Instruction{bpf.LoadAbsolute{Off: at - tagLen, Size: 1}}
	case at >= addresses+2:
		part = bpf.ExtVLANTag
	}
	if at%2 == 0 {
		return []bpf.Instruction{bpf.LoadExtension{Num: part}, bpf.ALUOpConstant{Op: bpf.ALUOpShiftRight, Val: 8}}
	}
	return []bpf.Instruction{bpf.LoadExtension{Num: part}, bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 0xff}}
}

// relocate puts together what the instructions of a program have become, and has the jumps, each alone in its chunk,
// lead to the chunks of those that they led to. A conditional jump reaches 255 instructions; one that has to lead
// further is replaced by three.
func relocate(chunks [][]bpf.RawInstruction) []bpf.RawInstruction {
	start := make([]int, len(chunks)+1)
	long := make([]bool, len(chunks))
	for again := true; again; {
		again = false
		for i, c := range chunks {
			start[i+1] = start[i] + len(c)
			if long[i] {
				start[i+1] += 2
			}
		}
		for i, c := range chunks {
			in := c[0]
			if in.Op&opClass == opJump && in.Op != opJumpAlways && !long[i] &&
				start[i+1+int(max(in.Jt, in.Jf))]-start[i]-1 > 255 {
				long[i], again = true, true
			}
		}
	}
	var program []bpf.RawInstruction
	for i, c := range chunks {
		in := c[0]
		if in.Op&opClass != opJump || len(c) > 1 {
			program = append(program, c...)
			continue
		}
		if in.Op == opJumpAlways {
			in.K = uint32(start[i+1+int(in.K)] - start[i] - 1)
			program = append(program, in)
			continue
		}
		yes, no := start[i+1+int(in.Jt)]-start[i]-1, start[i+1+int(in.Jf)]-start[i]-1
		if !long[i] {
			in.Jt, in.Jf = uint8(yes), uint8(no)
			program = append(program, in)
			continue
		}
		in.Jt, in.Jf = 0, 1
		program = append(program, in, bpf.RawInstruction{Op: opJumpAlways, K: uint32(yes - 1)},
			bpf.RawInstruction{Op: opJumpAlways, K: uint32(no - 2)})
	}
	return program
}
