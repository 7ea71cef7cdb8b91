package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/weir-sensor/weir/capture"
	"github.com/weir-sensor/weir/capture/pcapfile"
	"github.com/weir-sensor/weir/config"
	"github.com/weir-sensor/weir/features"
	"github.com/weir-sensor/weir/packet"
	"github.com/weir-sensor/weir/sensor"
)

const clustersHelp = `clusters reads captures as replay does and looks for payload lengths that come again and again: those of
TCP and those of UDP packets, each by itself, clustered by mean shift with a flat kernel. The clusters are
ordered from most to least members: what a protocol or a transport sends most often stands first.

Fragments, packets whose transport header was cut by the capture, empty payloads and payloads longer than
--max-length are left out and counted. capture.filter and capture.tunnels apply, capture.dedup must be off.`

// clusters is one run of the command.
type clusters struct {
	*app
	log       *slog.Logger
	loaded    *config.Loaded
	paths     []string
	bandwidth float64
	maxLength uint32
	tlsOnly   bool
	strict    bool
	format    answerFormat
}

func newFeaturesClusters(a *app) *cobra.Command {
	c := &clusters{app: a}
	cmd := &cobra.Command{
		Use:   "clusters PATH...",
		Short: "Find clusters of payload lengths in captures",
		Long:  clustersHelp,
		Example: `  weir features clusters capture.pcap
  weir features clusters --tls-only --filter 'host 192.0.2.1' captures/
  weir features clusters --format json capture.pcap | jq '.tcp.clusters[:5]'`,
		Args: someCaptures,
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if c.loaded, err = a.load(cmd); err != nil {
				return err
			}
			c.paths, c.log = args, a.logger(c.loaded.Config)
			if err := c.check(); err != nil {
				return err
			}
			return c.run(cmd.Context())
		},
	}
	flags := cmd.Flags()
	flags.Float64Var(&c.bandwidth, "bandwidth", features.DefaultBandwidth, "Lengths at most so many `bytes` from a centre are around it")
	flags.Uint32Var(&c.maxLength, "max-length", features.MaxClusterLength,
		fmt.Sprintf("Leave out longer payloads, `bytes`, 1 to %d", features.MaxClusterLength))
	wants(flags, "bandwidth", "above 0, of bytes")
	wants(flags, "max-length", fmt.Sprintf("1 to %d bytes", features.MaxClusterLength))
	flags.BoolVar(&c.tlsOnly, "tls-only", false, "Of TCP, only payloads that begin with a TLS record header")
	flags.BoolVar(&c.strict, "strict", false, "Exit with status 1 where a capture is cut short or damaged")
	configFlag(flags, "filter", "capture.filter")
	c.format.flag(cmd)
	return cmd
}

// check returns a usage error for the first flag or key that makes no sense.
func (c *clusters) check() error {
	switch {
	case !(c.bandwidth > 0) || math.IsInf(c.bandwidth, 0):
		return usagef("--bandwidth: got %v, want a number of bytes above 0", c.bandwidth)
	case c.maxLength < 1 || c.maxLength > features.MaxClusterLength:
		return usagef("--max-length: got %d, want 1 to %d bytes", c.maxLength, features.MaxClusterLength)
	case c.loaded.Config.Capture.Dedup:
		return usagef("capture.dedup: got true, want false: clusters counts every copy of a packet")
	}
	return c.format.check()
}

// run reads the captures and prints the answer. What was read before an error of the input is in the answer, unless the
// input turns out to be no capture.
func (c *clusters) run(ctx context.Context) error {
	src, err := openCaptures(c.paths, pcapfile.Options{Stdin: c.stdin})
	if err != nil {
		return err
	}
	defer src.Close()
	opt, err := pipeline(c.loaded.Config, src.Links())
	if err != nil {
		return err
	}
	opt.Decode.Checksums = false // no length depends on them
	defer context.AfterFunc(ctx, src.Interrupt)()
	tally := newLengthTally(c.maxLength, c.tlsOnly, opt)
	readErr := tally.read(ctx, src, c.loaded.Config.Sensor.Batch)
	if readErr != nil && (!errors.As(readErr, new(*sensor.ReadError)) || errors.As(readErr, new(*pcapfile.NotCaptureError))) {
		return readErr
	}
	stats := src.Stats()
	stats.Overlaps = nil // no length depends on the order of the packets
	(&replay{app: c.app, log: c.log}).warn(ctx, stats, &sensor.Ledger{UnknownLinks: tally.unknownLinks})
	if err := errors.Join(readErr, c.answer(tally)); err != nil {
		return err
	}
	switch {
	case c.strict && len(stats.Cuts) > 0:
		return fmt.Errorf("%d of %d captures cut short or damaged", len(stats.Cuts), len(stats.Files))
	case tally.packets > 0 && tally.unknownLinkPackets() == tally.packets:
		return fmt.Errorf("read packets: weir reads none of the captures' link types (%s)", links(tally.unknownLinks))
	}
	return nil
}

// lengthTally counts the payload lengths of the packets of a capture.
type lengthTally struct {
	opt    sensor.Options
	filter frameFilter

	packets, filtered uint64
	undecoded         uint64 // headers cut or contradictory
	other             uint64 // neither TCP nor UDP
	unknownLinks      map[uint16]uint64
	tcp, udp          features.LengthPicker
}

func newLengthTally(maxLength uint32, tlsOnly bool, opt sensor.Options) *lengthTally {
	return &lengthTally{
		opt: opt, filter: frameFilter{compile: opt.Compile}, unknownLinks: map[uint16]uint64{},
		tcp: features.LengthPicker{MaxLength: maxLength, TLSOnly: tlsOnly},
		udp: features.LengthPicker{MaxLength: maxLength},
	}
}

// read counts all packets of the source, batch of them at a time, or those until ctx is done.
func (t *lengthTally) read(ctx context.Context, src capture.Source, batch int) error {
	b := capture.Batch{Frames: make([]capture.Frame, 0, batch)}
	for ctx.Err() == nil {
		switch err := src.Read(&b); {
		case err == io.EOF:
			return nil
		case err != nil:
			return &sensor.ReadError{Err: err}
		}
		for i := range b.Frames {
			if err := t.add(&b.Frames[i], b.Bytes(i)); err != nil {
				return err
			}
		}
	}
	return nil
}

// add counts a packet. The error is that of a filter that does not compile for the link type.
func (t *lengthTally) add(f *capture.Frame, frame []byte) error {
	t.packets++
	if passes, err := t.filter.match(f, frame); err != nil || !passes {
		t.filtered++
		return err
	}
	var p packet.Packet
	switch v := packet.Decode(&p, f.Link, frame, f.Wire, t.opt.Decode); {
	case v == packet.UnknownLink:
		t.unknownLinks[f.Link]++
		t.undecoded++
	case v == packet.NonIP:
		t.other++
	case v != packet.OK:
		t.undecoded++
	case p.Proto == packet.ProtoTCP:
		t.tcp.Add(&p, frame[p.PayloadOff:][:p.PayloadCap])
	case p.Proto == packet.ProtoUDP:
		t.udp.Add(&p, frame[p.PayloadOff:][:p.PayloadCap])
	default:
		t.other++
	}
	return nil
}

func (t *lengthTally) unknownLinkPackets() (n uint64) {
	for _, packets := range t.unknownLinks {
		n += packets
	}
	return n
}

// clustersAnswer is what the command prints. Packets is the sum of the five that follow it; TCP.Packets and UDP.Packets
// are theirs.
type clustersAnswer struct {
	Bandwidth float64          `json:"bandwidth"`  // bytes
	MaxLength uint32           `json:"max_length"` // bytes
	TLSOnly   bool             `json:"tls_only"`
	Packets   uint64           `json:"packets"`
	Filtered  uint64           `json:"filtered"`
	Undecoded uint64           `json:"undecoded"`
	Other     uint64           `json:"other"`
	TCP       protocolClusters `json:"tcp"`
	UDP       protocolClusters `json:"udp"`
}

// protocolClusters is the part of one protocol. Packets is the sum of Clustered and of what was left out.
type protocolClusters struct {
	Packets   uint64          `json:"packets"`
	Clustered uint64          `json:"clustered"`
	LeftOut   leftOut         `json:"left_out"`
	Clusters  []lengthCluster `json:"clusters"` // most members first; never nil
}

// leftOut counts the packets of a protocol whose payload length is in no cluster, see features.LengthPicker.
type leftOut struct {
	Fragments  uint64 `json:"fragments"`
	CutHeaders uint64 `json:"cut_headers"`
	Empty      uint64 `json:"empty"`
	CutTLS     uint64 `json:"cut_tls"`
	NotTLS     uint64 `json:"not_tls"`
	Longer     uint64 `json:"longer"`
}

// lengthCluster is a cluster; lengths are in bytes.
type lengthCluster struct {
	Centre   float64 `json:"centre"`
	Members  uint64  `json:"members"`
	Share    float64 `json:"share"` // of all clustered payloads of the protocol, 0..1
	Shortest int     `json:"shortest"`
	Longest  int     `json:"longest"`
}

func (c *clusters) answer(t *lengthTally) error {
	a := clustersAnswer{
		Bandwidth: c.bandwidth, MaxLength: c.maxLength, TLSOnly: c.tlsOnly,
		Packets: t.packets, Filtered: t.filtered, Undecoded: t.undecoded, Other: t.other,
		TCP: newProtocolClusters(&t.tcp, c.bandwidth), UDP: newProtocolClusters(&t.udp, c.bandwidth),
	}
	if c.format == "json" {
		return c.printJSON(a)
	}
	return c.print(a.text())
}

func newProtocolClusters(l *features.LengthPicker, bandwidth float64) protocolClusters {
	p := protocolClusters{
		Packets: l.Packets, Clustered: l.Counted,
		LeftOut:  leftOut{l.Fragments, l.CutHeaders, l.Empty, l.CutTLS, l.NotTLS, l.Longer},
		Clusters: []lengthCluster{},
	}
	for _, c := range l.Lengths.Clusters(bandwidth) {
		p.Clusters = append(p.Clusters, lengthCluster{
			Centre: c.Centre, Members: c.Members, Share: float64(c.Members) / float64(l.Counted),
			Shortest: c.Lengths[0].Length, Longest: c.Lengths[len(c.Lengths)-1].Length,
		})
	}
	return p
}

func (a *clustersAnswer) text() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%d packets: %d TCP, %d UDP, %d other, %d undecoded, %d filtered\n",
		a.Packets, a.TCP.Packets, a.UDP.Packets, a.Other, a.Undecoded, a.Filtered)
	fmt.Fprintf(&b, "payload lengths of 1 to %d bytes, mean shift with bandwidth %v bytes\n", a.MaxLength, a.Bandwidth)
	tcp := "TCP"
	if a.TLSOnly {
		tcp = "TCP, TLS only"
	}
	a.TCP.text(&b, tcp)
	a.UDP.text(&b, "UDP")
	return b.Bytes()
}

func (p *protocolClusters) text(b *bytes.Buffer, title string) {
	fmt.Fprintf(b, "\n%s: %d payloads in %d clusters; left out: %s\n", title, p.Clustered, len(p.Clusters), p.LeftOut.text())
	if len(p.Clusters) == 0 {
		return
	}
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "centre\tmembers\tshare\tshortest\tlongest\t")
	for _, c := range p.Clusters {
		fmt.Fprintf(t, "%.2f\t%d\t%.2f %%\t%d\t%d\t\n", c.Centre, c.Members, 100*c.Share, c.Shortest, c.Longest)
	}
	_ = t.Flush() // into memory: it cannot fail
}

// text lists the reasons that occurred.
func (l leftOut) text() string {
	var reasons []string
	for _, r := range []struct {
		n    uint64
		name string
	}{
		{l.Fragments, "fragments"}, {l.CutHeaders, "cut headers"}, {l.Empty, "empty"},
		{l.CutTLS, "cut before a TLS record header would end"}, {l.NotTLS, "not TLS"}, {l.Longer, "longer"},
	} {
		if r.n > 0 {
			reasons = append(reasons, fmt.Sprintf("%d %s", r.n, r.name))
		}
	}
	return cmp.Or(strings.Join(reasons, ", "), "none")
}
