package flowfile

import (
	"encoding/hex"
	"math"
	"slices"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/output"
	"github.com/weir-sensor/weir/packet"
)

// Cells of weir's own records: the columns that are always there, in the order of output.FlowColumns.
const (
	weirID = iota
	weirCommunityID
	weirStart
	weirEnd
	weirDuration
	weirProto
	weirClient
	weirClientPort
	weirServer
	weirServerPort
	weirClientBy
	weirVLAN
	weirPackets // up, then down; as below
	_
	weirBytes
	_
	weirWire
	_
	weirPayload
	_
	weirFlags
	_
	weirState
	weirConnState
	weirHistory
	weirEndReason
	weirPart
	weirTTL
	_
	weirRTT
	weirRetransmits
	_
	weirOutOfOrder
	_
	weirQuality
	weirFeatures // where the features begin
)

func weirLayout() *layout {
	var names []string
	for _, c := range output.FlowColumns(output.Columns{Features: flowtable.FeatureGroups()}) {
		names = append(names, c.Name)
	}
	features, groups := weirFeatureSetters(names), weirGroups(names)
	return &layout{
		name: "weir", columns: names,
		needed: []int{weirID, weirStart, weirProto, weirClient, weirServer, weirBytes, weirBytes + 1},
		named:  []int{weirServerPort},
		decode: func(r *row) {
			readWeir(r)
			for g, c := range groups {
				if !r.lacks(c) {
					r.groups |= 1 << g
				}
			}
			for c := weirFeatures; c < len(features); c++ {
				if !r.lacks(c) {
					readWeirFeatures(r, features)
					break
				}
			}
		},
	}
}

func readWeir(r *row) {
	rec := &r.record
	id := r.bytes(weirID)
	if len(id) == 16 {
		var b [8]byte
		if _, err := hex.Decode(b[:], id); err == nil {
			for _, c := range b {
				rec.ID = rec.ID<<8 | uint64(c)
			}
		} else {
			r.fail(weirID, "16 hexadecimal digits")
		}
	} else {
		r.fail(weirID, "16 hexadecimal digits")
	}
	rec.Start = r.time(weirStart)
	switch {
	case r.has(weirEnd):
		rec.End = r.time(weirEnd)
	case r.has(weirDuration):
		r.end(weirDuration, r.seconds(weirDuration, 1))
	default:
		rec.End = rec.Start
		r.missing |= detect.NoDuration
	}
	r.proto(weirProto)
	r.endpoints(weirClient, weirServer)
	rec.ClientPort, rec.ServerPort = uint16(r.uint(weirClientPort, math.MaxUint16)), uint16(r.uint(weirServerPort, math.MaxUint16))
	if isICMP(rec.Proto) {
		_, ok := packet.ICMPCounterpart(rec.Proto, uint8(rec.ClientPort))
		rec.ICMPOneWay = !ok
	}
	named(r, weirClientBy, &rec.ClientBy, flowtable.ParseClientBy)
	rec.VLAN, rec.HasVLAN = uint16(r.uint(weirVLAN, math.MaxUint16)), r.has(weirVLAN)
	for d := range 2 {
		rec.Packets[d], rec.Bytes[d], rec.WireBytes[d] = r.count(weirPackets+d), r.count(weirBytes+d), r.count(weirWire+d)
	}
	readWeirTransport(r)
	readWeirStates(r)
	r.mark(weirClientPort, detect.NoClientPort)
	r.mark(weirPackets, detect.NoPackets)
	r.mark(weirPayload, detect.NoPayload)
	r.mark(weirFlags, detect.NoTCPFlags)
	r.mark(weirHistory, detect.NoHistory)
	r.mark(weirConnState, detect.NoState)
}

// mark says that a field is missing where its column is.
func (r *row) mark(column int, field detect.Missing) {
	if r.lacks(column) {
		r.missing |= field
	}
}

func readWeirTransport(r *row) {
	rec := &r.record
	for d := range 2 {
		rec.Payload[d], rec.HeaderCut[d] = r.count(weirPayload+d), r.cells[weirPayload+d].kind == null
		rec.TCPFlags[d] = r.flags(weirFlags + d)
		rec.TTLMin[d] = uint8(r.uint(weirTTL+d, math.MaxUint8))
		rec.Retransmits[d] = uint32(r.uint(weirRetransmits+d, math.MaxUint32))
		rec.OutOfOrder[d] = uint32(r.uint(weirOutOfOrder+d, math.MaxUint32))
	}
	rec.RTT = -1
	if r.has(weirRTT) {
		if rec.RTT = r.seconds(weirRTT, 1); rec.RTT < 0 {
			r.fail(weirRTT, "seconds that are not negative")
		}
	}
}

func readWeirStates(r *row) {
	rec := &r.record
	named(r, weirState, &rec.State, flowtable.ParseState)
	named(r, weirConnState, &rec.ConnState, flowtable.ParseConnState)
	named(r, weirEndReason, &rec.EndReason, flowtable.ParseEndReason)
	rec.Part = uint32(r.uint(weirPart, math.MaxUint32))
	h, ok := flowtable.ParseHistory(r.bytes(weirHistory))
	if !ok {
		r.fail(weirHistory, "letters of a history")
	}
	rec.History = h
	if !readQuality(r.bytes(weirQuality), &rec.Quality) {
		r.fail(weirQuality, "remarks such as one_way and late")
	}
}

// named sets to what a column's name stands for.
func named[T any](r *row, column int, to *T, parse func(string) (T, bool)) {
	if !r.has(column) {
		return
	}
	v, ok := parse(string(r.bytes(column)))
	if !ok {
		r.fail(column, "a name that it can have")
	}
	*to = v
}

// flags reads letters of TCP flags.
func (r *row) flags(column int) (flags uint8) {
	for _, c := range r.bytes(column) {
		bit := slices.Index([]byte("FSRPAUEC"), c)
		if bit < 0 {
			r.fail(column, "letters of FSRPAUEC")
			return 0
		}
		flags |= 1 << bit
	}
	return flags
}

// readQuality reads the names of remarks, whatever stands between them.
func readQuality(list []byte, q *flowtable.Quality) bool {
	for i := 0; i < len(list); {
		end := i
		for end < len(list) && (list[end] >= 'a' && list[end] <= 'z' || list[end] == '_') {
			end++
		}
		if end == i {
			i++
			continue
		}
		bit := slices.Index(flowtable.QualityNames[:], string(list[i:end]))
		if bit < 0 {
			return false
		}
		*q |= 1 << bit
		i = end
	}
	return true
}
