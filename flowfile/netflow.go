package flowfile

import (
	"math"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
)

// onlyBytes is what records lack of which nothing is known but bytes.
const onlyBytes = detect.NoPackets | detect.NoPayload | detect.NoTCPFlags | detect.NoHistory | detect.NoDuration

// Cells of the netflow CSV.
const (
	netflowTime = iota
	netflowProto
	netflowState
	netflowSrc
	netflowSport
	netflowDst
	netflowDport
	netflowUp
	netflowDown
)

func netflowLayout() *layout {
	return &layout{
		name:    "netflow",
		columns: []string{"ts", "ip_protocol", "state", "src_ip", "src_port", "dst_ip", "dst_port", "src_tx", "dst_tx"},
		needed:  []int{netflowTime, netflowProto, netflowSrc, netflowDst, netflowUp, netflowDown},
		named:   []int{netflowDport},
		decode: func(r *row) {
			rec := &r.record
			r.missing = onlyBytes
			if r.proto(netflowProto); r.notIP {
				return
			}
			rec.Start = r.time(netflowTime)
			rec.End, rec.RTT = rec.Start, -1
			r.endpoints(netflowSrc, netflowDst)
			r.fixICMP()
			rec.ClientPort, rec.ServerPort = uint16(r.uint(netflowSport, math.MaxUint16)), uint16(r.uint(netflowDport, math.MaxUint16))
			r.mark(netflowSport, detect.NoClientPort)
			rec.Bytes = [2]uint64{r.count(netflowUp), r.count(netflowDown)}
			rec.WireBytes, rec.ClientBy = rec.Bytes, flowtable.ByFirst
			if rec.Proto != packet.ProtoTCP {
				r.setStates()
			} else if !r.stateWord(string(r.bytes(netflowState))) {
				r.missing |= detect.NoState
			}
			r.setID(nil)
		},
	}
}

// Cells of the table of volumes.
const (
	volumesTime = iota
	volumesSrc
	volumesDst
	volumesProto
	volumesPort
	volumesUp
	volumesDown
)

func volumesLayout() *layout {
	return &layout{
		name:    "volumes",
		columns: []string{"timestamp", "src_ip", "dst_ip", "proto", "port", "up_bytes", "down_bytes"},
		needed:  []int{volumesTime, volumesSrc, volumesDst, volumesProto, volumesPort, volumesUp, volumesDown},
		decode: func(r *row) {
			rec := &r.record
			r.missing = onlyBytes | detect.NoState | detect.NoClientPort
			if r.proto(volumesProto); r.notIP {
				return
			}
			rec.Start = r.bounded(volumesTime, r.seconds(volumesTime, 100))
			rec.End, rec.RTT = rec.Start, -1
			r.endpoints(volumesSrc, volumesDst)
			r.fixICMP()
			rec.ServerPort = uint16(r.uint(volumesPort, math.MaxUint16))
			rec.Bytes = [2]uint64{r.count(volumesUp), r.count(volumesDown)}
			rec.WireBytes, rec.ClientBy = rec.Bytes, flowtable.ByFirst
			if rec.Proto != packet.ProtoTCP {
				r.setStates()
				r.missing &^= detect.NoState
			}
			r.setID(nil)
		},
	}
}
