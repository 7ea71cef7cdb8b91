package transport

import (
	"cmp"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"time"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
)

const (
	every = time.Minute // length of a batch
	near  = 3           // log-odds below the threshold from which on flows are scored for the ensemble
)

// Detector judges how flows begin, and adds up what they say of their servers. Make it with New.
type Detector struct {
	cfg       Config
	model     *Model
	threshold float64
	servers   *detect.Table[service, server]
	clients   *detect.Table[contact, hour]
	news      []named // services with hits in the batch at hand
	evicted   uint64  // before the batch at hand
	row       []float64
}

var (
	_ detect.FlowWatcher = (*Detector)(nil)
	_ detect.FeatureUser = (*Detector)(nil)
	_ detect.Batcher     = (*Detector)(nil)
	_ detect.ModelUser   = (*Detector)(nil)
	_ detect.Sized       = (*Detector)(nil)
)

// service is a port of a server.
type service struct {
	host  detect.Host
	port  uint16
	proto uint8
}

// contact is a client of a service.
type contact struct {
	service
	client detect.Host
}

// named is a service with its place in Detector.servers.
type named struct {
	service
	hash uint64
}

// server is what is known of a service. Contributions fade; the rest is since it was first seen.
type server struct {
	hits, of float64         // contributions of clients' hours, of which each is the share of hits among its flows
	hour     int64           // of the latest
	flows    uint32          // judged
	called   uint32          // hits among them
	clients  uint32          // with hits
	sum      float64         // of the hits' scores
	padded   uint32          // hits whose first flights are as obfs4's
	tls      uint32          // flows of TLS that were looked at for another handshake within
	tunnels  sight           // of them, those with one
	ladders  sight           // flows with a ladder of polls
	openVPN  sight           // flows that begin as OpenVPN's
	first    int64           // time of the first hit
	news     bool            // it is in Detector.news
	evidence detect.Evidence // hits
	shaped   detect.Evidence // flows of ladders, tunnels and openVPN
}

// sight is how often a shape was seen.
type sight struct {
	flows uint32
	told  uint32 // of them, when it was said last
}

// hour is a client's contribution to the evidence of a service.
type hour struct {
	hour        int64
	flows, hits uint32 // in that hour
	called      bool   // ever
}

// New returns a detector; cfg must be valid. The error says what is wrong with the model file.
func New(cfg Config) (*Detector, error) {
	model, err := loadStart(cfg.Model)
	if err != nil {
		return nil, err
	}
	d := &Detector{cfg: cfg, servers: detect.NewTable[service, server](cfg.MaxServers), clients: detect.NewTable[contact, hour](cfg.MaxClients)}
	d.use(model)
	return d, nil
}

// Tune has it go on with another configuration, see detectors.Tune; what it knows stays.
func (d *Detector) Tune(cfg Config) {
	d.cfg = cfg
	d.use(d.model)
}

// FlowFeatures implements detect.FeatureUser.
func (d *Detector) FlowFeatures() []string { return FlowGroups() }

// Batches implements detect.Batcher.
func (d *Detector) Batches() []time.Duration { return []time.Duration{every} }

// Tables implements detect.Sized.
func (d *Detector) Tables() []detect.TableCount {
	return []detect.TableCount{d.servers.Count("servers"), d.clients.Count("clients")}
}

// Flows implements detect.FlowWatcher.
func (d *Detector) Flows(flows []detect.Flow, out detect.Out) {
	for i := range flows {
		f := &flows[i]
		if Judgeable(f.Record) {
			d.judge(f, out)
		}
		if shapes := d.shapes(f.Record); shapes != 0 {
			d.sight(f, shapes)
		}
	}
}

// shapes returns what shapes of the flow are to be said.
func (d *Detector) shapes(r *flowtable.Record) shape {
	s := cheapShapes(r)
	if !d.cfg.OpenVPN {
		s &^= openVPN
	}
	return s
}

// judge adds a flow to what is known of its server.
func (d *Detector) judge(f *detect.Flow, out detect.Out) {
	d.row = AppendStart(d.row[:0], f.Record, StartPackets)
	score := d.model.Classifier.Predict(d.row)
	hit := score >= d.threshold
	key, hash, s := d.server(f)
	c, _ := d.clients.Put(contact{key, f.ClientHost()}, detect.Mix(f.PairHash, uint64(f.ServerPort)))
	now := f.Time / int64(time.Hour)
	d.fade(s, now)
	s.contribute(c, now, hit)
	s.flows++
	if hit {
		s.hit(c, f, score)
		d.tell(key, hash, s)
	}
	if ratio, ok := tunnel(f.Record); ok {
		s.tls++
		if ratio >= tunnelBorder {
			s.tunnels.flows++
			s.shaped.Add(f.ID)
			d.tell(key, hash, s)
		}
	}
	if score >= d.threshold-near {
		out.Score(detect.Score{Time: f.Time, Subject: key.host, Role: detect.Server, FlowID: f.ID, Raw: score, P: math.NaN(), N: 1,
			Alerted: hit})
	}
}

// server returns what is known of a flow's service.
func (d *Detector) server(f *detect.Flow) (key service, hash uint64, s *server) {
	key = service{f.ServerHost(), f.ServerPort, f.Proto}
	hash = detect.Mix(f.ServerHash, uint64(f.ServerPort)<<8|uint64(f.Proto))
	s, _ = d.servers.Put(key, hash)
	return key, hash, s
}

// tell notes that there is news of a service.
func (d *Detector) tell(key service, hash uint64, s *server) {
	if !s.news {
		s.news = true
		d.news = append(d.news, named{key, hash})
	}
}

// sight notes a flow with shapes that say something by themselves.
func (d *Detector) sight(f *detect.Flow, shapes shape) {
	key, hash, s := d.server(f)
	if shapes&pollLadder != 0 {
		s.ladders.flows++
	}
	if shapes&openVPN != 0 {
		s.openVPN.flows++
	}
	s.shaped.Add(f.ID)
	d.tell(key, hash, s)
}

// fade lets contributions of hours before count for less.
func (d *Detector) fade(s *server, now int64) {
	if now > s.hour && s.of > 0 {
		left := math.Exp2(-float64(now-s.hour) * float64(time.Hour) / float64(d.cfg.HalfLife))
		s.hits, s.of = s.hits*left, s.of*left
	}
	s.hour = now
}

// contribute counts a flow in the client's one contribution of this hour.
func (s *server) contribute(c *hour, now int64, hit bool) {
	if c.flows == 0 || c.hour != now {
		c.hour, c.flows, c.hits = now, 0, 0
		s.of++
	} else {
		s.hits -= float64(c.hits) / float64(c.flows)
	}
	c.flows++
	if hit {
		c.hits++
	}
	s.hits += float64(c.hits) / float64(c.flows)
}

func (s *server) hit(c *hour, f *detect.Flow, score float64) {
	if s.called == 0 {
		s.first = f.Time
	}
	if !c.called {
		c.called = true
		s.clients++
	}
	s.called++
	s.sum += score
	if padded(f.Record) {
		s.padded++
	}
	s.evidence.Add(f.ID)
}

// CloseBatch implements detect.Batcher: it judges the services that had hits.
func (d *Detector) CloseBatch(b detect.Batch, out detect.Out) {
	slices.SortFunc(d.news, func(x, y named) int {
		return cmp.Or(cmp.Compare(x.host.Version, y.host.Version), cmp.Compare(x.host.Addr.Hi, y.host.Addr.Hi),
			cmp.Compare(x.host.Addr.Lo, y.host.Addr.Lo), cmp.Compare(x.port, y.port),
			cmp.Compare(x.proto, y.proto))
	})
	status := detect.OK
	if now := d.servers.Evicted() + d.clients.Evicted(); now > d.evicted {
		status, d.evicted = detect.Degraded, now
	}
	for _, key := range d.news {
		if s := d.servers.Get(key.service, key.hash); s != nil && s.news { // it was not forgotten since
			s.news = false
			d.conclude(key.service, s, b, status, out)
		}
	}
	d.news = d.news[:0]
}

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
	if s.called == 0 {
		return
	}
	factor := d.model.Evidence.LogFactor(min(s.hits, s.of), s.of)
	probability := d.model.Evidence.Posterior(min(s.hits, s.of), s.of, d.cfg.BaseRate)
	enough := int(s.called) >= d.cfg.MinFlows || int(s.clients) >= d.cfg.MinClients
	if !enough {
		status = detect.Insufficient
	}
	called := enough && probability >= d.cfg.Probability
	out.Score(detect.Score{Time: b.End, Subject: key.host, Role: detect.Server, Raw: factor, P: math.NaN(), N: uint64(s.flows), Status: status,
		Alerted: called})
	if called {
		out.Alert(d.alert(key, s, b, status, factor, probability))
	}
}

func (d *Detector) alert(key service, s *server, b detect.Batch, status detect.Status, factor, probability float64) detect.Alert {
	nan := math.NaN()
	a := detect.Alert{
		Time: b.End, Kind: "obfuscated_proxy", Severity: detect.Low, Status: status, Score: factor, P: nan, Probability: probability,
		N: uint64(s.flows), Subject: key.host, Role: detect.Server, Server: key.host, ServerPort: key.port, HasPort: true,
		Proto: packet.ProtoTCP, WindowStart: s.first, WindowEnd: b.End, Evidence: s.evidence, Key: fmt.Sprint(key.port),
		Message: fmt.Sprintf("%v looks like a proxy of a fully encrypted transport: %d of %d flows begin like one, of %d client%s; "+
			"probability %.2g where %.2g of all servers are",
			netip.AddrPortFrom(key.host.Addr.Netip(key.host.Version), key.port), s.called, s.flows, s.clients, plural(s.clients), probability, d.cfg.BaseRate),
		Reasons: []detect.Reason{
			{Feature: "probability", Value: probability, Threshold: d.cfg.Probability, Baseline: d.cfg.BaseRate},
			{Feature: "hit_share", Value: float64(s.called) / float64(s.flows), Threshold: nan,
				Baseline: d.model.Evidence.Benign.A / (d.model.Evidence.Benign.A + d.model.Evidence.Benign.B)},
			{Feature: "mean_log_odds", Value: s.sum / float64(s.called), Threshold: d.threshold, Baseline: nan},
			{Feature: "padded_flights_share", Value: float64(s.padded) / float64(s.called), Threshold: nan, Baseline: nan},
			{Feature: "clients", Value: float64(s.clients), Threshold: float64(d.cfg.MinClients), Baseline: nan},
		},
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
		Message: fmt.Sprintf("%v: in %d flow%s %s", netip.AddrPortFrom(key.host.Addr.Netip(key.host.Version), key.port), t.flows, plural(t.flows), what),
		Reasons: []detect.Reason{{Feature: "flows", Value: float64(t.flows), Threshold: 1, Baseline: math.NaN()}},
	}
}

func plural(n uint32) string {
	if n == 1 {
		return ""
	}
	return "s"
}
