package build

import (
	"cmp"
	"net/netip"
	"time"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
	"github.com/weir-sensor/weir/report"
	"github.com/weir-sensor/weir/report/geo"
)

// Options say what a report is of, and how it is made.
type Options struct {
	Config
	Title      string
	Subtitle   string
	Local      []string       // networks that are ours: detect.local_networks
	Inside     []string       // networks in which hosts that talk to each other are looked at; nil: Local
	Geo        *geo.Databases // nil: none
	Percentile float64        // clients below it are left out of the tables of bytes out and in; 0: none
	Sections   []string       // IDs of those that are wanted; nil: all

	// Classes returns the class of a label of windows; nil: there are none.
	Classes func(label uint32) string

	// Names returns the names of addresses, as far as they have one; nil: nobody is asked.
	Names func([]netip.Addr) map[netip.Addr]string
}

// Builder takes records and makes a Report of them. One goroutine uses it. It is a sink of flows, windows and alerts.
type Builder struct {
	opt    Options
	zone   *time.Location
	local  packet.Networks
	inside packet.Networks
	geo    *geo.Databases

	all       volume
	end       int64 // of the latest record
	timeline  timeline
	hours     hours
	countries *tally[string]
	ends      map[string]*ends // by country
	networks  *tally[network]
	names     map[string]string // of countries
	hosts     *tally[detect.Host]
	services  *tally[service]
	ports     *tally[port]
	protocols *tally[uint8]
	out       *tally[detect.Host] // clients of ours: bytes out of our networks, and in
	pairs     *tally[pair]
	alerts    alerts
	ranking   []Ranked
	windows   windows
	scatter   scatter
	ledger    ledger
	notes     []string              // what was wrong with the input
	resolved  map[netip.Addr]string // names of addresses
}

// service is a port of a server.
type service struct {
	server detect.Host
	port
}

// port is a port of a protocol, 0 for protocols without.
type port struct {
	number uint16
	proto  uint8
}

// pair is a client and a server inside our networks.
type pair struct{ client, server detect.Host }

func compareHosts(a, b detect.Host) int {
	return cmp.Or(cmp.Compare(a.Version, b.Version), cmp.Compare(a.Addr.Hi, b.Addr.Hi), cmp.Compare(a.Addr.Lo, b.Addr.Lo))
}

func comparePorts(a, b port) int {
	return cmp.Or(cmp.Compare(a.proto, b.proto), cmp.Compare(a.number, b.number))
}

// New returns a Builder without records. The options' Config must be valid.
func New(opt Options) *Builder {
	if opt.Geo == nil {
		opt.Geo = geo.Open(nil)
	}
	if opt.Inside == nil {
		opt.Inside = opt.Local
	}
	limit := opt.MaxHosts
	return &Builder{
		opt: opt, zone: opt.Location(), local: packet.NewNetworks(opt.Local), inside: packet.NewNetworks(opt.Inside), geo: opt.Geo,
		hours:     newHours(),
		countries: newTally(1000, cmp.Compare[string]), // there are 249
		ends:      map[string]*ends{}, names: map[string]string{},
		networks:  newTally(limit, compareNetworks),
		hosts:     newTally(limit, compareHosts),
		services:  newTally(limit, func(a, b service) int { return cmp.Or(compareHosts(a.server, b.server), comparePorts(a.port, b.port)) }),
		ports:     newTally(1<<18, comparePorts),
		protocols: newTally(256, cmp.Compare[uint8]),
		out:       newTally(limit, compareHosts),
		pairs:     newTally(limit, func(a, b pair) int { return cmp.Or(compareHosts(a.client, b.client), compareHosts(a.server, b.server)) }),
		alerts:    newAlerts(opt.MaxAlerts),
		windows:   newWindows(opt.Windows),
		scatter:   newScatter(opt.Sample),
	}
}

// Flows adds records as they come from the pipeline.
func (b *Builder) Flows(records []flowtable.Record) error {
	for i := range records {
		b.Flow(&detect.Flow{Record: &records[i], Time: records[i].Start})
	}
	return nil
}

// Flow adds a record, which is borrowed.
func (b *Builder) Flow(f *detect.Flow) {
	r := f.Record
	b.all.add(r, false)
	b.end = max(b.end, r.End, r.Start)
	b.timeline.add(r)
	if r.Part == 0 {
		b.hours.add(r.Start, b.zone)
	}
	client, server := f.ClientHost(), f.ServerHost()
	b.addPlace(client, server, r)
	b.hosts.at(client).add(r, false)
	if client != server {
		b.hosts.at(server).add(r, true)
	}
	p := port{proto: r.Proto}
	if f.HasPorts() {
		p.number = r.ServerPort
	}
	b.services.at(service{server, p}).add(r, false)
	b.ports.at(p).add(r, false)
	b.protocols.at(r.Proto).add(r, false)
	if b.local.Contains(r.Client, r.Version) && !b.local.Contains(r.Server, r.Version) {
		b.out.at(client).add(r, false)
	}
	if client != server && b.inside.Contains(r.Client, r.Version) && b.inside.Contains(r.Server, r.Version) {
		b.pairs.at(pair{client, server}).add(r, false)
	}
	b.alerts.flow(f)
	b.scatter.sample.Add(f)
}

// Note adds a sentence about what is wrong with the input.
func (b *Builder) Note(text string) { b.notes = append(b.notes, text) }

// Flush implements output.Sink.
func (b *Builder) Flush() error { return nil }

// Close implements output.Sink: what was added stays.
func (b *Builder) Close() error { return nil }

// Abort implements output.Sink.
func (b *Builder) Abort() error { return nil }

// section makes one section.
type section struct {
	id   string
	make func() report.Section
}

// sections are all, in their order.
func (b *Builder) sections() []section {
	return []section{
		{"ledger", b.ledgerSection}, {"hosts", b.rankingSection}, {"alerts", b.alertsSection}, {"traffic", b.trafficSection},
		{"countries", b.countriesSection}, {"networks", b.networksSection}, {"hours", b.hoursSection}, {"talkers", b.talkersSection},
		{"servers", b.serversSection}, {"exfiltration", b.exfiltrationSection}, {"lateral", b.lateralSection},
		{"transports", b.transportsSection}, {"windows", b.windowsSection}, {"clusters", b.clustersSection},
	}
}
