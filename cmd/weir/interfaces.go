package main

import (
	"bytes"
	"cmp"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/weir-sensor/weir/internal/netdev"
	"github.com/weir-sensor/weir/packet"
)

const interfacesHelp = `interfaces lists what weir can capture on: every network interface, and any, which is all of them at once.

engine is what opens it: afpacket (rings of the kernel, the fastest), or pcap (libpcap) for the rest. link type is
the LINKTYPE number of its frames; weir reads no packets of an interface whose link type has a question mark.`

func newInterfaces(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "interfaces",
		Short: "List the network interfaces that can be captured on",
		Long:  interfacesHelp,
		Args:  atMost(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			loaded, err := a.load(cmd)
			if err != nil {
				return err
			}
			all, err := netdev.List()
			if err != nil {
				return err
			}
			if !netdev.MayCapture() {
				a.logger(loaded.Config).Warn("no permission to capture: it takes CAP_NET_RAW; run as root, or once '" + netdev.Grant() + "'")
			}
			list := []listedInterface{}
			for _, i := range all {
				list = append(list, listInterface(i))
			}
			if asJSON {
				return a.printJSON(list)
			}
			return a.print(interfacesText(list))
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "Write a JSON array instead of a table")
	return cmd
}

// listedInterface is an interface as weir interfaces shows it. What is not known is null, or empty.
type listedInterface struct {
	Name        string         `json:"name"`
	Engine      string         `json:"engine"` // afpacket or pcap
	LinkType    *int           `json:"link_type"`
	LinkName    string         `json:"link_name"`
	Readable    bool           `json:"readable"` // weir reads frames of the link type
	State       string         `json:"state"`    // up, no carrier or down
	Promiscuous bool           `json:"promiscuous"`
	MTU         *int           `json:"mtu"`   // bytes
	Speed       *int           `json:"speed"` // megabits per second
	Driver      string         `json:"driver"`
	Kind        string         `json:"kind"`
	MAC         string         `json:"mac"`
	Addresses   []netip.Prefix `json:"addresses"` // never null
}

func listInterface(i netdev.Interface) listedInterface {
	l := listedInterface{
		Name: i.Name, Engine: "pcap", State: "up", Promiscuous: i.Promiscuous, MTU: known(i.MTU), Speed: known(i.Speed),
		Driver: i.Driver, Kind: i.Kind, MAC: i.MAC.String(), Addresses: append([]netip.Prefix{}, i.Addresses...),
	}
	if i.Ring() {
		l.Engine = "afpacket"
	}
	if i.Link >= 0 {
		l.LinkType, l.LinkName, l.Readable = &i.Link, linkName(i.Link), packet.KnowsLink(uint16(i.Link))
	}
	switch {
	case !i.Up:
		l.State = "down"
	case !i.Carrier:
		l.State = "no carrier"
	}
	return l
}

// known returns nil for 0.
func known(n int) *int {
	if n == 0 {
		return nil
	}
	return &n
}

// linkName is the name of a link type that interfaces have, "" for others.
func linkName(link int) string {
	switch link {
	case packet.LinkEthernet:
		return "Ethernet"
	case packet.LinkRaw:
		return "raw IP"
	case packet.LinkSLL:
		return "Linux cooked"
	case 105:
		return "802.11"
	case 127:
		return "radiotap"
	}
	return ""
}

func interfacesText(list []listedInterface) []byte {
	var b bytes.Buffer
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "name\tengine\tlink type\tstate\tspeed\tMTU\tdriver\taddresses")
	for _, i := range list {
		link := "?"
		if i.LinkType != nil {
			link = strings.TrimSpace(strconv.Itoa(*i.LinkType) + " " + i.LinkName)
			if !i.Readable {
				link += " ?"
			}
		}
		state, speed, mtu := i.State, "-", "-"
		if i.Promiscuous {
			state += ", promiscuous"
		}
		if i.Speed != nil {
			speed = fmt.Sprintf("%d Mbit/s", *i.Speed)
		}
		if i.MTU != nil {
			mtu = strconv.Itoa(*i.MTU)
		}
		var addresses []string
		for _, a := range i.Addresses {
			addresses = append(addresses, a.String())
		}
		driver := cmp.Or(i.Driver, i.Kind, "-")
		if i.Driver != "" && i.Kind != "" && i.Kind != i.Driver {
			driver += " (" + i.Kind + ")"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n",
			i.Name, i.Engine, link, state, speed, mtu, driver, cmp.Or(strings.Join(addresses, " "), "-"))
	}
	_ = t.Flush() // into memory: it cannot fail
	return b.Bytes()
}
