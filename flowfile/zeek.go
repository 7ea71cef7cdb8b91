package flowfile

import (
	"bytes"
	"math"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
)

// Cells of Zeek's conn.log.
const (
	zeekTime = iota
	zeekUID
	zeekOrigHost
	zeekOrigPort
	zeekRespHost
	zeekRespPort
	zeekProto
	zeekDuration
	zeekOrigBytes
	zeekRespBytes
	zeekConnState
	zeekHistory
	zeekOrigPkts
	zeekOrigIPBytes
	zeekRespPkts
	zeekRespIPBytes
	zeekIPProto
	zeekVLAN
	zeekMissed
)

func zeekLayout() *layout {
	return &layout{
		name: "zeek",
		columns: []string{"ts", "uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "proto", "duration", "orig_bytes",
			"resp_bytes", "conn_state", "history", "orig_pkts", "orig_ip_bytes", "resp_pkts", "resp_ip_bytes", "ip_proto", "vlan",
			"missed_bytes"},
		needed: []int{zeekTime, zeekOrigHost, zeekOrigPort, zeekRespHost, zeekRespPort, zeekProto},
		decode: readZeek,
	}
}

func readZeek(r *row) {
	rec := &r.record
	r.missing = detect.NoTCPFlags
	rec.Start = r.time(zeekTime)
	rec.End, rec.RTT = rec.Start, -1
	if r.has(zeekDuration) {
		r.end(zeekDuration, r.seconds(zeekDuration, 1))
	}
	r.mark(zeekDuration, detect.NoDuration)
	if string(r.bytes(zeekProto)) == "unknown_transport" { // not IP at all, or as ip_proto says
		if r.notIP = !r.has(zeekIPProto); r.notIP {
			return
		}
		rec.Proto = uint8(r.uint(zeekIPProto, math.MaxUint8))
	} else if r.proto(zeekProto); r.notIP {
		return
	}
	r.endpoints(zeekOrigHost, zeekRespHost)
	r.fixICMP()
	rec.ClientPort, rec.ServerPort = uint16(r.uint(zeekOrigPort, math.MaxUint16)), uint16(r.uint(zeekRespPort, math.MaxUint16))
	if isICMP(rec.Proto) {
		_, ok := packet.ICMPCounterpart(rec.Proto, uint8(rec.ClientPort))
		rec.ICMPOneWay = !ok
	}
	rec.VLAN, rec.HasVLAN = uint16(r.uint(zeekVLAN, 4095)), r.has(zeekVLAN)
	rec.ClientBy = flowtable.ByFirst
	r.zeekCounts()
	r.zeekState()
	r.setID(r.bytes(zeekUID))
}

func (r *row) zeekCounts() {
	rec := &r.record
	rec.Packets = [2]uint64{r.count(zeekOrigPkts), r.count(zeekRespPkts)}
	rec.Payload = [2]uint64{r.count(zeekOrigBytes), r.count(zeekRespBytes)}
	rec.Bytes = [2]uint64{r.count(zeekOrigIPBytes), r.count(zeekRespIPBytes)}
	if r.lacks(zeekOrigIPBytes) { // then the payload is the best that there is
		rec.Bytes = rec.Payload
	}
	rec.WireBytes = rec.Bytes
	r.mark(zeekOrigPkts, detect.NoPackets)
	r.mark(zeekOrigBytes, detect.NoPayload)
	if r.count(zeekMissed) > 0 {
		rec.Quality |= flowtable.Gaps
	}
}

func (r *row) zeekState() {
	rec := &r.record
	named(r, zeekConnState, &rec.ConnState, flowtable.ParseConnState)
	if history, ok := flowtable.ParseHistory(r.bytes(zeekHistory)); ok {
		rec.History = history
	} else { // letters that weir does not have
		r.missing |= detect.NoHistory
	}
	r.mark(zeekHistory, detect.NoHistory)
	if rec.Proto != packet.ProtoTCP {
		state := rec.ConnState
		if r.setStates(); r.has(zeekConnState) {
			rec.ConnState = state
		}
		return
	}
	rec.State = stateOfConn(rec.ConnState)
	if !r.has(zeekConnState) {
		r.missing |= detect.NoState
	}
	if rec.ClientBy = clientByConn(rec.ConnState); r.has(zeekHistory) {
		rec.ClientBy = clientByHistory(r.bytes(zeekHistory))
	}
}

// clientByHistory returns how the client is known where the history is.
func clientByHistory(history []byte) flowtable.ClientBy {
	switch {
	case bytes.IndexByte(history, 'S') >= 0:
		return flowtable.BySYN
	case bytes.IndexByte(history, 'h') >= 0:
		return flowtable.BySYNACK
	}
	return flowtable.ByFirst
}

// clientByConn returns how the client of a TCP flow is known where only its state is: most of the states begin with its SYN.
func clientByConn(c flowtable.ConnState) flowtable.ClientBy {
	switch c {
	case flowtable.OTH, flowtable.RSTRH, flowtable.SHR:
		return flowtable.ByFirst
	}
	return flowtable.BySYN
}
