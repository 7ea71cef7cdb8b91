package build

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/output"
	"github.com/weir-sensor/weir/report"
)

// Alert is an alert as a report needs it. Numbers are NaN where they are not known, texts empty.
type Alert struct {
	ID, Detector, Kind string
	Severity           string
	Subject, Server    string
	Port               float64
	Proto, Message     string
	Score              float64
	Probability        float64
	Count, Total       float64 // how often it was said; flows behind it
	First, Last        int64
	Flows              []uint64 // some of them
}

// alerts keeps alerts, at most so many, and the flows that they name.
type alerts struct {
	limit  int
	byID   map[string]int
	all    []Alert
	more   uint64 // that found no room
	wanted map[uint64]bool
	flows  map[uint64]evidence
	recent []evidence // a ring of the flows seen last, for alerts that come after them
	at     map[uint64]int32
	seen   int
}

// evidence is a flow behind an alert.
type evidence struct {
	id             uint64
	start, end     int64
	client, server detect.Host
	clientPort     uint16
	port
	bytes [2]uint64
	state uint8
}

// maxRecent is how many flows are remembered for alerts that come after them.
const maxRecent = 1 << 17

func newAlerts(limit int) alerts {
	return alerts{limit: limit, byID: map[string]int{}, wanted: map[uint64]bool{}, flows: map[uint64]evidence{}}
}

// Remember makes the Builder keep the latest flows, for alerts that come after the flows that they are about. It is called
// before any record comes; where alerts come first it is not needed.
func (b *Builder) Remember() {
	b.alerts.recent, b.alerts.at = make([]evidence, maxRecent), make(map[uint64]int32, maxRecent)
}

// flow keeps a flow if an alert names it, or may name it.
func (a *alerts) flow(f *detect.Flow) {
	wanted := a.wanted[f.ID]
	if !wanted && a.recent == nil {
		return
	}
	e := evidence{id: f.ID, start: f.Start, end: f.End, client: f.ClientHost(), server: f.ServerHost(), clientPort: f.ClientPort,
		port: port{f.ServerPort, f.Proto}, bytes: f.Bytes, state: uint8(f.State)}
	if wanted {
		a.keep(e)
		return
	}
	slot := int32(a.seen % maxRecent)
	if old := a.recent[slot].id; a.seen >= maxRecent && a.at[old] == slot {
		delete(a.at, old)
	}
	a.recent[slot], a.at[e.id] = e, slot
	a.seen++
}

// keep keeps a flow; parts of a long one are put together.
func (a *alerts) keep(e evidence) {
	if old, ok := a.flows[e.id]; ok && old.start != e.start {
		e.start, e.end = min(e.start, old.start), max(e.end, old.end)
		e.bytes[up], e.bytes[down] = plus(e.bytes[up], old.bytes[up]), plus(e.bytes[down], old.bytes[down])
	}
	a.flows[e.id] = e
}

// want remembers that an alert names a flow.
func (a *alerts) want(id uint64) {
	a.wanted[id] = true
	if slot, ok := a.at[id]; ok && a.recent[slot].id == id {
		a.keep(a.recent[slot])
		delete(a.at, id)
	}
}

// Alert adds an alert; one that was added before is replaced.
func (b *Builder) Alert(alert Alert) {
	a := &b.alerts
	i, known := a.byID[alert.ID]
	switch {
	case known:
		a.all[i] = alert
	case len(a.all) == a.limit:
		a.more++
		return
	default:
		a.byID[alert.ID] = len(a.all)
		a.all = append(a.all, alert)
	}
	for _, id := range alert.Flows {
		a.want(id)
	}
}

// Alerts adds alerts as they come from the engine.
func (b *Builder) Alerts(list []detect.Alert) error {
	for i := range list {
		a := &list[i]
		alert := Alert{ID: a.ID, Detector: a.Detector, Kind: a.Kind, Severity: a.Severity.String(), Subject: a.Subject.String(), Server: a.Server.String(),
			Port: nan, Message: a.Message, Score: a.Score, Probability: a.Probability, Count: float64(a.Count), Total: float64(a.Evidence.Total),
			First: a.First, Last: a.Last, Flows: slices.Clone(a.Evidence.IDs())}
		if a.HasPort {
			alert.Port = float64(a.ServerPort)
		}
		if a.Proto != 0 {
			alert.Proto = output.ProtoName(a.Proto)
		}
		b.Alert(alert)
	}
	return nil
}

// severities, least first.
func severities() []string { return []string{"info", "low", "medium", "high"} }

func (a *Alert) severity() int { return slices.Index(severities(), a.Severity) }

// worst orders alerts: the most severe first, then those likeliest, said most often, and earliest.
func worst(x, y Alert) int {
	return cmp.Or(cmp.Compare(y.severity(), x.severity()), cmp.Compare(likely(y), likely(x)), cmp.Compare(y.Count, x.Count),
		cmp.Compare(x.First, y.First), cmp.Compare(x.ID, y.ID))
}

func likely(a Alert) float64 {
	if math.IsNaN(a.Probability) {
		return -1
	}
	return a.Probability
}

// kind is the alerts of one kind.
type kind struct {
	detector, name, severity string
	alerts                   int
	count                    float64
	subjects                 map[string]bool
	first, last              int64
}

func (a *alerts) kinds() []*kind {
	by := map[[2]string]*kind{}
	var all []*kind
	for i := range a.all {
		one := &a.all[i]
		k := by[[2]string{one.Detector, one.Kind}]
		if k == nil {
			k = &kind{detector: one.Detector, name: one.Kind, severity: one.Severity, subjects: map[string]bool{}, first: one.First, last: one.Last}
			by[[2]string{one.Detector, one.Kind}] = k
			all = append(all, k)
		}
		k.alerts++
		k.count += one.Count
		k.subjects[one.Subject] = true
		k.first, k.last = min(k.first, one.First), max(k.last, one.Last)
		if one.severity() > slices.Index(severities(), k.severity) {
			k.severity = one.Severity
		}
	}
	slices.SortFunc(all, func(x, y *kind) int {
		return cmp.Or(cmp.Compare(slices.Index(severities(), y.severity), slices.Index(severities(), x.severity)), cmp.Compare(y.alerts, x.alerts),
			cmp.Compare(x.detector, y.detector), cmp.Compare(x.name, y.name))
	})
	return all
}

// shownFlows is how many flows of an alert are shown.
const shownFlows = 3

func (b *Builder) alertsSection() report.Section {
	s := report.Section{Title: "Alerts",
		Intro: "What the detectors say, by kind, then one by one, the most severe first; an alert leads to the first of its flows.\n'weir detectors explain NAME' tells what a kind means, 'weir explain ID DIR' shows all numbers behind an alert."}
	a := &b.alerts
	if len(a.all) == 0 {
		s.Note = "There are no alerts: no detector found anything, or none ran (--detect)."
		return s
	}
	if a.more > 0 {
		s.Note = fmt.Sprintf("%d alerts came after the first %d (report.max_alerts) and are not counted here.", a.more, a.limit)
	}
	all := slices.SortedFunc(slices.Values(a.all), worst)
	kinds := a.kinds()
	s.Tables = []report.Table{b.kindsTable(kinds), b.alertsTable(all), b.evidenceTable(all)}
	s.Plots = plots(bars("alert-kinds", "Alerts by kind", "alerts", len(kinds), func(i int) (string, []float64) {
		return kinds[i].detector + "/" + kinds[i].name, []float64{float64(kinds[i].alerts)}
	}, "alerts"))
	return s
}

func (b *Builder) kindsTable(kinds []*kind) report.Table {
	return b.table("alert-kinds", "By kind", []report.Column{
		column("detector", report.Text, ""), column("kind", report.Text, ""), column("severity", report.Text, "The worst of them."),
		column("alerts", report.Integer, ""), column("times said", report.Integer, "Alerts that were said again are one."),
		column("hosts", report.Integer, "That they are about."), column("first", report.Time, ""), column("last", report.Time, ""),
	}, len(kinds), func(i int) []report.Cell {
		k := kinds[i]
		return []report.Cell{text(k.detector), text(k.name), text(k.severity), count(uint64(k.alerts)), number(k.count), count(uint64(len(k.subjects))), instant(k.first), instant(k.last)}
	})
}

func (b *Builder) alertsTable(all []Alert) report.Table {
	return b.table("alerts", "One by one", []report.Column{
		column("alert", report.Text, "Its id, for weir explain."),
		column("severity", report.Text, ""), column("detector", report.Text, ""), column("kind", report.Text, ""),
		column("host", report.Text, "That it is about; empty: the whole network."),
		column("message", report.Text, ""), column("times said", report.Integer, ""),
		column("probability", report.Share, "That something is wrong, where that was calibrated."),
		column("flows", report.Integer, "Behind it; leads to the first of them."),
		column("first", report.Time, ""), column("last", report.Time, ""),
	}, len(all), func(i int) []report.Cell {
		a := &all[i]
		id, flows, subject := text(a.ID), number(a.Total), text(a.Subject)
		id.ID = "alert-" + a.ID
		if a.Subject != "" {
			subject.Link = "#" + hostID(a.Subject)
		}
		if k := slices.IndexFunc(a.Flows, b.alerts.has); k >= 0 {
			flows.Link = "#" + flowAnchor(a.Flows[k])
		}
		return []report.Cell{id, text(a.Severity), text(a.Detector), text(a.Kind), subject, text(a.Message), number(a.Count), number(a.Probability), flows, instant(a.First), instant(a.Last)}
	})
}

func (a *alerts) has(flow uint64) bool { _, ok := a.flows[flow]; return ok }

func flowAnchor(id uint64) string { return fmt.Sprintf("flow-%016x", id) }

// named is a flow with the alert that names it first.
type named struct {
	alert string
	evidence
}

// evidenceTable has the first flows of the alerts that are shown.
func (b *Builder) evidenceTable(all []Alert) report.Table {
	var rows []named
	done := map[uint64]bool{}
	for _, a := range all[:min(len(all), b.opt.Rows)] {
		n := 0
		for _, id := range a.Flows {
			if e, ok := b.alerts.flows[id]; ok && !done[id] && n < shownFlows {
				done[id] = true
				rows = append(rows, named{a.ID, e})
				n++
			}
		}
	}
	wide := *b // the rows of alerts that are shown are shown
	wide.opt.Rows *= shownFlows
	return wide.table("alert-flows", fmt.Sprintf("The flows behind them (at most %d of each alert)", shownFlows), []report.Column{
		column("flow", report.Text, "flow_id of the record."), column("alert", report.Text, "The first that names it."),
		column("start", report.Time, ""), column("duration", report.Duration, ""), column("protocol", report.Text, ""),
		column("client", report.Text, ""), column("client port", report.Port, ""), column("server", report.Text, ""), column("server port", report.Port, ""),
		column("bytes up", report.Bytes, "IP bytes from client to server."), column("bytes down", report.Bytes, "IP bytes from server to client."),
	}, len(rows), func(i int) []report.Cell {
		e := rows[i]
		id, alert := text(fmt.Sprintf("%016x", e.id)), text(e.alert)
		id.ID, alert.Link = flowAnchor(e.id), "#alert-"+e.alert
		return []report.Cell{id, alert, instant(e.start), number(float64(e.end - e.start)), text(output.ProtoName(e.proto)),
			host(e.client), portCell(port{e.clientPort, e.proto}), host(e.server), portCell(e.port), count(e.bytes[up]), count(e.bytes[down])}
	})
}

// transportsSection is about the alerts of the detector transport.
func (b *Builder) transportsSection() report.Section {
	s := report.Section{Title: "Pluggable transports",
		Intro: "Servers whose traffic looks like a pluggable transport or another fully encrypted protocol, with how sure that is.\nOne odd service is no proxy: look at how many flows and clients speak for it."}
	found := slices.SortedFunc(slices.Values(b.alerts.all), worst)
	found = slices.DeleteFunc(found, func(a Alert) bool { return a.Detector != "transport" })
	if len(found) == 0 {
		s.Note = "There are no alerts of the detector transport: it found nothing, or did not run."
		return s
	}
	s.Tables = []report.Table{b.table("transports", "By server", []report.Column{
		column("server", report.Text, ""), column("port", report.Port, ""), column("kind", report.Text, ""),
		column("probability", report.Share, "Where that was calibrated."), column("score", report.Number, "The detector's own measure; larger is worse."),
		column("flows", report.Integer, "Behind it."), column("message", report.Text, ""), column("alert", report.Text, ""), column("last", report.Time, ""),
	}, len(found), func(i int) []report.Cell {
		a := &found[i]
		id, server := text(a.ID), text(cmp.Or(a.Server, a.Subject))
		id.Link = "#alert-" + a.ID
		return []report.Cell{server, number(a.Port), text(a.Kind), number(a.Probability), number(a.Score), number(a.Total), text(a.Message), id, instant(a.Last)}
	})}
	s.Plots = plots(bars("transports", "Servers by score", "score", len(found), func(i int) (string, []float64) {
		return cmp.Or(found[i].Server, found[i].Subject), []float64{found[i].Score}
	}, "score"))
	return s
}
