package packet

// Verdict is what became of a frame in the decoder: OK, or the ledger's reason why not. The list is closed.
type Verdict uint8

// The verdicts. Everything from UnknownLink on is the ledger's `malformed`: the headers contradict themselves.
const (
	OK              Verdict = iota
	NonIP                   // a sound frame that carries no IP: ARP, LLDP, spanning tree, PPP control, ...
	Truncated               // the headers up to the transport's ports do not fit the captured bytes
	UnknownLink             // a link type that weir does not read
	TooManyTags             // more VLAN tags, MPLS labels and encapsulations than maxTags
	BadPPPoE                // a PPPoE session header of another version or type than 1
	BadVersion              // the version nibble is not the one announced, or neither 4 nor 6
	BadHeaderLength         // an IPv4 header length below 20 bytes
	BadTotalLength          // an IPv4 total length below its header length
	BadExtension            // an IPv6 extension or authentication header longer than the packet
	TooManyHeaders          // more extension headers than maxExtensions
	ShortTransport          // the packet, by its own length, ends inside the transport header
	Verdicts                // how many there are
)

// String returns the name used in the ledger.
func (v Verdict) String() string {
	if v >= Verdicts {
		return "unknown"
	}
	return [Verdicts]string{
		"ok", "non_ip", "truncated", "unknown_link", "too_many_tags", "bad_pppoe", "bad_ip_version",
		"bad_ip_header_length", "bad_ip_total_length", "bad_extension", "too_many_headers", "short_transport",
	}[v]
}

// Malformed reports whether the frame's headers contradict themselves.
func (v Verdict) Malformed() bool { return v >= UnknownLink && v < Verdicts }
