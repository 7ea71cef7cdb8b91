package main

import (
	"bytes"
	"fmt"
	"net/netip"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/weir-sensor/weir/config"
	"github.com/weir-sensor/weir/detect/blocklist"
	"github.com/weir-sensor/weir/packet"
)

const blocklistCheckHelp = `check looks addresses up in the lists of detect.blocklist.lists, as the detector blocklist does: an answer has
a line for each list that has the address, with the line of the list and the prefix.

The exit status is 0 where an address is on a list, 1 where none is, 2 for a mistake or a list that cannot be read.`

func newBlocklist(a *app) *cobra.Command {
	group := &cobra.Command{
		Use:   "blocklist",
		Short: "Look addresses up in the blocklists, or say what is in them",
		Args:  subcommandsOnly,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	group.AddCommand(newBlocklistCheck(a), newBlocklistStats(a))
	return group
}

func newBlocklistCheck(a *app) *cobra.Command {
	var format answerFormat
	cmd := &cobra.Command{
		Use:   "check ADDRESS...",
		Short: "Look addresses up in the lists",
		Long:  blocklistCheckHelp,
		Example: `  weir blocklist check --config weir.yaml 192.0.2.1
  weir blocklist check --lists drop.txt,tor=exits.txt 192.0.2.1 2001:db8::1`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := format.check(); err != nil {
				return err
			}
			addrs, err := addresses(cmd, args)
			if err != nil {
				return err
			}
			c, lists, err := a.lists(cmd)
			if err != nil {
				return err
			}
			return a.checkAddresses(addrs, blocklist.NewTable(lists), c, format)
		},
	}
	configFlag(cmd.Flags(), "lists", "detect.blocklist.lists")
	format.flag(cmd)
	return cmd
}

// addresses reads the arguments of check.
func addresses(cmd *cobra.Command, args []string) ([]netip.Addr, error) {
	if len(args) == 0 {
		return nil, usagef("no address given; usage: %s", cmd.UseLine())
	}
	var addrs []netip.Addr
	for _, text := range args {
		addr, err := netip.ParseAddr(text)
		if err != nil || addr.Zone() != "" {
			return nil, usagef("got %q, want an address such as 192.0.2.1 or 2001:db8::1", text)
		}
		addrs = append(addrs, addr.Unmap())
	}
	return addrs, nil
}

// lists reads the lists of the configuration, of which there must be one, and warns of those that have nothing.
func (a *app) lists(cmd *cobra.Command) (config.Config, []*blocklist.List, error) {
	loaded, err := a.load(cmd)
	if err != nil {
		return config.Config{}, nil, err
	}
	sources := loaded.Config.Detect.Blocklist.Sources()
	if len(sources) == 0 {
		return config.Config{}, nil, usagef("no lists, want detect.blocklist.lists in the configuration, or --lists")
	}
	lists, err := blocklist.Load(sources)
	if err != nil {
		return config.Config{}, nil, usageError{err}
	}
	for _, l := range lists {
		if l.Prefixes() == 0 {
			a.logger(loaded.Config).Warn("a blocklist has nothing", "list", l.Name, "file", l.Path, "bytes", l.Size)
		}
	}
	return loaded.Config, lists, nil
}

// checkedAddress is an address as weir blocklist check shows it.
type checkedAddress struct {
	Address string        `json:"address"`
	Local   bool          `json:"local"` // inside detect.local_networks, and so passed over with skip_local
	Found   []listedEntry `json:"found"`
}

type listedEntry struct {
	List        string `json:"list"`
	Path        string `json:"path"`
	Line        int    `json:"line"`
	Prefix      string `json:"prefix"`
	Reliability int    `json:"reliability,omitempty"`
	Risk        int    `json:"risk,omitempty"`
}

// checkAddresses prints the answer. Its error says that there is none on a list.
func (a *app) checkAddresses(addrs []netip.Addr, table *blocklist.Table, c config.Config, format answerFormat) error {
	local := packet.NewNetworks(c.Detect.LocalNetworks)
	var answer []checkedAddress
	found := 0
	for _, addr := range addrs {
		x, version := blocklist.Key(addr)
		one := checkedAddress{Address: addr.String(), Local: c.Detect.Blocklist.SkipLocal && local.Contains(x, version), Found: []listedEntry{}}
		for _, m := range table.Matches(nil, table.Find(x, version)) {
			one.Found = append(one.Found, listedEntry{m.List.Name, m.List.Path, m.Line, m.Prefix.String(), m.Reliability, m.Risk})
			found++
		}
		answer = append(answer, one)
	}
	print := func() error { return a.printJSON(answer) }
	if format == "text" {
		print = func() error { return a.print(checkedText(answer)) }
	}
	if err := print(); err != nil {
		return err
	}
	if found == 0 {
		return fmt.Errorf("%s on no list", subject(addrs))
	}
	return nil
}

func subject(addrs []netip.Addr) string {
	if len(addrs) == 1 {
		return addrs[0].String() + " is"
	}
	return fmt.Sprintf("%d addresses are", len(addrs))
}

func checkedText(answer []checkedAddress) []byte {
	var b bytes.Buffer
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, one := range answer {
		note := ""
		if one.Local {
			note = "\tinside detect.local_networks: passed over (skip_local)"
		}
		if len(one.Found) == 0 {
			fmt.Fprintf(t, "%s\tnot listed%s\n", one.Address, note)
		}
		for _, e := range one.Found {
			weight := ""
			if e.Reliability > 0 {
				weight = fmt.Sprintf("\treliability %d, risk %d", e.Reliability, e.Risk)
			}
			fmt.Fprintf(t, "%s\tlist %s\t%s\t%s:%d%s%s\n", one.Address, e.List, e.Prefix, e.Path, e.Line, weight, note)
		}
	}
	_ = t.Flush() // into memory: it cannot fail
	return b.Bytes()
}

func newBlocklistStats(a *app) *cobra.Command {
	var format answerFormat
	cmd := &cobra.Command{
		Use:   "stats",
		Short: "Say what is in each list: format, entries, prefixes, bad lines, memory",
		Long: "stats reads the lists of detect.blocklist.lists and says of each its format, how many addresses, networks and ranges it\n" +
			"gives, how many different prefixes they are, and what is wrong with which line (the first 100 of a list).",
		Example: "  weir blocklist stats --lists drop.txt,feed:csv/ip=feed.csv",
		Args:    atMost(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := format.check(); err != nil {
				return err
			}
			_, lists, err := a.lists(cmd)
			if err != nil {
				return err
			}
			stats := statsOf(blocklist.NewTable(lists))
			if format == "json" {
				return a.printJSON(stats)
			}
			return a.print(stats.text())
		},
	}
	configFlag(cmd.Flags(), "lists", "detect.blocklist.lists")
	format.flag(cmd)
	return cmd
}

// listStats are the lists as weir blocklist stats shows them.
type listStats struct {
	Lists    []oneList `json:"lists"`
	Prefixes int       `json:"prefixes"`
	Memory   int       `json:"memory"` // bytes, the lists and the table
}

type oneList struct {
	Name     string        `json:"name"`
	Path     string        `json:"path"`
	Format   string        `json:"format"`
	SHA256   string        `json:"sha256"`
	Dated    *time.Time    `json:"dated"` // null: the list does not say
	Lines    int           `json:"lines"`
	Entries  int           `json:"entries"`
	Prefixes int           `json:"prefixes"`
	Repeated int           `json:"repeated"`
	Bad      int           `json:"bad"`
	Masked   int           `json:"masked"`
	Memory   int           `json:"memory"` // bytes
	Problems []listProblem `json:"problems"`
}

type listProblem struct {
	Line int    `json:"line"`
	Text string `json:"text"`
	Used bool   `json:"used"`
}

func statsOf(table *blocklist.Table) listStats {
	s := listStats{Prefixes: table.Prefixes(), Memory: table.Bytes()}
	for _, l := range table.Lists {
		one := oneList{l.Name, l.Path, string(l.Format), l.SHA256, nil, l.Lines, l.Given, l.Prefixes(), l.Repeated, l.Bad, l.Masked, l.Bytes(), []listProblem{}}
		if !l.Dated.IsZero() {
			one.Dated = &l.Dated
		}
		for _, p := range l.Problems {
			one.Problems = append(one.Problems, listProblem(p))
		}
		s.Lists = append(s.Lists, one)
	}
	return s
}

func (s listStats) text() []byte {
	var b bytes.Buffer
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "list\tformat\tdated\tlines\tentries\tprefixes\trepeated\tbad lines\tmemory")
	for _, l := range s.Lists {
		dated := "-"
		if l.Dated != nil {
			dated = l.Dated.Format(time.DateOnly)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%d\t%d\t%d\t%d\t%s\n", l.Name, l.Format, dated, l.Lines, l.Entries, l.Prefixes, l.Repeated, l.Bad, kib(l.Memory))
	}
	fmt.Fprintf(t, "all\t\t\t\t\t%d\t\t\t%s with the table\n", s.Prefixes, kib(s.Memory))
	_ = t.Flush() // into memory: it cannot fail
	for _, l := range s.Lists {
		for _, p := range l.Problems {
			fmt.Fprintf(&b, "%s:%d: %s\n", l.Path, p.Line, p.Text)
		}
		if more := l.Bad + l.Masked - len(l.Problems); more > 0 {
			fmt.Fprintf(&b, "%s: and %d lines more\n", l.Path, more)
		}
	}
	return b.Bytes()
}

func kib(bytes int) string { return fmt.Sprintf("%.1f KiB", float64(bytes)/1024) }
