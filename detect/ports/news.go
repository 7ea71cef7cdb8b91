package ports

import (
	"fmt"
	"math"
	"time"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/detect/sketch"
)

// kind is what was new.
type kind uint8

const (
	newPort    kind = iota // the port, on this network
	newService             // the service, of this server
	newUse                 // the port, by this client
	kindCount
)

func (k kind) String() string { return [...]string{"new_port", "new_service", "new_use"}[k] }

var kinds = []detect.Kind{
	{Name: newPort.String(), Severity: detect.Low, Doc: "A port is used that was not used on this network before."},
	{Name: newService.String(), Severity: detect.Low, Doc: "A server of ours answers on a port on which it did not before; others do."},
	{Name: newUse.String(), Severity: detect.Informational, Doc: "A client of ours uses a port which it did not use before; others do."},
}

const every = 10 * time.Minute

// newsKey is a host with something new in this batch.
type newsKey struct {
	host detect.Host
	kind kind
}

// event is what is new of a host in this batch.
type event struct {
	count    uint32
	service  service
	peer     detect.Host
	isClient bool // the host is the client
	evidence detect.Evidence
}

// news counts first uses, and how many are usual: per kind, decayed numbers of them and of hosts, batch by batch.
type news struct {
	begin  int64 // of the input, ns; with begun
	begun  bool
	events *detect.Table[newsKey, event]
	hosts  [2]sketch.Distinct // of ours that took part in the batch: as clients, as servers
	seen   [kindCount]float64
	of     [kindCount]float64
}

// memory is how much of what was usual a batch leaves: the mean age is a week.
const memory = 1 - float64(every)/float64(7*24*time.Hour)

// most is how many first uses of one host count for what is usual.
const most = 10

func newNews(cfg Config) news { return news{events: detect.NewTable[newsKey, event](cfg.MaxEvents)} }

// active notes the hosts of ours that take part.
func (n *news) active(u *use) {
	f := u.flow
	if !n.begun {
		n.begin, n.begun = f.Time, true
	}
	if f.ClientLocal {
		n.hosts[0].Add(u.client)
	}
	if f.ServerLocal {
		n.hosts[1].Add(u.server)
	}
}

// event counts something new of a host; hash is its address's.
func (n *news) event(k kind, host detect.Host, hash uint64, f *detect.Flow, s service) {
	key, h := newsKey{host, k}, detect.Mix(hash, uint64(k))
	e, fresh := n.events.Put(key, h)
	if fresh {
		*e = event{service: s, peer: f.ServerHost(), isClient: host == f.ClientHost()}
		if !e.isClient {
			e.peer = f.ClientHost()
		}
	}
	e.count++
	e.evidence.Add(f.ID)
}

// rate is how many first uses of a kind are usual for a host in a batch (Jeffreys' estimate of a Poisson rate).
func (n *news) rate(k kind) float64 { return (n.seen[k] + 0.5) / (n.of[k] + 1) }

// CloseBatch implements detect.Batcher.
func (d *Detector) CloseBatch(b detect.Batch, out detect.Out) {
	learning := b.End-d.begin <= int64(d.cfg.Learn)
	var seen [kindCount]float64
	for key, e := range d.events.All() {
		seen[key.kind] += float64(min(e.count, most))
		p := tail(int(e.count), d.rate(key.kind))
		role := detect.Server
		if e.isClient {
			role = detect.Client
		}
		sc := detect.Score{Time: b.End, Subject: key.host, Role: role, Raw: -math.Log2(p), P: p, N: uint64(d.of[key.kind])}
		switch {
		case learning:
			sc.Status = detect.Insufficient
		case p <= d.cfg.MaxP:
			sc.Alerted = true
			out.Alert(d.alert(b, key, e, sc))
		}
		out.Score(sc)
	}
	if 2*(b.End-d.begin) > int64(d.cfg.Learn) { // at first, all is new
		d.learn(seen)
	}
	d.hosts = [2]sketch.Distinct{}
	d.events.Clear()
}

// learn takes the batch into what is usual.
func (n *news) learn(seen [kindCount]float64) {
	clients, servers := float64(n.hosts[0].Count()), float64(n.hosts[1].Count())
	for k, hosts := range [kindCount]float64{max(clients, servers), servers, clients} {
		n.seen[k] = n.seen[k]*memory + seen[k]
		n.of[k] = n.of[k]*memory + hosts
	}
}

// tail is the probability of n or more of a Poisson variable with mean l.
func tail(n int, l float64) float64 {
	logTerm, _ := math.Lgamma(float64(n + 1))
	term := math.Exp(float64(n)*math.Log(l) - l - logTerm) // of n by itself
	sum := 0.0
	if float64(n) < l { // most of it: from below
		for k := n; k > 0; k-- {
			term *= float64(k) / l
			sum += term
		}
		return 1 - sum
	}
	for k := n; term > sum*1e-17; k++ {
		sum += term
		term *= l / float64(k+1)
	}
	return max(sum, math.SmallestNonzeroFloat64)
}

// surprise is how improbable a flow to a port is after count of total flows, in bits: of all ports, each counts half a flow
// more than it had.
func surprise(count, total uint64) float64 {
	return -math.Log2((float64(count) + 0.5) / (float64(total) + 0.5*65536))
}

func (d *Detector) alert(b detect.Batch, key newsKey, e *event, sc detect.Score) detect.Alert {
	host := key.host
	a := detect.Alert{
		Time: b.End, Kind: key.kind.String(), Severity: kinds[key.kind].Severity, Score: sc.Raw, P: sc.P, N: sc.N,
		Subject: host, Role: sc.Role, Client: e.peer, Server: host, Proto: e.service.proto, ServerPort: e.service.port, HasPort: true,
		WindowStart: b.Start, WindowEnd: b.End, Evidence: e.evidence,
		Reasons: []detect.Reason{
			{Feature: "first_uses", Value: float64(e.count), Threshold: math.NaN(), Baseline: d.rate(key.kind)},
			{Feature: "p", Value: sc.P, Threshold: d.cfg.MaxP, Baseline: math.NaN()},
		},
	}
	if e.isClient {
		a.Client, a.Server = host, e.peer
	}
	u := d.ports.Get(e.service, detect.Mix(uint64(e.service.proto), uint64(e.service.port)))
	if u == nil {
		u = new(usage) // forgotten since
	}
	a.Reasons = append(a.Reasons, detect.Reason{Feature: "port_surprise_bits", Value: surprise(u.flows-min(u.flows, 1), d.uses-min(d.uses, 1)),
		Threshold: math.NaN(), Baseline: math.NaN()})
	switch key.kind {
	case newPort:
		a.Message = fmt.Sprintf("%v of %v is used by %v; nobody used that port on this network before", e.service, a.Server, a.Client)
	case newService:
		a.Message = fmt.Sprintf("%v answers on %v for the first time, to %v; %d servers are known on that port", a.Server, e.service, a.Client, u.servers.Count())
	case newUse:
		a.Message = fmt.Sprintf("%v uses %v for the first time, of %v; %d clients are known on that port", a.Client, e.service, a.Server, u.clients.Count())
	}
	if e.count > 1 {
		a.Message += fmt.Sprintf("; this and %d more first uses within 10 min", e.count-1)
	}
	return a
}
