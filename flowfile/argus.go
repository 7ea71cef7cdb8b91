package flowfile

import (
	"bytes"
	"math"
	"slices"
	"strconv"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
)

// Cells of Argus's binetflow.
const (
	argusStart = iota
	argusDur
	argusProto
	argusSrc
	argusSport
	argusDir
	argusDst
	argusDport
	argusState
	argusTotPkts
	argusTotBytes
	argusSrcBytes
	argusSrcPkts
)

func argusLayout() *layout {
	return &layout{
		name: "argus",
		columns: []string{"StartTime", "Dur", "Proto", "SrcAddr", "Sport", "Dir", "DstAddr", "Dport", "State", "TotPkts",
			"TotBytes", "SrcBytes", "SrcPkts"},
		needed: []int{argusStart, argusProto, argusSrc, argusDst, argusTotBytes, argusSrcBytes},
		named:  []int{argusDport},
		decode: readArgus,
	}
}

func readArgus(r *row) {
	rec := &r.record
	r.missing = detect.NoPayload | detect.NoHistory
	if r.proto(argusProto); r.notIP {
		return
	}
	rec.Start = r.time(argusStart)
	if r.has(argusDur) {
		r.end(argusDur, r.seconds(argusDur, 1))
	} else {
		rec.End = rec.Start
		r.missing |= detect.NoDuration
	}
	r.endpoints(argusSrc, argusDst)
	r.fixICMP()
	total, up := r.count(argusTotBytes), r.count(argusSrcBytes)
	if up > total {
		r.fail(argusSrcBytes, "at most TotBytes")
	}
	rec.Bytes = [2]uint64{up, total - up}
	if r.has(argusSrcPkts) && r.has(argusTotPkts) {
		total, up := r.count(argusTotPkts), r.count(argusSrcPkts)
		if up > total {
			r.fail(argusSrcPkts, "at most TotPkts")
		}
		rec.Packets = [2]uint64{up, total - up}
	} else {
		r.missing |= detect.NoPackets
	}
	rec.WireBytes, rec.RTT = rec.Bytes, -1
	rec.ClientBy = flowtable.ByFirst
	source, target := r.argusPort(argusSport), r.argusPort(argusDport)
	if isICMP(rec.Proto) {
		r.icmpPorts(uint8(source), uint8(source>>8))
	} else {
		rec.ClientPort, rec.ServerPort = source, target
	}
	r.mark(argusSport, detect.NoClientPort)
	r.argusState()
	r.argusDirection()
	r.setID(nil)
}

// argusPort returns a port, decimal or hexadecimal; 0 where there is none.
func (r *row) argusPort(column int) uint16 {
	if b := r.bytes(column); len(b) > 2 && b[0] == '0' && b[1] == 'x' {
		v, err := strconv.ParseUint(string(b[2:]), 16, 16)
		if err != nil {
			r.fail(column, "a port from 0x0000 to 0xffff")
		}
		return uint16(v)
	}
	return uint16(r.uint(column, math.MaxUint16))
}

// argusDirection sets how the client is known, and turns a flow of which Argus did not see who opened it ("?" in Dir) as
// weir does: where exactly one port is below 1024, that is the server's.
func (r *row) argusDirection() {
	rec := &r.record
	if rec.TCPFlags[flowtable.Up]&packet.SYN != 0 {
		rec.ClientBy = flowtable.BySYN
	}
	if bytes.IndexByte(r.bytes(argusDir), '?') < 0 || r.missing&detect.NoClientPort != 0 || rec.Proto != packet.ProtoTCP && rec.Proto != packet.ProtoUDP {
		return
	}
	const wellKnown = 1024
	if (rec.ClientPort < wellKnown) == (rec.ServerPort < wellKnown) {
		return
	}
	rec.ClientBy = flowtable.ByPort
	if rec.ClientPort < wellKnown {
		rec.Client, rec.Server = rec.Server, rec.Client
		rec.ClientPort, rec.ServerPort = rec.ServerPort, rec.ClientPort
		for _, pair := range []*[2]uint64{&rec.Packets, &rec.Bytes, &rec.WireBytes} {
			slices.Reverse(pair[:])
		}
		slices.Reverse(rec.TCPFlags[:])
		if rec.Proto == packet.ProtoTCP && r.missing&(detect.NoTCPFlags|detect.NoState) == 0 {
			rec.ConnState, rec.State = stateOfFlags(rec.TCPFlags[flowtable.Up], rec.TCPFlags[flowtable.Down])
		} else if rec.Proto == packet.ProtoUDP {
			r.setStates()
		}
	}
}

// argusState reads the state: TCP flags of either side (FSPA_FSPA), a word of Argus's, or a state of Zeek's, which some
// tools write there.
func (r *row) argusState() {
	rec := &r.record
	if rec.Proto != packet.ProtoTCP {
		r.missing |= detect.NoTCPFlags
		r.setStates()
		return
	}
	state := r.bytes(argusState)
	up, down, both := bytes.Cut(state, []byte{'_'})
	if both {
		rec.TCPFlags = [2]uint8{argusFlags(up), argusFlags(down)}
		rec.ConnState, rec.State = stateOfFlags(rec.TCPFlags[0], rec.TCPFlags[1])
		return
	}
	r.missing |= detect.NoTCPFlags
	if !r.stateWord(string(state)) {
		r.missing |= detect.NoState
	}
}

// stateWord sets the states of TCP by a word; it is false where the word does not tell them.
func (r *row) stateWord(word string) bool {
	rec := &r.record
	if c, ok := flowtable.ParseConnState(word); ok {
		rec.ConnState, rec.State, rec.ClientBy = c, stateOfConn(c), clientByConn(c)
		return true
	}
	oneWay := rec.Bytes[flowtable.Up] == 0 || rec.Bytes[flowtable.Down] == 0
	switch word {
	case "REQ", "INT":
		rec.ConnState, rec.State, rec.ClientBy = flowtable.S0, flowtable.Connecting, flowtable.BySYN
	case "ACC":
		rec.ConnState, rec.State = flowtable.OTH, flowtable.Connecting
	case "EST", "CON": // Argus also says so of packets without SYN, FIN and RST that nobody answers
		if rec.ConnState, rec.State = flowtable.S1, flowtable.Established; oneWay {
			rec.ConnState, rec.State = flowtable.OTH, flowtable.New
		}
	case "FIN", "CLO": // and so of a lone FIN
		if rec.ConnState, rec.State = flowtable.SF, flowtable.Closed; oneWay {
			rec.ConnState, rec.State = flowtable.OTH, flowtable.Closing
		}
	default: // RST is in here: it does not say whether the connection was open before
		return false
	}
	return true
}

// argusFlags reads the letters of Argus's TCP flags; others, such as those of ECN, say nothing.
func argusFlags(letters []byte) (flags uint8) {
	for _, c := range letters {
		switch c {
		case 'F':
			flags |= packet.FIN
		case 'S':
			flags |= packet.SYN
		case 'R':
			flags |= packet.RST
		case 'P':
			flags |= packet.PSH
		case 'A':
			flags |= packet.ACK
		case 'U':
			flags |= packet.URG
		case 'E':
			flags |= packet.ECE
		case 'C':
			flags |= packet.CWR
		}
	}
	return flags
}

// stateOfFlags returns the states of a connection of which the flags are known that each side sent, in whatever order. Where
// both sides sent a FIN, a RST is taken to have come after them; where both sent a RST, the client's is taken to be first.
func stateOfFlags(up, down uint8) (flowtable.ConnState, flowtable.State) {
	const syn, fin, rst = packet.SYN, packet.FIN, packet.RST
	c := flowtable.OTH
	switch {
	case up&fin != 0 && down&fin != 0:
		c = flowtable.SF
	case down&rst != 0 && down&syn == 0 && up&syn != 0 && up&(fin|packet.PSH) == 0:
		c = flowtable.REJ
	case up&rst != 0 && down&^rst != 0:
		c = flowtable.RSTO
	case up&rst != 0 && up&syn != 0 && down == 0:
		c = flowtable.RSTOS0
	case down&rst != 0 && up&syn == 0:
		c = flowtable.RSTRH
	case down&rst != 0:
		c = flowtable.RSTR
	case up&fin != 0 && down == 0 && up&syn != 0:
		c = flowtable.SH
	case up&fin != 0 && down != 0:
		c = flowtable.S2
	case down&fin != 0 && up == 0:
		c = flowtable.SHR
	case down&fin != 0:
		c = flowtable.S3
	case up&syn != 0 && down == 0:
		c = flowtable.S0
	case up&syn != 0 && down&syn != 0 && up&packet.ACK != 0:
		c = flowtable.S1
	}
	if c == flowtable.OTH && up&syn != 0 {
		return c, flowtable.Connecting
	}
	return c, stateOfConn(c)
}

// stateOfConn returns weir's own state that goes with Zeek's, of TCP.
func stateOfConn(c flowtable.ConnState) flowtable.State {
	switch c {
	case flowtable.S0:
		return flowtable.Connecting
	case flowtable.S1:
		return flowtable.Established
	case flowtable.SF:
		return flowtable.Closed
	case flowtable.S2, flowtable.S3, flowtable.SH, flowtable.SHR:
		return flowtable.Closing
	case flowtable.REJ, flowtable.RSTO, flowtable.RSTR, flowtable.RSTOS0, flowtable.RSTRH:
		return flowtable.Reset
	}
	return flowtable.New
}
