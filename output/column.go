package output

import "slices"

// Column describes one column of a record: a member of its JSON object and a field of its CSV line.
type Column struct {
	Name     string
	Type     Type
	Unit     string // "" where there is none
	Nullable bool   // null in JSON, an empty field in CSV
	Doc      string // one sentence
	Source   string // where the value comes from
	Pattern  string // regular expression that a string or an array's items match; "" for any
	Enum     []string
	Max      uint64 // largest number, most pairs; 0 for any
}

// Type is a column's JSON type.
type Type uint8

// The types, and how they look.
const (
	String  Type = iota
	Time         // string: RFC 3339 in UTC with nine fractional digits and Z
	Seconds      // number: nine fractional digits, not negative
	Integer      // number without fraction, not negative
	Names        // array of distinct strings; in CSV joined with '|'
	Number       // number: the shortest text that reads back as the same double, not negative
	Pairs        // array of arrays of two integers; in CSV the two are joined with ':', the pairs with '|'
	Real         // number as Number, of either sign
	Objects      // array of objects; in CSV and Parquet its JSON text
	Bool         // true or false
)

// JSON returns the name of the JSON type.
func (t Type) JSON() string {
	return [...]string{"string", "string", "number", "integer", "array", "number", "array", "number", "array", "boolean"}[t]
}

// FlowColumns returns the columns of flow records in their order: those that are always there, then features, then
// labels. The caller owns the slice, not the Enums in it.
func FlowColumns(columns Columns) []Column {
	all := slices.Clone(flowColumns[:])
	for _, f := range FlowFeatures(columns.Features) {
		all = append(all, f.Column)
	}
	return append(all, columns.Labels.columns()...)
}

// The columns of flow records, as indices of flowColumns.
const (
	colFlowID = iota
	colCommunityID
	colStart
	colEnd
	colDuration
	colProto
	colClient
	colClientPort
	colServer
	colServerPort
	colClientBy
	colVLAN
	colPacketsUp
	colPacketsDown
	colBytesUp
	colBytesDown
	colWireBytesUp
	colWireBytesDown
	colPayloadUp
	colPayloadDown
	colTCPFlagsUp
	colTCPFlagsDown
	colState
	colConnState
	colHistory
	colEndReason
	colPart
	colTTLMinUp
	colTTLMinDown
	colRTT
	colRetransmitsUp
	colRetransmitsDown
	colOutOfOrderUp
	colOutOfOrderDown
	colQuality
	flowColumnCount
)

const (
	patternFlags   = "^F?S?R?P?A?U?E?C?$"
	patternHistory = "^[SsHhAaDdFfRrCcGgTtWwIiQq^]*$"
)

var flowColumns = [flowColumnCount]Column{
	colFlowID: {Name: "flow_id", Pattern: "^[0-9a-f]{16}$",
		Doc:    "Identifies the flow: 16 hexadecimal digits, the same in every part of it and from run to run.",
		Source: "hash of the flow's key and its first packet"},
	colCommunityID: {Name: "community_id", Pattern: "^1:[A-Za-z0-9+/]{27}=$",
		Doc:    "Community ID, by which other tools know the same 5-tuple.",
		Source: "Community ID v1, seed 0, SHA-1 over addresses, protocol and ports"},
	colStart: {Name: "start", Type: Time, Doc: "Time of the first packet of this record.", Source: "timestamp of the capture"},
	colEnd:   {Name: "end", Type: Time, Doc: "Time of the last packet of this record.", Source: "timestamp of the capture"},
	colDuration: {Name: "duration", Type: Seconds, Unit: "s",
		Doc: "Time from the first to the last packet of this record.", Source: "end - start, exact"},
	colProto: {Name: "proto", Pattern: "^(tcp|udp|icmp|icmp6|sctp|[0-9]{1,3})$",
		Doc:    "Transport protocol: tcp, udp, icmp, icmp6, sctp, else its IP protocol number.",
		Source: "IPv4 protocol, or the last IPv6 next header"},
	colClient: {Name: "client", Doc: "Address of the side that opened the flow.", Source: "IP header; text by RFC 5952"},
	colClientPort: {Name: "client_port", Type: Integer, Nullable: true, Max: 65535,
		Doc:    "Port of the client; for ICMP the type or its counterpart; null for protocols without ports.",
		Source: "transport header; ICMP as Community ID v1 maps it"},
	colServer: {Name: "server", Doc: "Address of the other side.", Source: "IP header; text by RFC 5952"},
	colServerPort: {Name: "server_port", Type: Integer, Nullable: true, Max: 65535,
		Doc:    "Port of the server; for ICMP the counterpart or the code; null for protocols without ports.",
		Source: "transport header; ICMP as Community ID v1 maps it"},
	colClientBy: {Name: "client_by", Enum: []string{"syn", "synack", "port", "first"},
		Doc: "How the client was told from the server.", Source: "the flow's first packets"},
	colVLAN: {Name: "vlan", Type: Integer, Nullable: true, Max: 4095,
		Doc: "Outermost VLAN id; null without a tag.", Source: "802.1Q, 802.1ad or 0x9100 tag"},
	colPacketsUp:   {Name: "packets_up", Type: Integer, Unit: "packets", Doc: "Packets from client to server.", Source: "counted"},
	colPacketsDown: {Name: "packets_down", Type: Integer, Unit: "packets", Doc: "Packets from server to client.", Source: "counted"},
	colBytesUp: {Name: "bytes_up", Type: Integer, Unit: "bytes",
		Doc: "IP bytes from client to server, IP header included.", Source: "IPv4 total length; IPv6 payload length + 40"},
	colBytesDown: {Name: "bytes_down", Type: Integer, Unit: "bytes",
		Doc: "IP bytes from server to client, IP header included.", Source: "IPv4 total length; IPv6 payload length + 40"},
	colWireBytesUp: {Name: "wire_bytes_up", Type: Integer, Unit: "bytes",
		Doc: "Bytes of the frames from client to server, link header included.", Source: "original length in the capture"},
	colWireBytesDown: {Name: "wire_bytes_down", Type: Integer, Unit: "bytes",
		Doc: "Bytes of the frames from server to client, link header included.", Source: "original length in the capture"},
	colPayloadUp: {Name: "payload_up", Type: Integer, Unit: "bytes", Nullable: true,
		Doc: "Bytes above the transport header from client to server; null where a TCP header was cut.", Source: "length fields of the headers"},
	colPayloadDown: {Name: "payload_down", Type: Integer, Unit: "bytes", Nullable: true,
		Doc: "Bytes above the transport header from server to client; null where a TCP header was cut.", Source: "length fields of the headers"},
	colTCPFlagsUp: {Name: "tcp_flags_up", Nullable: true, Pattern: patternFlags,
		Doc:    "TCP flags seen from client to server: the letters of FSRPAUEC that were set in any packet; null where there was no TCP packet, or its header was cut.",
		Source: "union over TCP headers"},
	colTCPFlagsDown: {Name: "tcp_flags_down", Nullable: true, Pattern: patternFlags,
		Doc:    "TCP flags seen from server to client: the letters of FSRPAUEC that were set in any packet; null where there was no TCP packet, or its header was cut.",
		Source: "union over TCP headers"},
	colState: {Name: "state", Enum: []string{"new", "connecting", "established", "closing", "closed", "reset"},
		Doc: "State of the flow when the record was written.", Source: "TCP state machine; else whether both sides spoke"},
	colConnState: {Name: "conn_state",
		Enum: []string{"OTH", "S0", "S1", "SF", "REJ", "S2", "S3", "RSTO", "RSTR", "RSTOS0", "RSTRH", "SH", "SHR"},
		Doc:  "State of the connection in Zeek's terms.", Source: "as in Zeek's conn.log"},
	colHistory: {Name: "history", Pattern: patternHistory,
		Doc: "What each side sent, in order, in Zeek's letters.", Source: "as in Zeek's conn.log"},
	colEndReason: {Name: "end_reason", Enum: []string{"idle", "active", "end", "evicted", "shutdown"},
		Doc: "Why the record was written.", Source: "flow table"},
	colPart: {Name: "part", Type: Integer, Max: 1<<32 - 1,
		Doc: "Number of this record among those of its flow, from 0.", Source: "active timeouts so far"},
	colTTLMinUp: {Name: "ttl_min_up", Type: Integer, Unit: "hops", Nullable: true, Max: 255,
		Doc:    "Lowest time to live from client to server; null without packets.",
		Source: "IPv4 time to live or IPv6 hop limit"},
	colTTLMinDown: {Name: "ttl_min_down", Type: Integer, Unit: "hops", Nullable: true, Max: 255,
		Doc:    "Lowest time to live from server to client; null without packets.",
		Source: "IPv4 time to live or IPv6 hop limit"},
	colRTT: {Name: "rtt", Type: Seconds, Unit: "s", Nullable: true,
		Doc: "Time from the SYN to the handshake's ACK; null where it was not seen.", Source: "timestamps of the capture"},
	colRetransmitsUp: {Name: "retransmits_up", Type: Integer, Unit: "segments", Nullable: true, Max: 1<<32 - 1,
		Doc:    "TCP segments from client to server whose bytes had all been seen; null where there was no TCP packet, or its header was cut.",
		Source: "sequence numbers"},
	colRetransmitsDown: {Name: "retransmits_down", Type: Integer, Unit: "segments", Nullable: true, Max: 1<<32 - 1,
		Doc:    "TCP segments from server to client whose bytes had all been seen; null where there was no TCP packet, or its header was cut.",
		Source: "sequence numbers"},
	colOutOfOrderUp: {Name: "out_of_order_up", Type: Integer, Unit: "segments", Nullable: true, Max: 1<<32 - 1,
		Doc:    "TCP segments from client to server that filled in bytes skipped before; null where there was no TCP packet, or its header was cut.",
		Source: "sequence numbers"},
	colOutOfOrderDown: {Name: "out_of_order_down", Type: Integer, Unit: "segments", Nullable: true, Max: 1<<32 - 1,
		Doc:    "TCP segments from server to client that filled in bytes skipped before; null where there was no TCP packet, or its header was cut.",
		Source: "sequence numbers"},
	colQuality: {Name: "quality", Type: Names, Enum: []string{"one_way", "truncated", "offload", "gaps", "late"},
		Doc: "Remarks on how far the record can be trusted; empty where there are none.", Source: "decoder and flow table"},
}
