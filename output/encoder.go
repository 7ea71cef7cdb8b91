package output

import (
	"encoding/binary"
	"encoding/hex"

	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
)

// encoder is what turning records into text remembers from one to the next: the date it wrote last. So every goroutine
// has its own. The zero value is ready.
type encoder struct {
	clock   clock
	numbers numbers
	pairs   [flowtable.SPLTPackets][2]int64 // of the column that is being written
}

// maxFlowText is room for the longest line of either form, without features and labels, and the slack behind it.
const maxFlowText = 1536

// appendColumns writes the columns that are always there, in the order of flowColumns. There is room for maxFlowText.
func (e *encoder) appendColumns(dst []byte, r *flowtable.Record, f *form) []byte {
	dst = appendIDs(dst, r, f)
	dst = e.appendTimes(dst, r, f)
	dst = appendEndpoints(dst, r, f)
	dst = f.uints(dst, colPacketsUp, &r.Packets)
	dst = f.uints(dst, colBytesUp, &r.Bytes)
	dst = f.uints(dst, colWireBytesUp, &r.WireBytes)
	dst = f.uintIf(!r.HeaderCut[flowtable.Up], dst, colPayloadUp, r.Payload[flowtable.Up])
	dst = f.uintIf(!r.HeaderCut[flowtable.Down], dst, colPayloadDown, r.Payload[flowtable.Down])
	dst = appendStates(dst, r, f)
	dst = appendTransport(dst, r, f)
	dst = add(dst, &f.number[colQuality])
	return append(dst, f.quality[int(r.Quality)&(len(f.quality)-1)]...)
}

func appendIDs(dst []byte, r *flowtable.Record, f *form) []byte {
	var id [8]byte
	binary.BigEndian.PutUint64(id[:], r.ID)
	dst = add(dst, &f.string[colFlowID])
	dst = hex.AppendEncode(dst, id[:])
	dst = f.shut(dst)
	dst = add(dst, &f.string[colCommunityID])
	dst = packet.AppendCommunityID(dst, 0, r.Version, r.Proto, r.Client, r.Server, r.ClientPort, r.ServerPort,
		r.ICMPOneWay)
	return f.shut(dst)
}

func (e *encoder) appendTimes(dst []byte, r *flowtable.Record, f *form) []byte {
	dst = add(dst, &f.string[colStart])
	dst = e.clock.append(dst, r.Start)
	dst = f.shut(dst)
	dst = add(dst, &f.string[colEnd])
	dst = e.clock.append(dst, r.End)
	dst = f.shut(dst)
	dst = add(dst, &f.number[colDuration])
	return appendSeconds(dst, uint64(r.End-r.Start)) // never negative, but it may exceed an int64
}

func appendEndpoints(dst []byte, r *flowtable.Record, f *form) []byte {
	ports := hasPorts(r.Proto)
	dst = add(dst, &f.proto[r.Proto])
	dst = add(dst, &f.string[colClient])
	dst = appendAddr(dst, r.Client, r.Version)
	dst = f.shut(dst)
	dst = f.uintIf(ports, dst, colClientPort, uint64(r.ClientPort))
	dst = add(dst, &f.string[colServer])
	dst = appendAddr(dst, r.Server, r.Version)
	dst = f.shut(dst)
	dst = f.uintIf(ports, dst, colServerPort, uint64(r.ServerPort))
	dst = add(dst, &f.clientBy[r.ClientBy])
	return f.uintIf(r.HasVLAN, dst, colVLAN, uint64(r.VLAN))
}

func appendStates(dst []byte, r *flowtable.Record, f *form) []byte {
	for d := range r.TCPFlags {
		if tcpSeen(r, d) {
			dst = add(dst, &f.tcpFlags[d][r.TCPFlags[d]])
		} else {
			dst = add(dst, &f.null[colTCPFlagsUp+d])
		}
	}
	dst = add(dst, &f.state[r.State])
	dst = add(dst, &f.connState[r.ConnState])
	dst = add(dst, &f.string[colHistory])
	dst = r.History.Append(dst)
	dst = f.shut(dst)
	dst = add(dst, &f.endReason[r.EndReason])
	return f.uint(dst, colPart, uint64(r.Part))
}

func appendTransport(dst []byte, r *flowtable.Record, f *form) []byte {
	up, down := r.Packets[flowtable.Up] != 0, r.Packets[flowtable.Down] != 0
	dst = f.uintIf(up, dst, colTTLMinUp, uint64(r.TTLMin[flowtable.Up]))
	dst = f.uintIf(down, dst, colTTLMinDown, uint64(r.TTLMin[flowtable.Down]))
	if r.RTT >= 0 {
		dst = appendSeconds(add(dst, &f.number[colRTT]), uint64(r.RTT))
	} else {
		dst = add(dst, &f.null[colRTT])
	}
	up, down = tcpSeen(r, flowtable.Up), tcpSeen(r, flowtable.Down)
	dst = f.uintIf(up, dst, colRetransmitsUp, uint64(r.Retransmits[flowtable.Up]))
	dst = f.uintIf(down, dst, colRetransmitsDown, uint64(r.Retransmits[flowtable.Down]))
	dst = f.uintIf(up, dst, colOutOfOrderUp, uint64(r.OutOfOrder[flowtable.Up]))
	return f.uintIf(down, dst, colOutOfOrderDown, uint64(r.OutOfOrder[flowtable.Down]))
}

// tcpSeen says whether whole TCP headers of that direction were seen.
func tcpSeen(r *flowtable.Record, d int) bool {
	return r.Proto == packet.ProtoTCP && r.Packets[d] != 0 && !r.HeaderCut[d]
}
