package lateral

import (
	"fmt"
	"math"
	"net/netip"
	"time"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
	"github.com/weir-sensor/weir/payload"
)

const (
	loginWindow = int64(5 * time.Minute) // in which tries add up, from the first one on
	longTry     = int64(time.Minute)     // a flow that lasts longer was let in
	largeTry    = 8192                   // payload bytes one way of a flow that was let in
	maxVarying  = 0.25                   // standard deviation over mean of the sizes of tries, or how far those of a kind are from its mean
	tryKinds    = 4                      // sizes of tries that are told apart
)

// login is a client of a service that asks for passwords.
type login struct {
	client, server packet.Addr
	port           uint16
	version        uint8
}

// tries are the short flows of a client to such a service since first.
type tries struct {
	first, last int64 // ns
	listed      bool
	n           float64
	sum, square [2]float64 // of payload bytes up and down
	kinds       [tryKinds]tryKind
	evidence    detect.Evidence
}

// tryKind are tries of about one size: a tool's that are refused, that are taken and fail, that ask for the service's version.
type tryKind struct {
	n    float32
	mean [2]float32 // payload bytes up and down
}

// asksPassword says whether the flow's server asks for a password, as its port or its first packet tells.
func (d *Detector) asksPassword(f *detect.Flow) bool {
	return d.loginPort(f.ServerPort) || f.Features != nil && f.Features.Packet[flowtable.Down].Framing == payload.FramingSSH
}

// try counts a flow to a service that asks for passwords.
func (d *Detector) try(f *detect.Flow) {
	up, down := bytesOf(f)
	if !f.First() || up == 0 || down == 0 || up > largeTry || down > largeTry || f.End-f.Start > longTry {
		return
	}
	key, hash := login{f.Client, f.Server, f.ServerPort, f.Version}, detect.Mix(f.PairHash, uint64(f.ServerPort))
	l, fresh := d.logins.Put(key, hash)
	if fresh || f.Start-l.first > loginWindow {
		*l = tries{first: f.Start, last: f.Start, listed: l.listed}
	}
	l.first, l.last = min(l.first, f.Start), max(l.last, f.Start)
	l.n++
	for i, x := range [2]float64{up, down} {
		l.sum[i] += x
		l.square[i] += x * x
	}
	l.sort([2]float32{float32(up), float32(down)})
	l.evidence.Add(f.ID)
	if !l.listed && len(d.tried) < maxListed {
		l.listed = true
		d.tried = append(d.tried, touched[login]{key, hash})
	}
}

// sort counts a try among those of its kind. A new kind takes the place of the rarest.
func (l *tries) sort(size [2]float32) {
	least := &l.kinds[0]
	for i := range l.kinds {
		k := &l.kinds[i]
		if k.n > 0 && k.holds(size) {
			k.n++
			for i := range size {
				k.mean[i] += (size[i] - k.mean[i]) / k.n
			}
			return
		}
		if k.n < least.n {
			least = k
		}
	}
	*least = tryKind{1, size}
}

// holds says whether a size is about the kind's, both ways.
func (k *tryKind) holds(size [2]float32) bool {
	for i, mean := range k.mean {
		if away := size[i] - mean; max(away, -away) > maxVarying*mean {
			return false
		}
	}
	return true
}

// commonest returns the kind with most tries, the first of those.
func (l *tries) commonest() (most tryKind) {
	for _, k := range l.kinds {
		if k.n > most.n {
			most = k
		}
	}
	return most
}

// varying returns the standard deviation of the sizes one way over their mean.
func (l *tries) varying(way int) float64 {
	mean := l.sum[way] / l.n
	return math.Sqrt(max(0, l.square[way]/l.n-mean*mean)) / mean
}

func (d *Detector) judgeLogin(key login, l *tries, b detect.Batch, out detect.Out) {
	client := detect.Host{Addr: key.client, Version: key.version}
	if l.n < 3 {
		return
	}
	up, down := l.varying(0), l.varying(1)
	kind := tryKind{float32(l.n), [2]float32{float32(l.sum[0] / l.n), float32(l.sum[1] / l.n)}}
	if most := l.commonest(); (up > maxVarying || down > maxVarying) && float64(most.n) >= l.n/2 { // several kinds of tries, of which one is the tool's
		kind, up, down = most, 0, 0
	}
	score := detect.Score{Time: b.End, Subject: client, Role: detect.Client, Raw: float64(kind.n) / (1 + 4*(up+down)), P: math.NaN(), N: uint64(l.n)}
	if d.logins.Evicted() > 0 {
		score.Status = detect.Degraded
	}
	if score.Alerted = int(kind.n) >= d.cfg.MinTries && up <= maxVarying && down <= maxVarying; score.Alerted {
		out.Alert(d.loginAlert(key, l, kind, score))
	}
	out.Score(score)
}

func (d *Detector) loginAlert(key login, l *tries, kind tryKind, score detect.Score) detect.Alert {
	server := detect.Host{Addr: key.server, Version: key.version}
	service := netip.AddrPortFrom(key.server.Netip(key.version), key.port).String()
	return detect.Alert{Time: score.Time, Kind: "brute_force", Severity: detect.Medium, Status: score.Status, Score: float64(kind.n), P: math.NaN(),
		N: score.N, Subject: score.Subject, Role: detect.Client, Client: score.Subject, Server: server, ServerPort: key.port, HasPort: true,
		Proto: packet.ProtoTCP, WindowStart: l.first, WindowEnd: l.last, Evidence: l.evidence, Key: service,
		Message: fmt.Sprintf("%s tried %s %.0f times in %.0f s, %.0f times with about %.0f bytes up and %.0f down",
			score.Subject, service, l.n, float64(l.last-l.first)/1e9, kind.n, kind.mean[0], kind.mean[1]),
		Reasons: []detect.Reason{
			{Feature: "tries", Value: float64(kind.n), Threshold: float64(d.cfg.MinTries), Baseline: math.NaN()},
			{Feature: "bytes_up_variation", Value: l.varying(0), Threshold: math.NaN(), Baseline: math.NaN()},
			{Feature: "bytes_down_variation", Value: l.varying(1), Threshold: math.NaN(), Baseline: math.NaN()},
			{Feature: "tries_of_one_size", Value: float64(kind.n) / l.n, Threshold: 0.5, Baseline: math.NaN()},
		}}
}
