package build

import (
	"net/netip"
	"strconv"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/output"
	"github.com/weir-sensor/weir/packet"
	"github.com/weir-sensor/weir/report"
)

// maxNames is how many addresses are asked for their names for a report.
const maxNames = 256

// resolve gives names to the hosts that are shown first.
func (b *Builder) resolve() {
	if b.opt.Names == nil {
		return
	}
	var ask []netip.Addr
	seen := map[detect.Host]bool{}
	add := func(h detect.Host) {
		if len(ask) < maxNames && h.Version != 0 && !seen[h] {
			seen[h] = true
			ask = append(ask, address(h))
		}
	}
	for _, e := range b.hosts.sorted()[:min(b.opt.Rows, len(b.hosts.rows))] {
		add(e.key)
	}
	for _, e := range b.services.sorted()[:min(b.opt.Rows, len(b.services.rows))] {
		add(e.key.server)
	}
	b.resolved = b.opt.Names(ask)
}

// about are cells that say where a host is, and its name if names were asked for.
func (b *Builder) about(h detect.Host) []report.Cell {
	p := b.geo.Place(address(h))
	cells := []report.Cell{text(placeName(p)), text(p.City), text(p.Org)}
	if b.opt.Names != nil {
		cells = append(cells, text(b.resolved[address(h)]))
	}
	return cells
}

// aboutColumns are the columns of about.
func (b *Builder) aboutColumns() []report.Column {
	columns := []report.Column{column("country", report.Text, "ISO 3166-1 code, or what stands for one."), column("city", report.Text, ""),
		column("network", report.Text, "Who runs it.")}
	if b.opt.Names != nil {
		columns = append(columns, column("name", report.Text, "By reverse DNS: what the address's owner says."))
	}
	return columns
}

func (b *Builder) talkersSection() report.Section {
	s := report.Section{Title: "Top talkers", Note: b.hosts.lost("hosts"),
		Intro: "The addresses with the most bytes, as client and as server together.\nLook for workstations among the servers, and for addresses that are nobody's."}
	if b.all.records == 0 {
		s.Note = noFlows
		return s
	}
	all := b.hosts.sorted()
	columns := append([]report.Column{column("host", report.Text, ""),
		column("flows", report.Integer, ""), column("packets", report.Integer, ""),
		column("sent", report.Bytes, "IP bytes."), column("received", report.Bytes, "IP bytes."),
		column("first", report.Time, "Start of its first flow."), column("last", report.Time, "Start of its last flow.")}, b.aboutColumns()...)
	s.Tables = []report.Table{b.table("talkers", "By bytes", columns, len(all), func(i int) []report.Cell {
		e := all[i]
		return append([]report.Cell{host(e.key), count(e.flows), count(e.packets), count(e.bytes[up]), count(e.bytes[down]),
			instant(e.first), instant(e.last)}, b.about(e.key)...)
	})}
	s.Plots = plots(bars("talkers", "Hosts with the most bytes", "bytes [B]", len(all), func(i int) (string, []float64) {
		return all[i].key.String(), []float64{float64(all[i].bytes[up]), float64(all[i].bytes[down])}
	}, "sent", "received"))
	return s
}

// portCell is a port; a protocol without ports has none.
func portCell(p port) report.Cell {
	switch p.proto {
	case packet.ProtoTCP, packet.ProtoUDP, packet.ProtoSCTP:
		return count(uint64(p.number))
	}
	return number(nan)
}

func (b *Builder) serversSection() report.Section {
	s := report.Section{Title: "Servers, ports and protocols", Note: join(b.services.lost("services"), b.ports.lost("ports")),
		Intro: "What was asked for: the services with the most bytes, then ports and protocols of all servers.\nLook for services that nobody set up."}
	if b.all.records == 0 {
		s.Note = noFlows
		return s
	}
	volumes := []report.Column{column("flows", report.Integer, ""), column("packets", report.Integer, ""),
		column("bytes up", report.Bytes, "IP bytes from clients to servers."), column("bytes down", report.Bytes, "IP bytes from servers to clients.")}
	cells := func(v *volume) []report.Cell {
		return []report.Cell{count(v.flows), count(v.packets), count(v.bytes[up]), count(v.bytes[down])}
	}
	head := func(columns ...report.Column) []report.Column { return append(columns, volumes...) }
	proto, number := column("protocol", report.Text, ""), column("port", report.Port, "Of the server; none where the protocol has none.")
	services, ports, protocols := b.services.sorted(), b.ports.sorted(), b.protocols.sorted()
	s.Tables = []report.Table{
		b.table("servers", "Services", append(head(column("server", report.Text, ""), proto, number), b.aboutColumns()...), len(services), func(i int) []report.Cell {
			e := services[i]
			row := append([]report.Cell{host(e.key.server), text(output.ProtoName(e.key.proto)), portCell(e.key.port)}, cells(e.volume)...)
			return append(row, b.about(e.key.server)...)
		}),
		b.table("ports", "Ports", head(proto, number), len(ports), func(i int) []report.Cell {
			e := ports[i]
			return append([]report.Cell{text(output.ProtoName(e.key.proto)), portCell(e.key)}, cells(e.volume)...)
		}),
		b.table("protocols", "Protocols", head(proto), len(protocols), func(i int) []report.Cell {
			e := protocols[i]
			return append([]report.Cell{text(output.ProtoName(e.key))}, cells(e.volume)...)
		}),
	}
	s.Plots = plots(bars("ports", "Ports with the most bytes", "bytes [B]", len(ports), func(i int) (string, []float64) {
		name := output.ProtoName(ports[i].key.proto)
		if cell := portCell(ports[i].key); cell.Number == cell.Number {
			name += "/" + strconv.Itoa(int(ports[i].key.number))
		}
		return name, []float64{float64(ports[i].bytes[up]), float64(ports[i].bytes[down])}
	}, "up", "down"))
	return s
}
