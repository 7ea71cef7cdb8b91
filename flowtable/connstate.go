package flowtable

import "github.com/weir-sensor/weir/packet"

// ConnState is Zeek's conn_state.
type ConnState uint8

// The states that Zeek documents for conn.log.
const (
	OTH    ConnState = iota // none of the others: the beginning was not seen, or no TCP or UDP
	S0                      // an attempt without answer
	S1                      // established, not ended
	SF                      // established and ended in order; UDP: both sides sent
	REJ                     // the attempt was rejected
	S2                      // established, the client closed, no answer to that
	S3                      // established, the server closed, no answer to that
	RSTO                    // established, the client reset
	RSTR                    // the server reset
	RSTOS0                  // the client sent SYN and RST, the server nothing
	RSTRH                   // the server sent SYN-ACK and RST, no SYN was seen
	SH                      // the client sent SYN and FIN, the server no SYN-ACK
	SHR                     // the server sent SYN-ACK and FIN, no SYN was seen; UDP: only the server sent
)

// String returns Zeek's name of the state.
func (c ConnState) String() string {
	return [...]string{"OTH", "S0", "S1", "SF", "REJ", "S2", "S3", "RSTO", "RSTR", "RSTOS0", "RSTRH", "SH", "SHR"}[c]
}

// connState is the flow's conn_state as Zeek's conn/main.zeek derives it from the states of the two ends.
func (t *Table) connState(f *flow) ConnState {
	client := f.bits.client()
	switch f.proto {
	case packet.ProtoTCP:
		return t.tcpConnState(f, client)
	case packet.ProtoUDP:
		up, down := f.spoke(client), f.spoke(1-client)
		switch {
		case up && down:
			return SF
		case up:
			return S0
		case down:
			return SHR
		}
	}
	return OTH
}

// spoke says whether end d has sent anything since the flow began, earlier parts included.
func (f *flow) spoke(d int) bool { return f.packets[d] != 0 || f.histSeen&(0x5555<<d) != 0 }

// answered says whether both ends have sent.
func (f *flow) answered() bool { return f.spoke(0) && f.spoke(1) }

func (t *Table) tcpConnState(f *flow, client int) ConnState {
	up, down := f.state[client].now(), f.state[1-client].now()
	upSilent, downSilent := up == inactive || up == partial, down == inactive || down == partial
	switch {
	case down == reset:
		switch {
		case up == synSent || up == synAckSent, up == reset && t.size(f, 0) == 0 && t.size(f, 1) == 0:
			return REJ
		case upSilent:
			return RSTRH
		}
		return RSTR
	case up == reset && !downSilent:
		return RSTO
	case up == reset:
		if abandonedSYN(t.history(f)) {
			return RSTOS0
		}
	case up == closed && down == closed:
		return SF
	case up == closed && downSilent:
		return SH
	case up == closed:
		return S2
	case down == closed && upSilent:
		return SHR
	case down == closed:
		return S3
	case up == synSent && down == inactive:
		return S0
	case up == established && down == established:
		return S1
	}
	return OTH
}

// size is the payload that end d's sequence numbers span.
func (t *Table) size(f *flow, d int) uint32 {
	return f.tcp[d].size(f.tcpBits&(finA<<d) != 0)
}

// abandonedSYN says whether the history begins with the client's SYN and reaches its RST before anything that shows
// a connection.
func abandonedSYN(h History) bool {
	var buf [3 * lettersPerWord]byte
	for i, c := range h.Append(buf[:0]) {
		switch {
		case c == '^' && i == 0:
		case c == 'S' && i <= 1:
			for _, c := range h.Append(buf[:0])[i+1:] {
				switch c {
				case 'R':
					return true
				case 'H', 'A', 'F', 'G', 'I', 'Q':
					return false
				}
			}
			return false
		default:
			return false
		}
	}
	return false
}
