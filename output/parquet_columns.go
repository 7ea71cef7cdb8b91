package output

import (
	"math"

	"github.com/weir-sensor/weir/features"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
)

// flowCells puts the values of the columns that are always there.
var flowCells = [flowColumnCount]func(c *cells, r *flowtable.Record){
	colFlowID: func(c *cells, r *flowtable.Record) { c.id(r.ID) },
	colCommunityID: func(c *cells, r *flowtable.Record) {
		c.text(packet.AppendCommunityID(c.room(), 0, r.Version, r.Proto, r.Client, r.Server, r.ClientPort, r.ServerPort, r.ICMPOneWay))
	},
	colStart:           func(c *cells, r *flowtable.Record) { c.time(r.Start) },
	colEnd:             func(c *cells, r *flowtable.Record) { c.time(r.End) },
	colDuration:        func(c *cells, r *flowtable.Record) { c.seconds(uint64(r.End - r.Start)) },
	colProto:           func(c *cells, r *flowtable.Record) { c.string(ProtoName(r.Proto)) },
	colClient:          func(c *cells, r *flowtable.Record) { c.text(appendAddr(c.room(), r.Client, r.Version)) },
	colClientPort:      func(c *cells, r *flowtable.Record) { c.uintIf(hasPorts(r.Proto), uint64(r.ClientPort)) },
	colServer:          func(c *cells, r *flowtable.Record) { c.text(appendAddr(c.room(), r.Server, r.Version)) },
	colServerPort:      func(c *cells, r *flowtable.Record) { c.uintIf(hasPorts(r.Proto), uint64(r.ServerPort)) },
	colClientBy:        func(c *cells, r *flowtable.Record) { c.string(r.ClientBy.String()) },
	colVLAN:            func(c *cells, r *flowtable.Record) { c.uintIf(r.HasVLAN, uint64(r.VLAN)) },
	colPacketsUp:       func(c *cells, r *flowtable.Record) { c.uint(r.Packets[flowtable.Up]) },
	colPacketsDown:     func(c *cells, r *flowtable.Record) { c.uint(r.Packets[flowtable.Down]) },
	colBytesUp:         func(c *cells, r *flowtable.Record) { c.uint(r.Bytes[flowtable.Up]) },
	colBytesDown:       func(c *cells, r *flowtable.Record) { c.uint(r.Bytes[flowtable.Down]) },
	colWireBytesUp:     func(c *cells, r *flowtable.Record) { c.uint(r.WireBytes[flowtable.Up]) },
	colWireBytesDown:   func(c *cells, r *flowtable.Record) { c.uint(r.WireBytes[flowtable.Down]) },
	colPayloadUp:       func(c *cells, r *flowtable.Record) { putPayload(c, r, flowtable.Up) },
	colPayloadDown:     func(c *cells, r *flowtable.Record) { putPayload(c, r, flowtable.Down) },
	colTCPFlagsUp:      func(c *cells, r *flowtable.Record) { putFlags(c, r, flowtable.Up) },
	colTCPFlagsDown:    func(c *cells, r *flowtable.Record) { putFlags(c, r, flowtable.Down) },
	colState:           func(c *cells, r *flowtable.Record) { c.string(r.State.String()) },
	colConnState:       func(c *cells, r *flowtable.Record) { c.string(r.ConnState.String()) },
	colHistory:         func(c *cells, r *flowtable.Record) { c.text(r.History.Append(c.room())) },
	colEndReason:       func(c *cells, r *flowtable.Record) { c.string(r.EndReason.String()) },
	colPart:            func(c *cells, r *flowtable.Record) { c.uint(uint64(r.Part)) },
	colTTLMinUp:        func(c *cells, r *flowtable.Record) { putTTL(c, r, flowtable.Up) },
	colTTLMinDown:      func(c *cells, r *flowtable.Record) { putTTL(c, r, flowtable.Down) },
	colRTT:             putRTT,
	colRetransmitsUp:   func(c *cells, r *flowtable.Record) { putTCP(c, r, flowtable.Up, &r.Retransmits) },
	colRetransmitsDown: func(c *cells, r *flowtable.Record) { putTCP(c, r, flowtable.Down, &r.Retransmits) },
	colOutOfOrderUp:    func(c *cells, r *flowtable.Record) { putTCP(c, r, flowtable.Up, &r.OutOfOrder) },
	colOutOfOrderDown:  func(c *cells, r *flowtable.Record) { putTCP(c, r, flowtable.Down, &r.OutOfOrder) },
	colQuality:         func(c *cells, r *flowtable.Record) { c.names(flowtable.QualityNames[:], uint(r.Quality)) },
}

func putPayload(c *cells, r *flowtable.Record, d int) { c.uintIf(!r.HeaderCut[d], r.Payload[d]) }

func putFlags(c *cells, r *flowtable.Record, d int) {
	c.stringIf(tcpSeen(r, d), flagLetters(r.TCPFlags[d]))
}

func putTTL(c *cells, r *flowtable.Record, d int) { c.uintIf(r.Packets[d] != 0, uint64(r.TTLMin[d])) }

func putTCP(c *cells, r *flowtable.Record, d int, count *[2]uint32) {
	c.uintIf(tcpSeen(r, d), uint64(count[d]))
}

func putRTT(c *cells, r *flowtable.Record) {
	if r.RTT >= 0 {
		c.seconds(uint64(r.RTT))
	} else {
		c.null()
	}
}

// flowParquet returns the columns of flow records.
func flowParquet(columns Columns) []parquetColumn[flowtable.Record] {
	var all []parquetColumn[flowtable.Record]
	for i, put := range flowCells {
		all = append(all, parquetColumn[flowtable.Record]{
			Column: flowColumns[i], distinct: i == colFlowID || i == colCommunityID, put: put,
		})
	}
	for _, f := range FlowFeatures(columns.Features) {
		all = append(all, parquetColumn[flowtable.Record]{Column: f.Column, put: f.put})
	}
	return append(all, labelParquet(columns.Labels, func(r *flowtable.Record) uint32 { return r.Label })...)
}

// put puts a flow feature's value: null, or no pairs, where there are no features.
func (f FlowFeature) put(c *cells, r *flowtable.Record) {
	switch {
	case f.Type == Pairs:
		var pairs [][2]int64
		if r.Features != nil {
			pairs = f.Pairs(c.scratch[:0], r.Features)
			c.scratch = pairs
		}
		c.pairs(pairs)
	case r.Features == nil:
		c.null()
	case f.Type == String:
		text := f.Text(r.Features)
		c.stringIf(text != "", text)
	case f.Type == Integer:
		v := f.Value(r.Features)
		c.uintIf(!math.IsNaN(v), uint64(v))
	default:
		c.number(f.Value(r.Features))
	}
}

// flowContract returns the contract of the flow features.
func flowContract(columns Columns) features.Contract {
	contract := features.Contract{
		Of: FlowSchema, Version: features.ContractVersion, Features: []features.ContractFeature{},
		Flow: &features.ContractFlow{
			SPLTPackets: flowtable.SPLTPackets, BurstPackets: flowtable.BurstPackets,
			FirstPayloadBytes: flowtable.FirstPayloadBytes,
		},
	}
	for _, f := range FlowFeatures(columns.Features) {
		contract.Features = append(contract.Features, features.ContractFeature{Name: f.Name, Unit: f.Unit})
	}
	return contract
}

// windowCells puts the values of a window's columns other than its features.
var windowCells = map[string]func(c *cells, w *features.Window){
	"client":        func(c *cells, w *features.Window) { c.text(appendAddr(c.room(), w.Client, w.Version)) },
	"target":        func(c *cells, w *features.Window) { c.text(appendAddr(c.room(), w.Target, w.Version)) },
	"client_port":   func(c *cells, w *features.Window) { c.uint(uint64(w.ClientPort)) },
	"target_port":   func(c *cells, w *features.Window) { c.uint(uint64(w.TargetPort)) },
	"segment_start": func(c *cells, w *features.Window) { c.time(w.SegmentStart) },
	"first":         func(c *cells, w *features.Window) { c.time(w.First) },
	"last":          func(c *cells, w *features.Window) { c.time(w.Last) },
	"packets":       func(c *cells, w *features.Window) { c.uint(uint64(w.Packets)) },
	"connections":   func(c *cells, w *features.Window) { c.uint(uint64(w.Connections)) },
	"truncated":     func(c *cells, w *features.Window) { c.number(w.Truncated) },
	"offload":       func(c *cells, w *features.Window) { c.number(w.Offload) },
	"retransmitted": func(c *cells, w *features.Window) { c.number(w.Retransmitted) },
	"one_way":       func(c *cells, w *features.Window) { c.number(w.OneWay) },
}

// windowParquet returns the columns of the windows that cfg makes.
func windowParquet(cfg features.Config, labels *Labels) []parquetColumn[features.Window] {
	computed := map[string]int{}
	for i, name := range features.Names() {
		computed[name] = i
	}
	var all []parquetColumn[features.Window]
	for _, c := range WindowColumns(cfg, nil) {
		put := windowCells[c.Name]
		if i, ok := computed[c.Name]; ok {
			put = func(c *cells, w *features.Window) { c.number(w.Features[i]) }
		}
		all = append(all, parquetColumn[features.Window]{Column: c, put: put})
	}
	return append(all, labelParquet(labels, func(w *features.Window) uint32 { return w.Label })...)
}

// labelParquet returns the columns of the labels of records, of which label returns the number.
func labelParquet[T any](labels *Labels, label func(r *T) uint32) []parquetColumn[T] {
	var all []parquetColumn[T]
	for i, c := range labels.columns() {
		c.Name = validText(c.Name)
		all = append(all, parquetColumn[T]{Column: c, put: func(c *cells, r *T) {
			value := ""
			if n := label(r); n != 0 {
				value = labels.Rows[n-1][i]
			}
			c.stringIf(value != "", value)
		}})
	}
	return all
}
