package libpcap

import (
	"encoding/binary"
	"fmt"
)

// instruction is one of classic BPF (S. McCanne and V. Jacobson, The BSD Packet Filter, USENIX Winter 1993).
type instruction struct {
	code   uint16
	jt, jf uint8
	k      uint32
}

// The parts of an instruction's code.
const (
	classLD, classLDX, classST, classSTX = 0, 1, 2, 3
	classALU, classJMP, classRET         = 4, 5, 6

	sizeW, sizeH, sizeB = 0x00, 0x08, 0x10

	modeIMM, modeABS, modeIND, modeMEM = 0x00, 0x20, 0x40, 0x60
	modeLEN, modeMSH                   = 0x80, 0xa0

	opAdd, opSub, opMul, opDiv, opOr  = 0x00, 0x10, 0x20, 0x30, 0x40
	opAnd, opLsh, opRsh, opNeg, opMod = 0x50, 0x60, 0x70, 0x80, 0x90
	opXor                             = 0xa0

	jumpAlways, jumpEqual, jumpGreater, jumpGreaterEqual, jumpSet = 0x00, 0x10, 0x20, 0x30, 0x40

	sourceX = 0x08

	memoryWords = 16
)

// Whole codes that occur outside of ALU and JMP.
const (
	ldAbsW, ldAbsH, ldAbsB = classLD | modeABS | sizeW, classLD | modeABS | sizeH, classLD | modeABS | sizeB
	ldIndW, ldIndH, ldIndB = classLD | modeIND | sizeW, classLD | modeIND | sizeH, classLD | modeIND | sizeB
	ldLen, ldImm, ldMem    = classLD | modeLEN, classLD | modeIMM, classLD | modeMEM
	ldxLen, ldxImm, ldxMem = classLDX | modeLEN, classLDX | modeIMM, classLDX | modeMEM
	ldxMsh                 = classLDX | modeMSH | sizeB
	retK, retA             = classRET, classRET | 0x10
	tax, txa               = 0x07, 0x87
)

// check refuses a program that run could not finish: unknown codes, jumps and memory out of range, a constant
// divisor of zero, no return at its end. Jumps go forward only, so that every program ends.
func check(program []instruction) error {
	for i, in := range program {
		left := uint64(len(program) - i - 1)
		ok := true
		switch in.code & 7 {
		case classALU:
			op := in.code & 0xf0
			ok = op <= opXor && ((op != opDiv && op != opMod) || in.code&sourceX != 0 || in.k != 0)
		case classJMP:
			op := in.code & 0xf0
			ok = op == jumpAlways && uint64(in.k) < left || op > jumpAlways && op <= jumpSet && uint64(max(in.jt, in.jf)) < left
		case classST, classSTX:
			ok = in.k < memoryWords
		default:
			switch in.code {
			case ldMem, ldxMem:
				ok = in.k < memoryWords
			case ldAbsW, ldAbsH, ldAbsB, ldIndW, ldIndH, ldIndB, ldLen, ldImm, ldxLen, ldxImm, ldxMsh, retK, retA, tax, txa:
			default:
				ok = false
			}
		}
		if !ok {
			return fmt.Errorf("unexpected instruction %d: code %#x k %#x", i, in.code, in.k)
		}
	}
	if n := len(program); n == 0 || program[n-1].code&7 != classRET {
		return fmt.Errorf("program of %d instructions without a return", n)
	}
	return nil
}

// run executes a checked program as libpcap's bpf_filter does: a load beyond the captured bytes and a division by
// zero return 0, and the packet's length is the one on the wire.
func run(program []instruction, frame []byte, wire uint32) uint32 {
	var a, x uint32
	var memory [memoryWords]uint32
	for pc := 0; ; pc++ {
		in := &program[pc]
		switch in.code {
		case ldAbsW, ldAbsH, ldAbsB:
			v, ok := load(frame, uint64(in.k), in.code&0x18)
			if !ok {
				return 0
			}
			a = v
		case ldIndW, ldIndH, ldIndB:
			v, ok := load(frame, uint64(x)+uint64(in.k), in.code&0x18)
			if !ok {
				return 0
			}
			a = v
		case ldxMsh:
			v, ok := load(frame, uint64(in.k), sizeB)
			if !ok {
				return 0
			}
			x = v & 15 << 2
		case ldLen:
			a = wire
		case ldxLen:
			x = wire
		case ldImm:
			a = in.k
		case ldxImm:
			x = in.k
		case ldMem:
			a = memory[in.k&(memoryWords-1)]
		case ldxMem:
			x = memory[in.k&(memoryWords-1)]
		case classST:
			memory[in.k&(memoryWords-1)] = a
		case classSTX:
			memory[in.k&(memoryWords-1)] = x
		case tax:
			x = a
		case txa:
			a = x
		case retK:
			return in.k
		case retA:
			return a
		default:
			operand := in.k
			if in.code&sourceX != 0 {
				operand = x
			}
			if in.code&7 == classJMP {
				pc += jump(in, a, operand)
				continue
			}
			var ok bool
			if a, ok = compute(in.code&0xf0, a, operand); !ok {
				return 0
			}
		}
	}
}

// load reads a big-endian number of the frame; false where it is not all there.
func load(frame []byte, at uint64, size uint16) (uint32, bool) {
	n := uint64(len(frame))
	switch size {
	case sizeB:
		if at < n {
			return uint32(frame[at]), true
		}
	case sizeH:
		if at+2 <= n {
			return uint32(binary.BigEndian.Uint16(frame[at:])), true
		}
	default:
		if at+4 <= n {
			return binary.BigEndian.Uint32(frame[at:]), true
		}
	}
	return 0, false
}

// jump is how many instructions to leave out.
func jump(in *instruction, a, operand uint32) int {
	var taken bool
	switch in.code & 0xf0 {
	case jumpAlways:
		return int(in.k)
	case jumpEqual:
		taken = a == operand
	case jumpGreater:
		taken = a > operand
	case jumpGreaterEqual:
		taken = a >= operand
	case jumpSet:
		taken = a&operand != 0
	}
	if taken {
		return int(in.jt)
	}
	return int(in.jf)
}

// compute is a's new value; false for a division by zero. A shift by 32 or more gives 0, as in libpcap.
func compute(op uint16, a, operand uint32) (uint32, bool) {
	switch op {
	case opAdd:
		return a + operand, true
	case opSub:
		return a - operand, true
	case opMul:
		return a * operand, true
	case opDiv, opMod:
		if operand == 0 {
			return 0, false
		}
		if op == opDiv {
			return a / operand, true
		}
		return a % operand, true
	case opOr:
		return a | operand, true
	case opAnd:
		return a & operand, true
	case opLsh:
		return a << operand, true
	case opRsh:
		return a >> operand, true
	case opNeg:
		return -a, true
	}
	return a ^ operand, true
}
