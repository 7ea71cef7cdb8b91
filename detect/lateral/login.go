package lateral

import (
	"fmt"
	"math"
	"net/netip"
	"time"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/packet"
)

const (
	loginWindow = int64(5 * time.Minute) // in which tries add up, from the first one on
	longTry     = int64(time.Minute)     // a flow that lasts longer was let in
	largeTry    = 8192                   // payload bytes one way of a flow that was let in
	maxVarying  = 0.25                   // standard deviation over mean of the sizes of tries
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
	evidence    detect.Evidence
}

// try counts a flow to a service that asks for passwords.
func (d *Detector) try(f *detect.Flow) {
	up, down := payload(f)
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
	l.evidence.Add(f.ID)
	if !l.listed && len(d.tried) < maxListed {
		l.listed = true
		d.tried = append(d.tried, touched[login]{key, hash})
	}
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
	score := detect.Score{Time: b.End, Subject: client, Role: detect.Client, Raw: l.n / (1 + 4*(up+down)), P: math.NaN(), N: uint64(l.n)}
	if d.logins.Evicted() > 0 {
		score.Status = detect.Degraded
	}
	if score.Alerted = l.n >= float64(d.cfg.MinTries) && up <= maxVarying && down <= maxVarying; score.Alerted {
		server := detect.Host{Addr: key.server, Version: key.version}
		service := netip.AddrPortFrom(key.server.Netip(key.version), key.port).String()
		out.Alert(detect.Alert{Time: b.End, Kind: "brute_force", Severity: detect.Medium, Status: score.Status, Score: l.n, P: math.NaN(),
			N: score.N, Subject: client, Role: detect.Client, Client: client, Server: server, ServerPort: key.port, HasPort: true,
			Proto: packet.ProtoTCP, WindowStart: l.first, WindowEnd: l.last, Evidence: l.evidence, Key: service,
			Message: fmt.Sprintf("%s tried %s %.0f times in %.0f s, each time with about %.0f bytes up and %.0f down",
				client, service, l.n, float64(l.last-l.first)/1e9, l.sum[0]/l.n, l.sum[1]/l.n),
			Reasons: []detect.Reason{
				{Feature: "tries", Value: l.n, Threshold: float64(d.cfg.MinTries), Baseline: math.NaN()},
				{Feature: "bytes_up_variation", Value: up, Threshold: maxVarying, Baseline: math.NaN()},
				{Feature: "bytes_down_variation", Value: down, Threshold: maxVarying, Baseline: math.NaN()},
			}})
	}
	out.Score(score)
}
