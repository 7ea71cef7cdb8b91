package build

import (
	"cmp"
	"slices"
	"strings"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/report"
)

// inner is a host inside that others inside talk to.
type inner struct {
	host    detect.Host
	peers   []detect.Host // that talk to it, the one with most bytes first
	asks    int           // hosts that it talks to
	mutual  int           // of its peers, those to which it talks, too
	volume  volume
	perFlow float64 // flows per second; NaN: too few to say
}

// inners returns all, those with most peers first.
func (b *Builder) inners() []inner {
	all, index := []inner{}, map[detect.Host]int{}
	at := func(h detect.Host) *inner {
		i, ok := index[h]
		if !ok {
			i = len(all)
			index[h], all = i, append(all, inner{host: h})
		}
		return &all[i]
	}
	for _, e := range b.pairs.sorted() {
		server := at(e.key.server)
		server.peers = append(server.peers, e.key.client)
		server.volume.merge(e.volume)
		if b.pairs.rows[pair{e.key.server, e.key.client}] != nil {
			server.mutual++
		}
		at(e.key.client).asks++
	}
	all = slices.DeleteFunc(all, func(n inner) bool { return len(n.peers) == 0 })
	for i := range all {
		all[i].perFlow = rateOf(&all[i].volume)
	}
	slices.SortFunc(all, func(x, y inner) int {
		return cmp.Or(cmp.Compare(len(y.peers), len(x.peers)), cmp.Compare(y.volume.flows, x.volume.flows), compareHosts(x.host, y.host))
	})
	return all
}

// rateOf is (n-1)/(last-first) for the starts of n flows, 3 or more, per second.
func rateOf(v *volume) float64 {
	if v.flows < 3 {
		return nan
	}
	return ratio(float64(v.flows-1), float64(v.last-v.first)/1e9)
}

// maxPeers is how many peers a row names.
const maxPeers = 5

func (b *Builder) lateralSection() report.Section {
	s := report.Section{Title: "Inside the network", Note: b.pairs.lost("pairs of hosts"),
		Intro: "Which of our own hosts are talked to by others of ours, and how often.\nServers have many peers that they never talk to; a workstation with many peers, or peers both ways, is worth a look."}
	if len(b.pairs.rows) == 0 {
		s.Note = "No flow has both its ends inside " + strings.Join(b.opt.Inside, ", ") + "."
		return s
	}
	all := b.inners()
	s.Tables = []report.Table{b.table("lateral", "By host that is talked to", []report.Column{
		column("host", report.Text, ""),
		column("peers", report.Integer, "Hosts inside that talk to it."),
		column("both ways", report.Integer, "Of these, hosts to which it talks, too."),
		column("talks to", report.Integer, "Hosts inside."),
		column("flows", report.Integer, "To it."),
		column("flows per second", report.Number, "(n-1)/(last-first) of the n flows' starts; unknown for less than 3."),
		column("bytes up", report.Bytes, "IP bytes to it."), column("bytes down", report.Bytes, "IP bytes from it."),
		column("who", report.Text, "The peers with the most bytes."),
	}, len(all), func(i int) []report.Cell {
		n := &all[i]
		var who []string
		for _, h := range n.peers[:min(len(n.peers), maxPeers)] {
			who = append(who, h.String())
		}
		if len(n.peers) > maxPeers {
			who = append(who, "...")
		}
		return []report.Cell{host(n.host), count(uint64(len(n.peers))), count(uint64(n.mutual)), count(uint64(n.asks)), count(n.volume.flows),
			number(n.perFlow), count(n.volume.bytes[up]), count(n.volume.bytes[down]), text(strings.Join(who, ", "))}
	})}
	s.Plots = plots(bars("lateral", "Peers inside the network", "hosts", len(all), func(i int) (string, []float64) {
		return all[i].host.String(), []float64{float64(len(all[i].peers)), float64(all[i].mutual)}
	}, "peers", "both ways"))
	return s
}
