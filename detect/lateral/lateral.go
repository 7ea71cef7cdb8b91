package lateral

import (
	"fmt"
	"math"
	"time"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/detect/sketch"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
	"github.com/weir-sensor/weir/payload"
)

const (
	every     = time.Minute
	window    = int64(10 * time.Minute) // in which new contacts add up, from a host's first one on
	maxListed = 65536                   // hosts, and clients of login services, that are judged in a batch
)

// Detector watches contacts inside. Its state is bounded by its Config.
type Detector struct {
	cfg     Config
	known   *sketch.Seen // contacts
	began   int64        // time of the first record, ns
	begun   bool
	hosts   *detect.Table[place, contacts]
	logins  *detect.Table[login, tries]
	ports   [65536 / 64]uint64 // of login services
	outside outside
	touched []touched[place] // in this batch
	tried   []touched[login] // in this batch
}

// place is a host and a service, its own or that of others.
type place struct {
	host           packet.Addr
	port           uint16
	proto, version uint8
}

// contacts are a place's new ones since first.
type contacts struct {
	first, last int64  // ns
	out, in     uint32 // as client, as server
	flows       uint32 // all of them, new or not
	listed      bool
	evidence    detect.Evidence
}

// touched is something that has news.
type touched[K comparable] struct {
	key  K
	hash uint64
}

// New returns a detector; cfg must be valid.
func New(cfg Config) *Detector {
	d := &Detector{
		known:  sketch.NewSeen(cfg.MaxContact, int64(cfg.Forget)),
		hosts:  detect.NewTable[place, contacts](cfg.MaxHosts),
		logins: detect.NewTable[login, tries](cfg.MaxLogins),
	}
	d.Tune(cfg)
	return d
}

// Tune has it go on with another configuration, see detectors.Tune; what it knows stays.
func (d *Detector) Tune(cfg Config) {
	d.cfg, d.ports = cfg, [65536 / 64]uint64{}
	for _, p := range cfg.LoginPorts {
		d.ports[p/64] |= 1 << (p % 64)
	}
}

var (
	_ detect.FlowWatcher    = (*Detector)(nil)
	_ detect.FeatureChooser = (*Detector)(nil)
	_ detect.Batcher        = (*Detector)(nil)
	_ detect.Sized          = (*Detector)(nil)
)

// FlowFeatures implements detect.FeatureUser.
func (d *Detector) FlowFeatures() []string { return []string{"first_packet"} }

// Needs implements detect.Needer.
func (d *Detector) Needs() []detect.Need {
	return []detect.Need{{Feature: "first_packet", For: "guessed passwords of SSH on other ports than login_ports"}}
}

// FlowInterest implements detect.FeatureChooser: see asksPassword.
func (d *Detector) FlowInterest() flowtable.Interest {
	return flowtable.Interest{Framings: flowtable.FramingsOf(payload.FramingSSH)}
}

// Tables implements detect.Sized.
func (d *Detector) Tables() []detect.TableCount {
	n, limit := d.known.Len()
	return []detect.TableCount{{Name: "contacts", Entries: n, Cap: limit}, d.hosts.Count("hosts"), d.logins.Count("logins")}
}

// Flows implements detect.FlowWatcher.
func (d *Detector) Flows(flows []detect.Flow, _ detect.Out) {
	for i := range flows {
		f := &flows[i]
		if !d.begun {
			d.begun, d.began = true, f.Time
		}
		if f.Failed() || !f.HasPorts() {
			continue
		}
		if f.Proto == packet.ProtoTCP && d.asksPassword(f) {
			d.try(f)
		}
		if f.ClientLocal != f.ServerLocal && f.First() && f.Answered() {
			d.outside.note(f)
		}
		if f.ClientLocal && f.ServerLocal && f.Client != f.Server && f.First() && f.Answered() {
			d.contact(f)
		}
	}
}

// loginPort says whether a port is one of login services.
func (d *Detector) loginPort(port uint16) bool { return d.ports[port/64]&(1<<(port%64)) != 0 }

// contact counts a flow between two of our hosts.
func (d *Detector) contact(f *detect.Flow) {
	d.known.Advance(f.Time)
	port := uint64(f.ServerPort)<<16 | uint64(f.Proto)<<8 | uint64(f.Version)
	fresh := !d.known.Add(sketch.Addr(sketch.Addr(port, f.Client), f.Server))
	hash := uint64(f.ServerPort)<<8 | uint64(f.Proto)
	client := place{f.Client, f.ServerPort, f.Proto, f.Version}
	server := place{f.Server, f.ServerPort, f.Proto, f.Version}
	d.note(client, detect.Mix(f.ClientHash, hash), f, fresh, 1, 0)
	d.note(server, detect.Mix(f.ServerHash, hash), f, fresh, 0, 1)
}

// note counts a contact for one of its hosts.
func (d *Detector) note(p place, hash uint64, f *detect.Flow, fresh bool, out, in uint32) {
	c := d.hosts.Get(p, hash)
	if !fresh {
		if c != nil {
			c.flows++
			c.last = max(c.last, f.Start)
		}
		return
	}
	c, _ = d.hosts.Put(p, hash)
	if c.flows == 0 || f.Start-c.first > window {
		*c = contacts{first: f.Start, last: f.Start, listed: c.listed}
	}
	c.first, c.last = min(c.first, f.Start), max(c.last, f.Start)
	c.out += out
	c.in += in
	c.flows++
	c.evidence.Add(f.ID)
	if !c.listed && len(d.touched) < maxListed {
		c.listed = true
		d.touched = append(d.touched, touched[place]{p, hash})
	}
}

// Batches implements detect.Batcher.
func (d *Detector) Batches() []time.Duration { return []time.Duration{every} }

// CloseBatch implements detect.Batcher: it judges the hosts that have new contacts, and the clients that tried to log in.
func (d *Detector) CloseBatch(b detect.Batch, out detect.Out) {
	for _, t := range d.touched {
		if c := d.hosts.Get(t.key, t.hash); c != nil && c.listed {
			c.listed = false
			d.judge(t.key, c, b, out)
		}
	}
	for _, t := range d.tried {
		if l := d.logins.Get(t.key, t.hash); l != nil && l.listed {
			l.listed = false
			d.judgeLogin(t.key, l, b, out)
		}
	}
	d.touched, d.tried = d.touched[:0], d.tried[:0]
}

func (d *Detector) judge(p place, c *contacts, b detect.Batch, out detect.Out) {
	learnt := b.End-d.began >= int64(d.cfg.Learn)
	more, less := max(c.out, c.in), min(c.out, c.in)
	mutual := int(c.out+c.in) >= d.cfg.MinPeers && float64(less) >= d.cfg.Symmetry*float64(more) && less > 0 &&
		(d.loginPort(p.port) || !d.outside.both(p.port, b.End))
	novel := learnt && int(c.out) >= d.cfg.MinNew
	score := detect.Score{Time: b.End, Subject: detect.Host{Addr: p.host, Version: p.version}, Role: detect.Client,
		Raw: float64(c.out) + 2*float64(less), P: math.NaN(), N: uint64(c.flows), Alerted: mutual || novel}
	if d.hosts.Evicted() > 0 {
		score.Status = detect.Degraded
	}
	if !learnt && !mutual {
		score.Status = detect.Insufficient
	}
	out.Score(score)
	if mutual || novel {
		out.Alert(d.alert(p, c, mutual, learnt, score))
	}
}

func (d *Detector) alert(p place, c *contacts, mutual, learnt bool, score detect.Score) detect.Alert {
	none := math.NaN()
	a := detect.Alert{Time: score.Time, Kind: "new_contacts", Severity: detect.Low, Status: score.Status, Score: score.Raw, P: none,
		N: score.N, Subject: score.Subject, Role: detect.Client, ServerPort: p.port, HasPort: true, Proto: p.proto,
		WindowStart: c.first, WindowEnd: c.last, Evidence: c.evidence, Key: fmt.Sprintf("%d/%d", p.port, p.proto),
		Message: fmt.Sprintf("%s contacted %d internal hosts on port %d that it never had contact with", score.Subject, c.out, p.port),
		Reasons: []detect.Reason{
			{Feature: "new_servers", Value: float64(c.out), Threshold: float64(d.cfg.MinNew), Baseline: none},
			{Feature: "new_clients", Value: float64(c.in), Threshold: none, Baseline: none},
			{Feature: "flows_per_s", Value: rate(c), Threshold: none, Baseline: none},
		}}
	if mutual {
		a.Kind = "peer_to_peer"
		a.Message = fmt.Sprintf("%s contacted %d internal hosts on port %d and was contacted by %d there, new contacts all", score.Subject, c.out, p.port, c.in)
		a.Reasons[0].Threshold = none
		a.Reasons = append(a.Reasons, detect.Reason{Feature: "new_contacts", Value: float64(c.out + c.in), Threshold: float64(d.cfg.MinPeers), Baseline: none})
		if learnt {
			a.Severity = detect.Medium
		}
	}
	return a
}

// rate returns the flows of a place per second: n-1 over the time from the first to the last; NaN with fewer than three.
func rate(c *contacts) float64 {
	if c.flows < 3 || c.last <= c.first {
		return math.NaN()
	}
	return float64(c.flows-1) / (float64(c.last-c.first) / float64(time.Second))
}

// bytesOf returns the bytes that a flow carried up and down; headers count where only they are known.
func bytesOf(f *detect.Flow) (up, down float64) {
	b := f.Payload
	if f.Missing&detect.NoPayload != 0 {
		b = f.Bytes
	}
	return float64(b[flowtable.Up]), float64(b[flowtable.Down])
}
