package blocklist

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/flowtable"
)

// The kinds of alerts.
const (
	kindServer = "listed_server"
	kindClient = "listed_client"
	kindMany   = "many_listed"
)

// alert returns the alert about a contact.
func (d *Detector) alert(k kept, b detect.Batch, status detect.Status) detect.Alert {
	a := detect.Alert{Kind: kindServer, Subject: k.listed, Role: k.role, Severity: severity(k.score), Status: status, Score: k.score,
		P: math.NaN(), N: k.flows}
	if k.flows == 1 {
		a.About(k.first.flow())
	} else {
		a.Client, a.Server = k.peer, k.listed
	}
	if k.role == detect.Client {
		a.Kind = kindClient
		a.Client = k.listed
		if k.flows > 1 {
			a.Server = detect.Host{}
		}
	} else {
		a.Key = k.peer.String()
	}
	a.Time, a.WindowStart, a.WindowEnd, a.Evidence = b.End, b.Start, b.End, k.evidence
	a.Message = fmt.Sprintf("%s, %s, %s", k.listed, d.where(k.found), k.deed())
	a.Reasons = append(d.reasons(k.found, b.End), reason("flows", k.flows), reason("answered", k.answered),
		reason("bytes_up", k.bytes[flowtable.Up]), reason("bytes_down", k.bytes[flowtable.Down]))
	return a
}

// deed says what a contact was.
func (k kept) deed() string {
	flows, answered := "1 flow", "none answered"
	if k.flows > 1 {
		flows = fmt.Sprint(k.flows, " flows")
	}
	if k.answered > 0 {
		answered = fmt.Sprintf("%d answered, %d bytes up, %d down", k.answered, k.bytes[flowtable.Up], k.bytes[flowtable.Down])
	}
	if k.role == detect.Server {
		return fmt.Sprintf("is the server of %s from %s: %s", flows, k.peer, answered)
	}
	if k.flows == 1 {
		return fmt.Sprintf("is the client of 1 flow to %s: %s", k.first.server, answered)
	}
	return fmt.Sprintf("is the client of %s: %s", flows, answered)
}

// where says where a prefix and those around it are listed: "on list drop line 12 (192.0.2.0/24)".
func (d *Detector) where(found uint32) string {
	d.matches = d.current.Matches(d.matches[:0], found)
	var texts []string
	for _, m := range d.matches {
		texts = append(texts, m.String())
	}
	return "on list " + strings.Join(texts, " and list ")
}

// String says on which line of which list it is: "drop line 12 (192.0.2.0/24)".
func (m Match) String() string { return fmt.Sprintf("%s line %d (%s)", m.List.Name, m.Line, m.Prefix) }

// reasons returns what the lists say of a prefix, and how old those that tell their age were at a time, ns: hours.
func (d *Detector) reasons(found uint32, at int64) []detect.Reason {
	d.matches = d.current.Matches(d.matches[:0], found)
	var all []detect.Reason
	for _, m := range d.matches {
		all = append(all, reason("list."+m.List.Name+".line", uint64(m.Line)))
		if made := m.List.Dated; !made.IsZero() && made.UnixNano() <= at {
			all = append(all, reason("list."+m.List.Name+".age_hours", uint64(at-made.UnixNano())/uint64(time.Hour)))
		}
		if m.Reliability > 0 {
			all = append(all, reason("list."+m.List.Name+".reliability", uint64(m.Reliability)), reason("list."+m.List.Name+".risk", uint64(m.Risk)))
		}
	}
	return all
}

func reason(feature string, value uint64) detect.Reason {
	return detect.Reason{Feature: feature, Value: float64(value), Threshold: math.NaN(), Baseline: math.NaN()}
}

// summary returns the alert about contacts beyond max_alerts.
func (d *Detector) summary(rest []kept, b detect.Batch, status detect.Status) detect.Alert {
	a := detect.Alert{Time: b.End, Kind: kindMany, Role: detect.Network, Status: status, P: math.NaN(), WindowStart: b.Start, WindowEnd: b.End}
	for _, k := range rest {
		a.N += k.flows
		for _, id := range k.evidence.IDs() {
			a.Evidence.Add(id)
		}
	}
	a.Evidence.Total = a.N
	a.Score, a.Severity = rest[0].score, severity(rest[0].score)
	a.Message = fmt.Sprintf("%d more contacts with listed hosts, %d flows", len(rest), a.N)
	a.Reasons = []detect.Reason{reason("contacts", uint64(len(rest))), reason("flows", a.N)}
	return a
}

// flow makes a flow of what was kept of it, for detect.Alert.About.
func (f *flow) flow() *detect.Flow {
	return &detect.Flow{Record: &flowtable.Record{ID: f.id, Version: f.client.Version, Proto: f.proto, Client: f.client.Addr,
		Server: f.server.Addr, ClientPort: f.cport, ServerPort: f.sport, ICMPOneWay: f.oneWay}}
}
