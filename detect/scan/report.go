package scan

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/packet"
)

// CloseBatch implements detect.Batcher: every 10 s it judges the sources that were heard of, and reports those that have
// paused or have gone on for Config.Hold, so that the first report has the counts; at the end of longer batches, and so at
// the end of the input, it reports what is left.
func (d *Detector) CloseBatch(b detect.Batch, out detect.Out) {
	suspended := d.gate.closed()
	for i := range d.leaving {
		if f := &d.leaving[i]; !suspended {
			d.report(b, f.key, &f.source, d.judge(f.key, &f.source), detect.Degraded, out)
		}
	}
	d.leaving = d.leaving[:0]
	waiting := d.open[:0]
	for _, o := range d.open {
		s := d.sources.Get(o.key, o.hash)
		if s == nil {
			continue
		}
		kind := d.judge(o.key, s)
		if kind != none && s.since == 0 {
			s.since = b.End
		}
		switch {
		case suspended: // failures meant nothing
			s.reset()
		case kind == none:
			out.Score(score(b, o.key, s, kind))
		case !d.due(s, b):
			waiting = append(waiting, o)
			continue
		default:
			d.report(b, o.key, s, kind, detect.OK, out)
		}
		s.listed = false
	}
	d.open = waiting
}

// due says whether a source is to be reported at the end of a batch.
func (d *Detector) due(s *source, b detect.Batch) bool {
	for i, every := range latest {
		if b.Every == every {
			other := int64(latest[1-i])
			return b.End/other*other > s.last || b.End%other == 0
		}
	}
	return s.said > 0 || b.End-s.last >= quiet || b.End-s.since >= int64(d.cfg.Hold)
}

// score is the logarithm of how many did not answer: a scan is written again when it has grown to the square of that.
func score(b detect.Batch, k key, s *source, kind kind) detect.Score {
	n, of := s.targets, s.targets+s.taken
	if kind == halfOpenScan {
		n, of = s.gaveUpMost, s.gaveUpMost
	}
	return detect.Score{Time: b.End, Subject: k.host, Role: detect.Client, Raw: math.Log2(1 + float64(n)), P: math.NaN(),
		N: uint64(of), Alerted: kind != none}
}

// report raises the alert of a source: when it is first known, and when it has twice as many targets as when it was said
// last.
func (d *Detector) report(b detect.Batch, k key, s *source, kind kind, status detect.Status, out detect.Out) {
	sc := score(b, k, s, kind)
	sc.Status = status
	out.Score(sc)
	n := s.targets
	if kind == halfOpenScan {
		n = s.gaveUpMost
	}
	if n < 2*s.said {
		return
	}
	s.said = n
	a := detect.Alert{
		Time: b.End, Kind: kind.String(), Severity: detect.Low, Status: status, Score: sc.Raw, P: math.NaN(), N: sc.N,
		Subject: k.host, Role: detect.Client, Client: k.host, Proto: k.proto, WindowStart: s.begin, WindowEnd: s.end + 1,
		Message: s.message(k, kind), Reasons: d.reasons(k, s, kind), Evidence: s.evidence, Key: protoName(k.proto),
	}
	if s.local && kind != halfOpenScan {
		a.Severity = detect.Medium
	}
	switch {
	case kind == halfOpenScan:
		a.Server, a.ServerPort, a.HasPort = detect.Host{Addr: s.gaveTo.server, Version: k.host.Version}, s.gaveTo.port, true
	case s.hosts <= 1:
		a.Server = detect.Host{Addr: s.server, Version: k.host.Version}
	case s.portCount == 1:
		a.ServerPort, a.HasPort = s.ports[0], true
	}
	out.Alert(a)
}

func (d *Detector) reasons(k key, s *source, kind kind) []detect.Reason {
	minHosts, nan := d.cfg.MinHosts, math.NaN()
	if k.proto != protoTCP {
		minHosts = d.cfg.MinHostsOther
	}
	if kind == halfOpenScan {
		return []detect.Reason{{Feature: "handshakes_given_up", Value: float64(s.gaveUpMost), Threshold: float64(d.cfg.HalfOpen), Baseline: nan}}
	}
	return []detect.Reason{
		{Feature: "failed_hosts", Value: float64(s.hosts), Threshold: float64(minHosts), Baseline: nan},
		{Feature: "failed_ports", Value: float64(s.portTotal()), Threshold: float64(d.cfg.MinPorts), Baseline: nan},
		{Feature: "failed_targets", Value: float64(s.targets), Threshold: nan, Baseline: nan},
		{Feature: "walk", Value: float64(s.walk), Threshold: float64(d.walk.scanner), Baseline: 0},
		{Feature: "open_targets", Value: float64(s.open), Threshold: nan, Baseline: nan},
	}
}

// message says what the source did.
func (s *source) message(k key, kind kind) string {
	proto := protoName(k.proto)
	server := detect.Host{Addr: s.server, Version: k.host.Version}
	if kind == halfOpenScan {
		server.Addr = s.gaveTo.server
		return fmt.Sprintf("%v gave up %d handshakes with port %d of %v within 10 s after the server's answer", k.host, s.gaveUpMost, s.gaveTo.port, server)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%v asked ", k.host)
	switch ports := s.portTotal(); {
	case kind == addressScan && ports == 0:
		fmt.Fprintf(&b, "%d hosts by %s", s.hosts, proto)
	case kind == addressScan:
		fmt.Fprintf(&b, "%d hosts on %s %s", s.hosts, proto, s.portList())
	case s.hosts <= 1:
		fmt.Fprintf(&b, "%d %s ports of %v", ports, proto, server)
	default:
		fmt.Fprintf(&b, "%d %s ports of %d hosts, %d targets", ports, proto, s.hosts, s.targets)
	}
	fmt.Fprintf(&b, " within %v and was refused or not answered", time.Duration(s.end-s.begin).Round(10*time.Millisecond))
	if s.open > 0 {
		fmt.Fprintf(&b, "; %d more would have answered", s.open)
	}
	if s.stealth {
		b.WriteString("; it sent packets that begin no connection (as NULL, FIN, Xmas and ACK scans do)")
	}
	return b.String()
}

// portList names the ports of an address scan.
func (s *source) portList() string {
	var b strings.Builder
	b.WriteString("port")
	if s.portCount > 1 {
		b.WriteString("s")
	}
	for i, p := range s.ports[:s.portCount] {
		b.WriteString([...]string{" ", ", "}[min(i, 1)])
		b.WriteString(strconv.Itoa(int(p)))
	}
	return b.String()
}

func protoName(proto uint8) string {
	switch proto {
	case packet.ProtoTCP:
		return "tcp"
	case packet.ProtoUDP:
		return "udp"
	case packet.ProtoICMP:
		return "icmp"
	case packet.ProtoICMPv6:
		return "icmp6"
	case packet.ProtoSCTP:
		return "sctp"
	}
	return "protocol " + strconv.Itoa(int(proto))
}
