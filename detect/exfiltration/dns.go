package exfiltration

import (
	"fmt"
	"math"
	"time"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
)

// resolving is a client and a resolver that it asks.
type resolving struct {
	client, resolver packet.Addr
	version          uint8
}

// queries are what a client asked a resolver in the open window.
type queries struct {
	asked, answered float64 // packets
	up, down        float64 // payload bytes
	first, last     int64   // ns
	evidence        detect.Evidence
}

const (
	dnsOverhead  = 45 // bytes of an ordinary query: header, a name, EDNS
	dnsAlphabet  = 5.0 / 8
	dnsSustained = 20 * time.Second
)

// query counts a DNS flow.
func (d *Detector) query(f *detect.Flow) {
	if f.Missing&detect.NoPackets != 0 {
		return
	}
	q, fresh := d.resolvers.Put(resolving{f.Client, f.Server, f.Version}, f.PairHash)
	if fresh || q.asked == 0 {
		*q = queries{first: f.Start}
	}
	up, down := f.Payload[flowtable.Up], f.Payload[flowtable.Down]
	if f.Missing&detect.NoPayload != 0 { // less the headers of IPv4 and UDP
		up = f.Bytes[flowtable.Up] - min(f.Bytes[flowtable.Up], 28*f.Packets[flowtable.Up])
		down = f.Bytes[flowtable.Down] - min(f.Bytes[flowtable.Down], 28*f.Packets[flowtable.Down])
	}
	q.asked += float64(f.Packets[flowtable.Up])
	q.answered += float64(f.Packets[flowtable.Down])
	q.up += float64(up)
	q.down += float64(down)
	q.first, q.last = min(q.first, f.Start), max(q.last, f.End)
	q.evidence.Add(f.ID)
}

// carried estimates the data in queries, bytes a minute: what is beyond ordinary ones, in letters of five bits.
func (q *queries) carried() float64 {
	length := max(q.last-q.first, int64(dnsSustained))
	return max(0, q.up-dnsOverhead*q.asked) * dnsAlphabet * float64(time.Minute) / float64(length)
}

// closeQueries judges the queries of a window.
func (d *Detector) closeQueries(b detect.Batch, out detect.Out) {
	for key, q := range d.resolvers.All() {
		if q.asked >= float64(d.cfg.MinQueries) && q.last-q.first >= int64(dnsSustained) &&
			q.up >= float64(d.cfg.DNSQuery)*q.asked && q.carried() >= float64(d.cfg.DNSRate) {
			out.Alert(d.tunnel(key, q, b))
		}
		q.asked = 0
	}
}

func (d *Detector) tunnel(key resolving, q *queries, b detect.Batch) detect.Alert {
	client, server := detect.Host{Addr: key.client, Version: key.version}, detect.Host{Addr: key.resolver, Version: key.version}
	none := math.NaN()
	a := detect.Alert{Time: b.End, Kind: "dns_tunnel", Severity: detect.Medium, P: none, Score: q.carried() / float64(d.cfg.DNSRate),
		N: uint64(q.asked), Subject: client, Role: detect.Client, Client: client, Server: server, ServerPort: 53, HasPort: true,
		Proto: packet.ProtoUDP, WindowStart: q.first, WindowEnd: q.last, Evidence: q.evidence, Key: server.String(),
		Message: fmt.Sprintf("%s asks %s %.0f times in %.0f s with queries of %.0f bytes on average: about %.1f kB of data a minute",
			client, service(server, 53), q.asked, float64(q.last-q.first)/1e9, q.up/q.asked, q.carried()/1000),
		Reasons: []detect.Reason{
			{Feature: "query_bytes", Value: q.up / q.asked, Threshold: float64(d.cfg.DNSQuery), Baseline: dnsOverhead},
			{Feature: "answer_bytes", Value: q.down / max(q.answered, 1), Threshold: none, Baseline: none},
			{Feature: "queries", Value: q.asked, Threshold: float64(d.cfg.MinQueries), Baseline: none},
			{Feature: "data_bytes_per_min", Value: q.carried(), Threshold: float64(d.cfg.DNSRate), Baseline: none},
		}}
	if d.resolvers.Evicted() > 0 {
		a.Status = detect.Degraded
	}
	return a
}
