package transport

import (
	"fmt"
	"math"
	"net/netip"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/packet"
)

// conclude says what is to be said of a service.
func (d *Detector) conclude(key service, s *server, b detect.Batch, status detect.Status, out detect.Out) {
	if s.ladders.flows > s.ladders.told {
		out.Alert(s.ladders.alert("meek_polls", detect.Low, key, s, b, status,
			"an idle client asks again and again over TLS, each time half as long again after the last, as meek does"))
	}
	if s.tunnels.flows > s.tunnels.told && int(s.tls) >= d.cfg.MinFlows && 2*s.tunnels.flows >= s.tls {
		out.Alert(s.tunnels.alert("tls_in_tls", detect.Low, key, s, b, status,
			fmt.Sprintf("of %d of TLS the bursts are like those of another TLS handshake within", s.tls)))
	}
	if s.openVPN.flows > s.openVPN.told {
		out.Alert(s.openVPN.alert("openvpn", detect.Informational, key, s, b, status, "both sides begin as OpenVPN does"))
	}
	if s.hellos.flows > s.hellos.told {
		out.Alert(s.hellos.alert("snowflake_hello", detect.Informational, key, s, b, status,
			"STUN is followed by a DTLS hello as pion's library for WebRTC makes it, which Snowflake uses, and others do"))
	}
	if s.called == 0 {
		return
	}
	factor, probability := s.tally.LogFactor(&d.model.Evidence), s.tally.Posterior(&d.model.Evidence, d.cfg.BaseRate)
	enough := int(s.called) >= d.cfg.MinFlows || int(s.clients) >= d.cfg.MinClients
	if !enough {
		status = detect.Insufficient
	}
	called := enough && probability >= d.cfg.Probability
	out.Score(detect.Score{Time: b.End, Subject: key.host, Role: detect.Server, Raw: factor, P: math.NaN(), N: uint64(s.judged), Status: status,
		Alerted: called})
	if called {
		out.Alert(d.alert(key, s, b, status, factor, probability))
	}
}

func (d *Detector) alert(key service, s *server, b detect.Batch, status detect.Status, factor, probability float64) detect.Alert {
	nan := math.NaN()
	a := detect.Alert{
		Time: b.End, Kind: "obfuscated_proxy", Severity: detect.Low, Status: status, Score: factor, P: nan, Probability: probability,
		N: uint64(s.judged), Subject: key.host, Role: detect.Server, Server: key.host, ServerPort: key.port, HasPort: key.hasPort(),
		Proto: packet.ProtoTCP, WindowStart: s.first, WindowEnd: b.End, Evidence: s.evidence, Key: fmt.Sprint(key.port),
		Message: fmt.Sprintf("%s looks like a proxy of a fully encrypted transport: %d of %d %s like one, of %d client%s; "+
			"probability %s where %s of all servers are",
			key, s.called, s.judged, key.what(), s.clients, plural(s.clients), detect.Number(probability, 2), detect.Number(d.cfg.BaseRate, 2)),
		Reasons: []detect.Reason{
			{Feature: "probability", Value: probability, Threshold: d.cfg.Probability, Baseline: d.cfg.BaseRate},
			{Feature: "hit_share", Value: float64(s.called) / float64(s.judged), Threshold: nan,
				Baseline: d.model.Evidence.Benign.A / (d.model.Evidence.Benign.A + d.model.Evidence.Benign.B)},
			{Feature: "mean_log_odds", Value: s.sum / float64(s.called), Threshold: d.threshold, Baseline: nan},
			{Feature: "clients", Value: float64(s.clients), Threshold: float64(d.cfg.MinClients), Baseline: nan},
		},
	}
	if !key.windows {
		a.Reasons = append(a.Reasons, detect.Reason{Feature: "padded_flights_share", Value: float64(s.padded) / float64(s.called), Threshold: nan, Baseline: nan})
		if p := s.lengths.uniform(); p == p {
			a.Reasons = append(a.Reasons, detect.Reason{Feature: "uniform_flights_p", Value: p, Threshold: uniformFlights, Baseline: nan})
			if p >= uniformFlights {
				a.Message += "; the lengths of clients' first flights spread as obfs4's padding spreads them"
			}
		}
	}
	if probability >= 0.9 {
		a.Severity = detect.Medium
	}
	return a
}

// alert says that a shape was seen in flows of a service.
func (t *sight) alert(kind string, severity detect.Severity, key service, s *server, b detect.Batch, status detect.Status, what string) detect.Alert {
	t.told = t.flows
	return detect.Alert{
		Time: b.End, Kind: kind, Severity: severity, Status: status, Score: math.Log2(1 + float64(t.flows)), P: math.NaN(), Probability: math.NaN(),
		N: uint64(t.flows), Subject: key.host, Role: detect.Server, Server: key.host, ServerPort: key.port, HasPort: true,
		Proto: key.proto, Evidence: s.shaped, WindowStart: b.Start, WindowEnd: b.End, Key: fmt.Sprint(key.port, "/", key.proto),
		Message: fmt.Sprintf("%s: in %d flow%s %s", key, t.flows, plural(t.flows), what),
		Reasons: []detect.Reason{{Feature: "flows", Value: float64(t.flows), Threshold: 1, Baseline: math.NaN()}},
	}
}

// String returns the service's address.
func (s service) String() string {
	if !s.hasPort() {
		return s.host.String()
	}
	return netip.AddrPortFrom(s.host.Addr.Netip(s.host.Version), s.port).String()
}

// hasPort is false for a server of windows of pairs of hosts.
func (s service) hasPort() bool { return !s.windows || s.port != 0 }

// what returns what of the service is like a transport's.
func (s service) what() string {
	if s.windows {
		return "windows of packets are"
	}
	return "flows begin"
}

func plural(n uint32) string {
	if n == 1 {
		return ""
	}
	return "s"
}
