package build

import (
	"cmp"
	"fmt"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/detect/sketch"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/report"
	"github.com/weir-sensor/weir/report/geo"
)

// network is an autonomous system, or what stands for one.
type network struct {
	asn uint32 // 0: see kind
	org string
}

func compareNetworks(a, b network) int {
	return cmp.Or(cmp.Compare(a.asn, b.asn), cmp.Compare(a.org, b.org))
}

// ends are the hosts that take part in a country's flows.
type ends struct{ clients, servers sketch.Distinct }

// hash is the same in every run, unlike those of tables: it decides counts that are shown.
func hash(h detect.Host) uint64 {
	v := h.Addr.Hi*0x9e3779b97f4a7c15 ^ h.Addr.Lo ^ uint64(h.Version)<<56
	v = (v ^ v>>30) * 0xbf58476d1ce4e5b9
	v = (v ^ v>>27) * 0x94d049bb133111eb
	return v ^ v>>31
}

// addPlace counts a flow where its server is.
func (b *Builder) addPlace(client, server detect.Host, r *flowtable.Record) {
	p := b.geo.Place(address(server))
	country := placeName(p)
	b.countries.at(country).add(r, false)
	if p.Name != "" && len(b.names) < 1000 {
		b.names[country] = p.Name
	}
	e := b.ends[country]
	if e == nil && len(b.ends) < 1000 {
		e = &ends{}
		b.ends[country] = e
	}
	if e != nil {
		e.clients.Add(hash(client))
		e.servers.Add(hash(server))
	}
	b.networks.at(networkOf(p)).add(r, false)
}

// placeName is the row of the table of countries to which an address belongs.
func placeName(p geo.Place) string {
	if p.Country != "" {
		return p.Country
	}
	if p.Kind == geo.Known { // but not in which country
		return geo.Unknown.String()
	}
	return p.Kind.String()
}

func networkOf(p geo.Place) network {
	if p.ASN == 0 && p.Kind == geo.Known {
		return network{0, geo.Unknown.String()}
	}
	return network{p.ASN, p.Org + p.Kind.String()}
}

// placeNote says what is wrong with the databases.
func (b *Builder) placeNote() string {
	note := ""
	if b.geo.Empty() {
		note = "There is no MaxMind database (report.databases), so only private and reserved addresses can be told."
	}
	for _, p := range b.geo.Problems() {
		note = join(note, "A database was left out: "+p+".")
	}
	return note
}

func (b *Builder) countriesSection() report.Section {
	s := report.Section{Title: "Countries", Note: b.placeNote(),
		Intro: "Where the servers of the flows are, by the databases' word; private, reserved and unknown addresses are rows of their own.\nLook for countries with which nobody here has business, and for many bytes up."}
	if b.all.records == 0 {
		s.Note = join(noFlows, s.Note)
		return s
	}
	all := b.countries.sorted()
	s.Tables = []report.Table{b.table("countries", "By country of the server", []report.Column{
		column("country", report.Text, "ISO 3166-1 code, or what stands for one."),
		column("name", report.Text, ""),
		column("flows", report.Integer, ""),
		column("share", report.Share, "Of all flows."),
		column("bytes up", report.Bytes, "IP bytes from clients to servers."),
		column("bytes down", report.Bytes, "IP bytes from servers to clients."),
		column("clients", report.Integer, "Distinct addresses; beyond 64 an estimate with a standard error of 3 %."),
		column("servers", report.Integer, "The same."),
	}, len(all), func(i int) []report.Cell {
		e := all[i]
		var clients, servers uint64
		if hosts := b.ends[e.key]; hosts != nil {
			clients, servers = uint64(hosts.clients.Count()), uint64(hosts.servers.Count())
		}
		return []report.Cell{text(e.key), text(b.names[e.key]), count(e.flows), share(e.flows, b.all.flows), count(e.bytes[up]), count(e.bytes[down]), count(clients), count(servers)}
	})}
	s.Plots = plots(bars("countries", "Bytes by country of the server", "bytes [B]", len(all), func(i int) (string, []float64) {
		return all[i].key, []float64{float64(all[i].bytes[up]), float64(all[i].bytes[down])}
	}, "up", "down"))
	return s
}

func (b *Builder) networksSection() report.Section {
	s := report.Section{Title: "Networks", Note: join(b.placeNote(), b.networks.lost("networks")),
		Intro: "Whose networks (autonomous systems) the servers are in.\nLook for hosters where the users' services are not, and for many bytes up."}
	if b.all.records == 0 {
		s.Note = join(noFlows, s.Note)
		return s
	}
	all := b.networks.sorted()
	name := func(n network) string {
		if n.asn == 0 {
			return n.org
		}
		return fmt.Sprintf("AS%d", n.asn)
	}
	s.Tables = []report.Table{b.table("networks", "By network of the server", []report.Column{
		column("network", report.Text, "Number of the autonomous system, or what stands for one."),
		column("name", report.Text, "Who runs it."),
		column("flows", report.Integer, ""),
		column("share", report.Share, "Of all flows."),
		column("bytes up", report.Bytes, "IP bytes from clients to servers."),
		column("bytes down", report.Bytes, "IP bytes from servers to clients."),
	}, len(all), func(i int) []report.Cell {
		e := all[i]
		org := e.key.org
		if e.key.asn == 0 {
			org = ""
		}
		return []report.Cell{text(name(e.key)), text(org), count(e.flows), share(e.flows, b.all.flows), count(e.bytes[up]), count(e.bytes[down])}
	})}
	s.Plots = plots(bars("networks", "Bytes by network of the server", "bytes [B]", len(all), func(i int) (string, []float64) {
		return name(all[i].key), []float64{float64(all[i].bytes[up]), float64(all[i].bytes[down])}
	}, "up", "down"))
	return s
}
