package basic

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
)

const (
	every       = 10 * time.Second // length of a batch
	maxFindings = 4096             // of a batch, kept apart
)

// Detector judges records one by one. Make it with New.
type Detector struct {
	cfg      Config
	silent   [len(rules)]bool
	watch    [2][1 << 10]uint64 // a bit for each port, of TCP and of UDP
	findings *detect.Table[subject, finding]
	evicted  uint64 // before the batch at hand
}

var (
	_ detect.FlowWatcher = (*Detector)(nil)
	_ detect.Batcher     = (*Detector)(nil)
	_ detect.Sized       = (*Detector)(nil)
)

// subject is what findings are put together by.
type subject struct {
	host detect.Host
	rule rule
	role detect.Role
	port uint16 // of B02; else 0
}

// finding is what was found about a subject in the batch at hand.
type finding struct {
	evidence           detect.Evidence
	id                 uint64 // and so on: of the first flow
	client, server     detect.Host
	cport, sport       uint16
	proto, flags       uint8
	oneWay, otherPeers bool
}

// New returns a detector; cfg must be valid.
func New(cfg Config) *Detector {
	d := &Detector{findings: detect.NewTable[subject, finding](maxFindings)}
	d.Tune(cfg)
	return d
}

// Tune has it go on with another configuration, see detectors.Tune; what it knows stays.
func (d *Detector) Tune(cfg Config) {
	d.cfg = cfg
	for i := range rules {
		d.silent[i] = slices.Contains(cfg.Silence, rules[i].id)
	}
	d.silent[insideAtBorder] = d.silent[insideAtBorder] || !cfg.Border
	d.watch = [2][1 << 10]uint64{}
	watched := cfg.WatchPorts
	if cfg.Compat {
		watched = slices.Concat(watched, []string{"tcp/81", "tcp/82"})
	}
	for _, text := range watched {
		proto, port, _ := parsePort(text)
		d.watch[udp(proto)][port>>6] |= 1 << (port & 63)
	}
}

func udp(proto uint8) int {
	if proto == packet.ProtoUDP {
		return 1
	}
	return 0
}

func (d *Detector) watched(proto uint8, port uint16) bool {
	return d.watch[udp(proto)][port>>6]>>(port&63)&1 != 0
}

// Batches implements detect.Batcher.
func (d *Detector) Batches() []time.Duration { return []time.Duration{every} }

// Tables implements detect.Sized.
func (d *Detector) Tables() []detect.TableCount {
	return []detect.TableCount{d.findings.Count("findings")}
}

// Needs implements detect.Needer.
func (d *Detector) Needs() []detect.Need {
	const flags, empty = "impossible flags", "empty connections"
	return []detect.Need{{Fields: detect.NoTCPFlags, For: flags}, {Fields: detect.NoPackets, For: flags},
		{Fields: detect.NoState, For: empty}, {Fields: detect.NoPayload, For: empty}, {Fields: detect.NoClientPort, For: "clients' port 0"},
		{Fields: detect.NoTCPFlags | detect.NoHistory | detect.NoState, For: "watched ports"}}
}

// Flows implements detect.FlowWatcher.
func (d *Detector) Flows(flows []detect.Flow, out detect.Out) {
	for i := range flows {
		f := &flows[i]
		d.addresses(f, out)
		switch f.Proto {
		case packet.ProtoTCP:
			d.ports(f, out)
			d.flags(f, out)
			if empty(f) {
				d.found(emptyConnections, f, flowtable.Up, 0, out)
			}
		case packet.ProtoUDP:
			d.ports(f, out)
		}
		if d.cfg.Border && f.ClientLocal && f.ServerLocal {
			d.found(insideAtBorder, f, flowtable.Up, 0, out)
		}
	}
}

// found notes that a flow breaks a rule, by what an end did.
func (d *Detector) found(r rule, f *detect.Flow, end int, port uint16, out detect.Out) {
	if d.silent[r] {
		return
	}
	s, hash := subject{f.ClientHost(), r, detect.Client, port}, f.ClientHash
	if end == flowtable.Down {
		s.host, s.role, hash = f.ServerHost(), detect.Server, f.ServerHash
	}
	x, fresh := d.findings.Put(s, detect.Mix(hash, uint64(r)<<16|uint64(port)))
	if fresh {
		*x = finding{id: f.ID, client: f.ClientHost(), server: f.ServerHost(), cport: f.ClientPort, sport: f.ServerPort, proto: f.Proto,
			flags: f.TCPFlags[end], oneWay: f.ICMPOneWay}
	}
	x.otherPeers = x.otherPeers || x.client != f.ClientHost() || x.server != f.ServerHost()
	x.evidence.Add(f.ID)
	if x.evidence.Total <= detect.MaxEvidence {
		out.Score(detect.Score{Time: f.Time, Subject: s.host, Role: s.role, FlowID: f.ID, Raw: weight(r), P: math.NaN(), N: x.evidence.Total,
			Alerted: r != emptyConnections})
	}
}

// weight is how much a rule means.
func weight(r rule) float64 {
	return [...]float64{detect.Informational: 0.1, detect.Low: 0.3, detect.Medium: 0.6}[rules[r].severity]
}

// kept is a finding of a batch that has ended.
type kept struct {
	subject
	*finding
}

// CloseBatch implements detect.Batcher: an alert for each rule and address, those with most flows, and one for the rest.
func (d *Detector) CloseBatch(b detect.Batch, out detect.Out) {
	if d.findings.Len() == 0 {
		return
	}
	var byRule [len(rules)][]kept
	for s, x := range d.findings.All() {
		if s.rule != emptyConnections || x.evidence.Total >= uint64(d.cfg.MinEmpty) {
			byRule[s.rule] = append(byRule[s.rule], kept{s, x})
		}
	}
	status := detect.OK
	if d.findings.Evicted() > d.evicted {
		status, d.evicted = detect.Degraded, d.findings.Evicted()
	}
	for r, all := range byRule {
		slices.SortFunc(all, compareKept)
		if rule(r) == watchedPort {
			watched(all, b, status, out)
			continue
		}
		n := len(all)
		if n > d.cfg.MaxAlerts {
			n = d.cfg.MaxAlerts - 1
		}
		for _, k := range all[:n] {
			out.Alert(k.alert(b, status))
		}
		if n < len(all) {
			out.Alert(summary(rule(r), all[n:], b, status))
		}
	}
	d.findings.Clear()
}

func compareKept(a, b kept) int {
	return cmp.Or(cmp.Compare(b.evidence.Total, a.evidence.Total), cmp.Compare(a.host.Version, b.host.Version),
		cmp.Compare(a.host.Addr.Hi, b.host.Addr.Hi), cmp.Compare(a.host.Addr.Lo, b.host.Addr.Lo), cmp.Compare(a.role, b.role),
		cmp.Compare(a.port, b.port))
}

// score grows by the rule's weight with each doubling of the flows.
func score(r rule, flows uint64) float64 { return weight(r) * (1 + math.Log2(float64(max(flows, 1)))) }

// alert returns the alert about a finding.
func (k kept) alert(b detect.Batch, status detect.Status) detect.Alert {
	rule := &rules[k.rule]
	flows := k.evidence.Total
	a := detect.Alert{Kind: rule.kind, Severity: rule.severity, Status: status, Score: score(k.rule, flows), P: math.NaN(), N: flows,
		Subject: k.host, Role: k.role, WindowStart: b.Start, WindowEnd: b.End}
	if flows == 1 {
		a.About(k.flow())
	} else if !k.otherPeers {
		a.Client, a.Server = k.client, k.server
	} else if k.role == detect.Client {
		a.Client = k.host
	} else {
		a.Server = k.host
	}
	a.Time, a.Evidence = b.End, k.evidence
	if k.port != 0 {
		a.Key, a.ServerPort, a.HasPort, a.Proto = fmt.Sprint(k.proto, "/", k.port), k.port, true, k.proto
	}
	a.Message = fmt.Sprintf("%s %s (%s)%s: %s, first to %s", k.host, rule.doc, rule.id, k.detail(), counted(flows, "flow"), k.peer())
	a.Reasons = []detect.Reason{{Feature: rule.id + ".flows", Value: float64(flows), Threshold: math.NaN(), Baseline: math.NaN()}}
	return a
}

// watched raises one alert for each watched port that was used: who uses it is no mistake of theirs, so the hosts are counted.
func watched(all []kept, b detect.Batch, status detect.Status, out detect.Out) {
	for len(all) > 0 {
		first := all[0]
		var same, others []kept
		for _, k := range all {
			if k.port == first.port && k.proto == first.proto {
				same = append(same, k)
			} else {
				others = append(others, k)
			}
		}
		a := first.alert(b, status)
		if len(same) > 1 {
			a.Client, a.Server, a.FlowID, a.CommunityID, a.Evidence = detect.Host{}, detect.Host{}, 0, "", detect.Evidence{}
			a.Score, a.N = score(watchedPort, uint64(len(same))), 0
			for _, k := range same {
				a.N += k.evidence.Total
				for _, id := range k.evidence.IDs() {
					a.Evidence.Add(id)
				}
			}
			a.Evidence.Total = a.N
			a.Message = fmt.Sprintf("%s and %s use port %d, which is watched (B02): %s, first to %s", first.host,
				counted(uint64(len(same)-1), "other host"), first.port, counted(a.N, "flow"), first.peer())
			a.Reasons = []detect.Reason{{Feature: "B02.hosts", Value: float64(len(same)), Threshold: math.NaN(), Baseline: math.NaN()}}
		}
		a.Subject, a.Role = detect.Host{}, detect.Network // so that the next host's use is the same thing said again
		out.Alert(a)
		all = others
	}
}

// peer names the other end of the first flow.
func (k kept) peer() string {
	host, port := k.server, k.sport
	if k.role == detect.Server {
		host, port = k.client, k.cport
	}
	if f := k.flow(); !f.HasPorts() {
		return host.String()
	}
	return fmt.Sprintf("%s port %d", host, port)
}

// detail is what else a rule has to say.
func (k kept) detail() string {
	switch k.rule {
	case watchedPort:
		return fmt.Sprintf(", port %d", k.port)
	case impossibleFlags:
		return ", first " + flagNames(k.flags)
	}
	return ""
}

// flagNames names TCP flags: "SYN+FIN".
func flagNames(flags uint8) string {
	var names []string
	for i, name := range [...]string{"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"} {
		if flags>>i&1 != 0 {
			names = append(names, name)
		}
	}
	return cmp.Or(strings.Join(names, "+"), "none")
}

func counted(n uint64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// summary returns the alert about a rule's findings beyond max_alerts.
func summary(r rule, rest []kept, b detect.Batch, status detect.Status) detect.Alert {
	a := detect.Alert{Time: b.End, Kind: rules[r].kind, Severity: rules[r].severity, Status: status, P: math.NaN(), Role: detect.Network,
		WindowStart: b.Start, WindowEnd: b.End, Key: rules[r].id}
	var flows uint64
	for _, k := range rest {
		flows += k.evidence.Total
		for _, id := range k.evidence.IDs() {
			a.Evidence.Add(id)
		}
	}
	a.N, a.Evidence.Total, a.Score = flows, flows, score(r, flows)
	a.Message = fmt.Sprintf("%s: the same (%s) of %s more, in %s", rules[r].kind, rules[r].id, fmt.Sprint(len(rest), " addresses"), counted(flows, "flow"))
	a.Reasons = []detect.Reason{{Feature: rules[r].id + ".addresses", Value: float64(len(rest)), Threshold: math.NaN(), Baseline: math.NaN()}}
	return a
}

// flow makes a flow of what was kept of it, for detect.Alert.About.
func (x *finding) flow() *detect.Flow {
	return &detect.Flow{Record: &flowtable.Record{ID: x.id, Version: x.client.Version, Proto: x.proto, Client: x.client.Addr,
		Server: x.server.Addr, ClientPort: x.cport, ServerPort: x.sport, ICMPOneWay: x.oneWay}}
}
