package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/weir-sensor/weir/capture"
	"github.com/weir-sensor/weir/capture/libpcap"
	"github.com/weir-sensor/weir/capture/pcapfile"
	"github.com/weir-sensor/weir/config"
	"github.com/weir-sensor/weir/doctor"
	"github.com/weir-sensor/weir/internal/netdev"
	"github.com/weir-sensor/weir/sensor"
)

const doctorHelp = `doctor watches an interface, or reads captures, and says what makes the records differ from what was on the wire:
offloads that merge packets, a mirror that shows one direction, packets seen twice, VLAN tags that were taken off,
packets cut short, packets lost, steps of the clock, a missing permission. Each finding has its numbers, what it does
to the measurement, and the command that mends it.

The exit status is 0 where nothing distorts, 1 where something does, 2 for a mistake on the command line.`

// doctorRun is one run of the command.
type doctorRun struct {
	*app
	log     *slog.Logger
	config  config.Config
	iface   string
	paths   []string
	seconds float64
	buffer  int // MiB
	asJSON  bool
}

func newDoctor(a *app) *cobra.Command {
	d := &doctorRun{app: a}
	cmd := &cobra.Command{
		Use:   "doctor (-i IFACE | PATH...)",
		Short: "Say what distorts a measurement and how to mend it",
		Long:  doctorHelp,
		Example: `  weir doctor -i eth0
  weir doctor -i eth0 --seconds 60 --json | jq .findings
  weir doctor captures/`,
		RunE: func(cmd *cobra.Command, args []string) error {
			loaded, err := a.load(cmd)
			if err != nil {
				return err
			}
			d.paths, d.config, d.log = args, loaded.Config, a.logger(loaded.Config)
			if err := d.check(cmd); err != nil {
				return err
			}
			if d.iface != "" {
				return d.watch(cmd.Context())
			}
			return d.read(cmd.Context())
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&d.iface, "interface", "i", "", "Watch this `interface` ('weir interfaces' lists them)")
	flags.Float64Var(&d.seconds, "seconds", 10, "Watch for so many `seconds`")
	flags.IntVar(&d.buffer, "buffer", libpcap.DefaultConfig().Buffer>>20, "Let the kernel keep so many `MiB` of packets")
	wants(flags, "seconds", "0.1 to 86400")
	wants(flags, "buffer", "1 to 1024 MiB")
	flags.BoolVar(&d.asJSON, "json", false, "Write a JSON object instead of text")
	configFlag(flags, "filter", "capture.filter")
	return cmd
}

// check returns a usage error for the first thing that makes no sense.
func (d *doctorRun) check(cmd *cobra.Command) error {
	given := cmd.Flags().Changed("interface")
	switch {
	case given && d.iface == "":
		return usagef("--interface: got nothing, want the name of an interface; there are %s", netdev.Names())
	case given && len(d.paths) > 0:
		return usagef("got an interface and captures, want one or the other; usage: %s", cmd.UseLine())
	case !given && len(d.paths) == 0:
		return usagef("no interface and no capture given; usage: %s", cmd.UseLine())
	case !given && (cmd.Flags().Changed("seconds") || cmd.Flags().Changed("buffer")):
		return usagef("--seconds, --buffer: got one of them with captures, want them with -i alone")
	case !(d.seconds >= 0.1 && d.seconds <= 86400):
		return usagef("--seconds: got %v, want 0.1 to 86400", d.seconds)
	case d.buffer < 1 || d.buffer > 1024:
		return usagef("--buffer: got %d, want 1 to 1024 MiB", d.buffer)
	}
	return nil
}

// watch captures on the interface and answers.
func (d *doctorRun) watch(ctx context.Context) error {
	device, _ := netdev.Lookup(d.iface)
	mtu := uint32(device.MTU)
	if mtu == 0 {
		mtu = uint32(d.config.Flow.MTU)
	}
	traffic := doctor.NewTraffic(doctor.Options{MTU: mtu, MAC: device.MAC})
	cfg := libpcap.DefaultConfig()
	cfg.Buffer = d.buffer << 20
	system := &doctor.System{
		Setting: "pcap.buffer", Interface: d.iface, Peer: device.Driver == "veth", Whole: d.iface == netdev.Any, Loopback: device.Loopback, Buffer: cfg.Buffer,
	}
	if device.Ring() {
		system.Setting = "afpacket.ring_size"
	}
	src, err := libpcap.Open(d.iface, cfg, d.config.Capture.Filter)
	switch {
	case errors.Is(err, libpcap.ErrNoInterface), errors.Is(err, libpcap.ErrFilter):
		return usageError{err}
	case errors.Is(err, libpcap.ErrPermission):
		system.Denied, err = "run as root, or once: "+netdev.Grant(), nil
	case errors.Is(err, libpcap.ErrDown):
		system.Down, err = true, nil
	case err != nil:
		return err
	default:
		defer src.Close()
		err = d.follow(ctx, src, traffic, system)
	}
	return errors.Join(err, d.answer(d.iface, system.Watched, traffic, system))
}

// follow reads until the time is over, and what is in the buffer then.
func (d *doctorRun) follow(ctx context.Context, src *libpcap.Live, traffic *doctor.Traffic, system *doctor.System) error {
	defer context.AfterFunc(ctx, src.Interrupt)()
	if now, ok := netdev.Lookup(d.iface); ok {
		system.Promiscuous = now.Promiscuous
	}
	if !system.Whole {
		var err error
		if system.Offloads, err = netdev.Offloads(d.iface); err != nil {
			system.OffloadsUnknown = err.Error()
		}
	}
	b := capture.Batch{Frames: make([]capture.Frame, 0, 4096)}
	begin := time.Now()
	before := begin
	for {
		err := src.Read(&b)
		now := time.Now()
		// Round takes the monotonic clock off, Sub uses it where both have it.
		system.SawClocks(now.Round(0).Sub(before.Round(0)), now.Sub(before))
		before = now
		if system.Watched = now.Sub(begin); system.Watched.Seconds() >= d.seconds {
			src.Interrupt()
		}
		system.Stats = src.Stats()
		switch {
		case err == io.EOF:
			return nil
		case err == capture.ErrIdle:
			continue
		case err != nil:
			return err
		}
		for i := range b.Frames {
			traffic.Add(&b.Frames[i], b.Bytes(i))
		}
	}
}

// read reads the captures and answers.
func (d *doctorRun) read(ctx context.Context) error {
	src, err := openCaptures(d.paths, pcapfile.Options{Stdin: d.stdin})
	if err != nil {
		return err
	}
	defer src.Close()
	opt, err := pipeline(d.config, src.Links())
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, src.Interrupt)()
	traffic := doctor.NewTraffic(doctor.Options{MTU: uint32(d.config.Flow.MTU)})
	filter := frameFilter{compile: opt.Compile}
	b := capture.Batch{Frames: make([]capture.Frame, 0, 4096)}
	for {
		readErr := src.Read(&b)
		if readErr == io.EOF {
			break
		}
		if readErr != nil {
			return readErr
		}
		for i := range b.Frames {
			passes, err := filter.match(&b.Frames[i], b.Bytes(i))
			if err != nil {
				return err
			}
			if passes {
				traffic.Add(&b.Frames[i], b.Bytes(i))
			}
		}
	}
	(&replay{app: d.app, log: d.log}).warn(ctx, src.Stats(), &sensor.Ledger{})
	return d.answer(strings.Join(d.paths, " "), traffic.Span(), traffic, nil)
}

// doctorAnswer is what the command prints.
type doctorAnswer struct {
	Source      string           `json:"source"`
	Seconds     float64          `json:"seconds"` // watched, or from the capture's first packet to its last
	Packets     uint64           `json:"packets"`
	IPPackets   uint64           `json:"ip_packets"`
	WireBytes   uint64           `json:"wire_bytes"`
	Connections int              `json:"connections"` // TCP
	Distorts    bool             `json:"distorts"`
	Findings    []doctor.Finding `json:"findings"` // the worst first; never null
}

// answer prints, and returns an error where something distorts.
func (d *doctorRun) answer(source string, watched time.Duration, t *doctor.Traffic, s *doctor.System) error {
	a := doctorAnswer{
		Source: source, Seconds: watched.Seconds(), Packets: t.Packets(), IPPackets: t.IP(), WireBytes: t.WireBytes(),
		Connections: t.Connections(), Findings: t.Findings(s),
	}
	a.Distorts = doctor.Distorts(a.Findings)
	var err error
	if d.asJSON {
		err = d.printJSON(a)
	} else {
		err = d.print(a.text())
	}
	if err == nil && a.Distorts {
		err = fmt.Errorf("%s: found %s", source, strings.Join(a.distortions(), ", "))
	}
	return err
}

// distortions names the findings that distort.
func (a *doctorAnswer) distortions() (names []string) {
	for _, f := range a.Findings {
		if f.Severity != doctor.Info {
			names = append(names, f.Name)
		}
	}
	return names
}

func (a *doctorAnswer) text() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s: %d packets in %.1f s", a.Source, a.Packets, a.Seconds)
	if a.Packets > 0 && a.Seconds > 0 {
		fmt.Fprintf(&b, " (%.0f/s, %.2f Mbit/s)", float64(a.Packets)/a.Seconds, float64(a.WireBytes)*8e-6/a.Seconds)
	}
	fmt.Fprintf(&b, ", %d of them IP, %d TCP connections\n", a.IPPackets, a.Connections)
	for _, f := range a.Findings {
		fmt.Fprintf(&b, "\n%s: %s\n  %s\n  effect: %s\n  mend:   %s\n", f.Severity, f.Name, f.Seen, f.Effect, f.Mend)
	}
	if !a.Distorts {
		b.WriteString("\nnothing was found that distorts a measurement\n")
	}
	return b.Bytes()
}
