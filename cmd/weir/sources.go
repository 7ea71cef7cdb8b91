package main

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/weir-sensor/weir/capture"
	"github.com/weir-sensor/weir/capture/afpacket"
	"github.com/weir-sensor/weir/capture/libpcap"
	"github.com/weir-sensor/weir/internal/netdev"
	"github.com/weir-sensor/weir/sensor"
)

// checkInterfaces refuses interfaces that cannot be captured on together.
func (l *live) checkInterfaces() error {
	if len(l.ifaces) == 0 || slices.Contains(l.ifaces, "") {
		return usagef("no interface given, want -i INTERFACE; 'weir interfaces' lists them")
	}
	several := strings.Join(l.ifaces, ", ")
	for i, name := range l.ifaces {
		switch {
		case slices.Contains(l.ifaces[:i], name):
			return usagef("-i: got %s twice, want each interface once", name)
		case name == netdev.Any && len(l.ifaces) > 1:
			return usagef("-i: got %s, want any alone: it is all interfaces", several)
		case name == netdev.Any && l.engine == "afpacket":
			return usagef("-i any: got the engine afpacket, want --engine pcap: rings are of one interface each")
		}
	}
	if len(l.ifaces) == 1 {
		return nil
	}
	switch afpacket, pcap := l.config.AFPacket.Timestamps, l.config.Pcap.Timestamps; {
	case l.engine == "afpacket" && afpacket == "hardware":
		return usagef("afpacket.timestamps: got hardware with the interfaces %s, want kernel: their packets are put in order by one clock", several)
	case l.engine == "pcap" && strings.HasPrefix(pcap, "adapter"):
		return usagef("pcap.timestamps: got %s with the interfaces %s, want host: their packets are put in order by one clock", pcap, several)
	}
	return nil
}

// deliveryMargin is how much longer a packet may take from its timestamp to the reader than the engine's settings say.
const deliveryMargin = 100 * time.Millisecond

// openError makes an error of the engines a usage error where it takes another command line. Where it does not, as with an
// interface that is down, it may be worth to try again.
func openError(err error) error {
	for _, mistake := range []error{afpacket.ErrNoInterface, afpacket.ErrLink, libpcap.ErrNoInterface, libpcap.ErrFilter, libpcap.ErrTimestamps} {
		if errors.Is(err, mistake) {
			return usageError{err}
		}
	}
	return err
}

// open opens a source for each shard. A name or a filter that cannot be right is a usage error.
func (l *live) open() (sources []capture.Live, err error) {
	open, settle := l.openRings, 2*l.config.AFPacket.BlockTimeout
	if l.engine == "pcap" {
		open, settle = l.openPcap, 2*l.config.Pcap.Poll
	}
	var shards [][]capture.Live
	var links []uint16 // of the interfaces
	defer func() {
		if err == nil {
			return
		}
		for _, src := range slices.Concat(shards...) {
			src.Close()
		}
	}()
	seed := rand.Uint32()
	for _, name := range l.ifaces {
		rings, link, err := open(name, seed)
		if err != nil {
			return nil, err
		}
		if shards == nil {
			shards = make([][]capture.Live, len(rings))
		}
		for i, r := range rings {
			shards[i] = append(shards[i], r)
		}
		links = append(links, link)
	}
	if l.keep != "" && len(slices.Compact(slices.Sorted(slices.Values(links)))) > 1 {
		return nil, usagef("--write-pcap: got the link types %v of the interfaces %s, want one for all", links, strings.Join(l.ifaces, ", "))
	}
	for _, rings := range shards {
		m := &meter{Live: sensor.Weave(rings, settle+deliveryMargin)}
		sources, l.meters = append(sources, m), append(l.meters, m)
	}
	return sources, nil
}

// openPcap opens an interface through libpcap, for one shard, and returns its link type, too.
func (l *live) openPcap(name string, _ uint32) ([]capture.Live, uint16, error) {
	src, err := libpcap.Open(name, l.config.Pcap, l.config.Capture.Filter)
	if err != nil {
		return nil, 0, openError(err)
	}
	return []capture.Live{src}, src.Link(), nil
}

// openRings opens a ring for each shard on an interface, and returns its link type, too. With the same seed, a shard has
// the same pairs of hosts on each interface.
func (l *live) openRings(name string, seed uint32) ([]capture.Live, uint16, error) {
	link, err := afpacket.LinkType(name)
	if err != nil {
		return nil, 0, openError(err)
	}
	opt := afpacket.Options{Seed: seed}
	if text := l.config.Capture.Filter; text != "" {
		filter, err := libpcap.CompileFilter(link, text)
		if err != nil {
			return nil, 0, usagef("capture.filter: %s", oneLine(err))
		}
		opt.Filter = filter.Instructions()
	}
	rings, err := afpacket.Open(name, l.config.Sensor.Goroutines(), l.config.AFPacket, opt)
	if err != nil {
		return nil, 0, openError(err)
	}
	var sources []capture.Live
	for _, r := range rings {
		sources = append(sources, r)
	}
	return sources, link, nil
}

// meter is a shard's source, which measures how long the shard works on what it has read.
type meter struct {
	capture.Live
	busy atomic.Int64 // nanoseconds
	left time.Time    // when Read returned last; zero: it has not
}

// Read implements capture.Source.
func (m *meter) Read(b *capture.Batch) error {
	if !m.left.IsZero() {
		m.busy.Add(int64(time.Since(m.left)))
	}
	err := m.Live.Read(b)
	m.left = time.Now()
	return err
}

// Parts implements capture.Composed.
func (m *meter) Parts() []capture.Live { return capture.Parts(m.Live) }

// closeSources closes sources that were read to their end, or not at all.
func closeSources(sources []capture.Live) error {
	var problems []error
	for _, src := range sources {
		problems = append(problems, src.Close())
	}
	return errors.Join(problems...)
}
