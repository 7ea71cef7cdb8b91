package flowtable

// ConnState is Zeek's conn_state.
type ConnState uint8

// The states that Zeek documents for conn.log.
const (
	OTH ConnState = iota
	S0
	S1
	SF
	REJ
	S2
	S3
	RSTO
	RSTR
	RSTOS0
	RSTRH
	SH
	SHR
)

// String returns Zeek's name of the state.
func (c ConnState) String() string {
	return [...]string{"OTH", "S0", "S1", "SF", "REJ", "S2", "S3", "RSTO", "RSTR", "RSTOS0", "RSTRH", "SH", "SHR"}[c]
}
