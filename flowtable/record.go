package flowtable

import "github.com/weir-sensor/weir/packet"

// EndReason says why a record was written.
type EndReason uint8

// The reasons, in the order of the ledger.
const (
	EndIdle     EndReason = iota // no packet for the idle timeout
	EndActive                    // cut by the active timeout; the flow goes on in another part
	EndTCP                       // both FINs acknowledged or a valid RST, then quiet; or a new connection took its place
	EndEvicted                   // the table was full or under pressure
	EndShutdown                  // end of input, or the program was asked to stop
	EndReasons                   // how many there are
)

// String returns the name used in records.
func (r EndReason) String() string {
	return [...]string{"idle", "active", "end", "evicted", "shutdown"}[r]
}

// ClientBy says how the client was told from the server.
type ClientBy uint8

// How the client was recognised, strongest first.
const (
	BySYN    ClientBy = iota // it sent a SYN without ACK
	BySYNACK                 // a SYN-ACK was sent to it
	ByPort                   // the other side has the well-known server port
	ByFirst                  // it sent the first packet
)

// String returns the name used in records.
func (c ClientBy) String() string { return [...]string{"syn", "synack", "port", "first"}[c] }

// State is the flow's state in weir's own words.
type State uint8

// New and Established are the only states of protocols other than TCP.
const (
	New State = iota
	Connecting
	Established
	Closing
	Closed
	Reset
)

// String returns the name used in records.
func (s State) String() string {
	return [...]string{"new", "connecting", "established", "closing", "closed", "reset"}[s]
}

// Quality is a set of remarks on how far a record can be trusted.
type Quality uint8

// The remarks, in the order in which they are listed.
const (
	OneWay    Quality = 1 << iota // only one direction was seen
	Truncated                     // captured bytes end before the packet does
	Offload                       // a segment larger than the wire could carry
	Gaps                          // TCP bytes were acknowledged or skipped that were never captured
	Late                          // a packet's timestamp was earlier than one before it in the input
)

// QualityNames are the names of the remarks, bit 0 first.
var QualityNames = [...]string{"one_way", "truncated", "offload", "gaps", "late"}

// Up and Down index the two directions of a record: client to server, server to client.
const (
	Up = iota
	Down
)

// Record is one bidirectional flow, or one part of it where the active timeout cut it. It is copied by value. Times are
// nanoseconds since the Unix epoch.
type Record struct {
	ID                     uint64 // the same in every part of a flow, and from run to run
	Client, Server         packet.Addr
	ClientPort, ServerPort uint16
	VLAN                   uint16 // outermost id, with HasVLAN
	Proto                  uint8
	Version                uint8 // 4 or 6
	HasVLAN                bool
	ICMPOneWay             bool // ICMP without a counterpart (Community ID v1)
	ClientBy               ClientBy
	State                  State
	ConnState              ConnState
	EndReason              EndReason
	Quality                Quality
	TCPFlags               [2]uint8 // union of the flags seen
	TTLMin                 [2]uint8 // meaningful where Packets is not 0
	Part                   uint32   // 0 for the first
	Start, End             int64    // first and last packet's time
	RTT                    int64    // SYN to the handshake's ACK, ns; -1 where it was not seen
	Packets                [2]uint64
	Bytes                  [2]uint64 // IP total lengths
	WireBytes              [2]uint64 // frames' original lengths
	Payload                [2]uint64 // bytes above the transport header
	HeaderCut              [2]bool   // a TCP header was cut: TCPFlags, Payload and what follows do not say all
	Retransmits            [2]uint32 // TCP segments whose bytes were all seen before
	OutOfOrder             [2]uint32 // TCP segments that filled in bytes skipped before
	History                History

	Ordinal uint64 // place in the input of the record's first packet

	// Written is the packet time at which the record was due, and Order the place in the input of the packet that
	// made it due (a new connection, the cut of the active timeout, the eviction) or, where time did, Ordinal.
	// Records are ordered by the two.
	Written int64
	Order   uint64

	Features *Features // nil where none are wanted; never changed once the record is written
	Label    uint32    // place among the run's labels, from 1; 0: none
}
