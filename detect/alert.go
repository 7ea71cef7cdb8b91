package detect

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"

	"github.com/weir-sensor/weir/packet"
)

// Severity says how soon somebody should look.
type Severity uint8

// The severities, least first.
const (
	Informational Severity = iota // worth knowing
	Low                           // look when there is time
	Medium                        // look today
	High                          // look now
)

// String returns the name used in records.
func (s Severity) String() string { return [...]string{"info", "low", "medium", "high"}[s] }

// Role says what part an address plays.
type Role uint8

// The roles.
const (
	NoRole  Role = iota // no address, or no part
	Client              // it opens flows
	Server              // it is asked
	Network             // the whole network: there is no address
)

// String returns the name used in records; "" for NoRole.
func (r Role) String() string { return [...]string{"", "client", "server", "network"}[r] }

// Host is an address with its IP version, which its bytes do not tell. The zero value is no host.
type Host struct {
	Addr    packet.Addr
	Version uint8 // 4 or 6; 0: none
}

// String returns the address by RFC 5952; "" for no host.
func (h Host) String() string {
	if h.Version == 0 {
		return ""
	}
	return h.Addr.Netip(h.Version).String()
}

// ClientHost returns the flow's client.
func (f *Flow) ClientHost() Host { return Host{f.Client, f.Version} }

// ServerHost returns the flow's server.
func (f *Flow) ServerHost() Host { return Host{f.Server, f.Version} }

// Status says how far a score can be trusted.
type Status uint8

// The states.
const (
	OK           Status = iota
	Insufficient        // too little was seen to say anything
	Degraded            // a table was full and had to forget
)

// String returns the name used in records.
func (s Status) String() string { return [...]string{"ok", "insufficient", "degraded"}[s] }

// Reason is one number that spoke for an alert. Threshold and Baseline (what is usual: a median, a mean) are NaN where
// there are none.
type Reason struct {
	Feature   string // with its unit where it has one, such as bytes_up or interval_s
	Value     float64
	Threshold float64
	Baseline  float64
}

// MaxEvidence is how many flows an alert names.
const MaxEvidence = 10

// Evidence names flows behind an alert: the first MaxEvidence of them, and how many there were. The zero value is empty.
// It holds no pointers.
type Evidence struct {
	ids   [MaxEvidence]uint64
	Total uint64
}

// Add adds a flow.
func (e *Evidence) Add(id uint64) {
	if e.Total < MaxEvidence {
		e.ids[e.Total] = id
	}
	e.Total++
}

// IDs returns the flows that are named. The slice is borrowed from e.
func (e *Evidence) IDs() []uint64 { return e.ids[:min(e.Total, MaxEvidence)] }

// Alert is something that somebody should look at. Times are ns since the Unix epoch. A detector fills in what concerns
// it; the engine sets Detector, Count, First, Last and ID. P and Probability of 0 are not known, like NaN.
type Alert struct {
	Time     int64 // packet time at which it was known
	Detector string
	Kind     string // one of the detector's, see Info.Kinds
	Severity Severity
	Status   Status

	Score       float64 // the detector's own measure; larger is worse
	P           float64 // probability of such a score where nothing is wrong; NaN: the detector has none
	Probability float64 // that it is so, calibrated: the detector's own or else, that something is wrong, the ensemble's; NaN: neither
	N           uint64  // size of the sample behind the score; 0: one flow

	Subject Host // the address it is about; none: the whole network
	Role    Role // what the subject does in it

	Client, Server Host   // of the flow or flows; none where there are several
	ServerPort     uint16 // with HasPort
	HasPort        bool
	Proto          uint8  // IP protocol; 0: several
	FlowID         uint64 // where it is about one flow; else 0
	CommunityID    string // of that flow; "": none

	WindowStart, WindowEnd int64 // the batch or the time that it is about; both 0: one flow

	Message  string // one sentence for a person
	Reasons  []Reason
	Evidence Evidence

	Count       uint64 // how often it was said, this time included
	First, Last int64  // times of the first and the latest of them
	ID          string // 16 hexadecimal digits, stable between runs

	// Key tells apart alerts of one detector, kind, subject and role that are not the same thing said again, such as the
	// name of a list or a port. It is not written.
	Key string
}

// identity is what makes two alerts the same thing said again.
type identity struct {
	detector uint8
	role     Role
	subject  Host
	kind     string
	key      string
}

func (a *Alert) identity(detector int) identity {
	return identity{uint8(detector), a.Role, a.Subject, a.Kind, a.Key}
}

// id returns the alert's id: a hash of what it is about and when it was first said.
func (a *Alert) id() string {
	h := sha256.New()
	for _, s := range [...]string{a.Detector, a.Kind, a.Role.String(), a.Subject.String(), a.Key} {
		h.Write([]byte(s))
		h.Write([]byte{0})
	}
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(a.First))
	h.Write(b[:])
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// About fills in what an alert about one flow says of it.
func (a *Alert) About(f *Flow) {
	a.Time, a.Client, a.Server, a.Proto = f.Time, f.ClientHost(), f.ServerHost(), f.Proto
	a.ServerPort, a.HasPort = f.ServerPort, f.HasPorts()
	a.FlowID = f.ID
	a.CommunityID = string(packet.AppendCommunityID(nil, 0, f.Version, f.Proto, f.Client, f.Server, f.ClientPort, f.ServerPort, f.ICMPOneWay))
	a.Evidence.Add(f.ID)
}

// HasPorts says whether the flow's protocol has ports.
func (f *Flow) HasPorts() bool {
	return f.Proto == packet.ProtoTCP || f.Proto == packet.ProtoUDP || f.Proto == packet.ProtoSCTP
}
