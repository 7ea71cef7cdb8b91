package transport

import (
	"cmp"
	"hash/maphash"
	"math"
	"slices"
	"time"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/features"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/learn"
	"github.com/weir-sensor/weir/packet"
	"github.com/weir-sensor/weir/payload"
)

const (
	every = time.Minute // length of a batch
	near  = 3           // log-odds below the threshold from which on flows are scored for the ensemble
)

// Detector judges how flows begin, or windows, or both, by what its model looks at, and adds up what they say of their
// servers. Make it with New.
//
// A flow is judged when its record comes, with a model of BothSet by the windows of its hosts that came before; a window is
// judged when it comes.
type Detector struct {
	cfg       Config
	windows   features.Config
	set       Set
	model     *Model
	threshold float64
	screen    *learn.Screen      // of scores that are worth to be said
	hopes     hopes              // of screen
	whole     flowtable.Framings // see FlowInterest
	servers   *detect.Table[service, server]
	clients   *detect.Table[contact, client]
	news      []named // services with hits in the batch at hand
	evicted   uint64  // before the batch at hand
	told      []told  // scratch
	row       []float64
	pairs     *Pairs // nil without a model of BothSet
	means     WindowNumbers
	seed      maphash.Seed // of windows' hosts
}

var (
	_ detect.FlowWatcher    = (*Detector)(nil)
	_ detect.WindowChooser  = (*Detector)(nil)
	_ detect.FeatureChooser = (*Detector)(nil)
	_ detect.Batcher        = (*Detector)(nil)
	_ detect.ModelUser      = (*Detector)(nil)
	_ detect.Sized          = (*Detector)(nil)
)

// service is a port of a server; or a server of windows, with its port where they are made by flow, else 0.
type service struct {
	host    detect.Host
	port    uint16
	proto   uint8
	windows bool
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
	tally    Tally
	judged   uint32          // flows, or windows
	called   uint32          // hits among them
	clients  uint32          // with hits
	sum      float64         // of the hits' scores
	padded   uint32          // hits whose first flights are as obfs4's
	lengths  lengths         // of hits' first flights
	tls      uint32          // flows of TLS that were looked at for another handshake within
	tunnels  sight           // of them, those with one
	ladders  sight           // flows with a ladder of polls
	openVPN  sight           // flows that begin as OpenVPN's
	hellos   sight           // flows with a DTLS hello as Snowflake's
	first    int64           // time of the first hit
	news     bool            // it is in Detector.news
	evidence detect.Evidence // hits
	shaped   detect.Evidence // flows of the shapes
}

// sight is how often a shape was seen.
type sight struct {
	flows uint32
	told  uint32 // of them, when it was said last
}

// client is what is known of a client of a service.
type client struct {
	hour   Hour
	called bool // ever
}

// New returns a detector; cfg must be valid, and windows say how the windows are made that it is given. The error says what
// is wrong with the model file.
func New(cfg Config, windows features.Config) (*Detector, error) {
	model, err := load(cfg.Model, windows)
	if err != nil {
		return nil, err
	}
	d := &Detector{cfg: cfg, windows: windows, set: model.Set(), seed: maphash.MakeSeed(),
		servers: detect.NewTable[service, server](cfg.MaxServers), clients: detect.NewTable[contact, client](cfg.MaxClients)}
	if d.set == BothSet {
		d.pairs = NewPairs(cfg.MaxPairs, model.Features.Window)
	}
	d.use(model)
	d.whole = hopefulOf(model, d.screen)
	return d, nil
}

// Tune has it go on with another configuration, see detectors.Tune; what it knows stays.
func (d *Detector) Tune(cfg Config) {
	d.cfg = cfg
	d.use(d.model)
}

// FlowFeatures implements detect.FeatureUser.
func (d *Detector) FlowFeatures() []string { return FlowGroups() }

// Needs implements detect.Needer.
func (d *Detector) Needs() (needs []detect.Need) {
	for _, group := range FlowGroups() {
		needs = append(needs, detect.Need{Feature: group})
	}
	if d.WantsWindows() {
		needs = append(needs, detect.Need{Windows: true, For: "what the model tells"})
	}
	return needs
}

// FlowInterest implements detect.FeatureChooser: see Judgeable and cheapShapes. A poll ladder has more than leastPackets. First packets
// are not measured where their framing alone tells that the score will not matter, so another strictness takes a restart.
func (d *Detector) FlowInterest() flowtable.Interest {
	return flowtable.Interest{Packets: leastPackets, Whole: d.whole, Framings: flowtable.FramingsOf(payload.FramingOpenVPN), Hellos: payload.HelloPion}
}

// Batches implements detect.Batcher.
func (d *Detector) Batches() []time.Duration { return []time.Duration{every} }

// WantsWindows implements detect.WindowChooser.
func (d *Detector) WantsWindows() bool { return d.set != StartSet }

// Tables implements detect.Sized.
func (d *Detector) Tables() []detect.TableCount {
	counts := []detect.TableCount{d.servers.Count("servers"), d.clients.Count("clients")}
	if d.pairs != nil {
		counts = append(counts, d.pairs.table.Count("pairs"))
	}
	return counts
}

// Flows implements detect.FlowWatcher.
func (d *Detector) Flows(flows []detect.Flow, out detect.Out) {
	d.told = d.told[:0]
	for i := range flows {
		f := &flows[i]
		if f.Features == nil || f.Part != 0 || empty(f) {
			continue
		}
		t := told{f, Judgeable(f.Record), d.shapes(f.Record)}
		if t.judgeable { // so that the waits for memory overlap
			d.servers.Warm(serverHash(f))
			d.clients.Warm(clientHash(f))
		}
		if t.judgeable || t.shapes != 0 {
			d.told = append(d.told, t)
		}
	}
	for _, t := range d.told {
		if t.judgeable {
			d.judge(t.flow, out)
		}
		if t.shapes != 0 {
			d.sight(t.flow, t.shapes)
		}
	}
	clear(d.told) // the flows are borrowed
}

// empty says whether a flow is known to have had packets, none with payload.
func empty(f *detect.Flow) bool {
	return f.Packets != [2]uint64{} && f.Payload == [2]uint64{} && f.Missing&detect.NoPayload == 0
}

// told is a flow that says something.
type told struct {
	flow      *detect.Flow
	judgeable bool
	shapes    shape
}

// Windows implements detect.WindowWatcher.
func (d *Detector) Windows(windows []features.Window, out detect.Out) {
	for i := range windows {
		if w := &windows[i]; d.pairs != nil {
			d.pairs.Add(w)
		} else {
			d.judgeWindow(w, out)
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
	ratio, tls := tunnel(f.Record)
	if d.set == WindowSet && !tls {
		return
	}
	key, hash, s := d.server(f)
	if tls {
		s.tls++
		if ratio >= tunnelBorder {
			s.tunnels.flows++
			s.shaped.Add(f.ID)
			d.tell(key, hash, s)
		}
	}
	if d.set == WindowSet {
		return
	}
	if d.row = d.row[:0]; d.hopeful(f.Features) {
		var means *WindowNumbers
		if d.pairs != nil && d.pairs.Means(f.Record, &d.means) {
			means = &d.means
		}
		d.row = AppendRow(d.row, d.set, f.Record, means, StartPackets)
	}
	c, _ := d.clients.Put(contact{key, f.ClientHost()}, clientHash(f))
	if !d.count(key, s, c, f.Time, f.ID, out) {
		return
	}
	if bytes, ok := flights(f.Record); ok {
		s.lengths.add(bytes[0])
		if inHandshake(bytes[0]) && inHandshake(bytes[1]) {
			s.padded++
		}
	}
	s.evidence.Add(f.ID)
	d.tell(key, hash, s)
}

// judgeWindow adds a window to what is known of its server.
func (d *Detector) judgeWindow(w *features.Window, out detect.Out) {
	key := service{detect.Host{Addr: w.Target, Version: w.Version}, w.TargetPort, packet.ProtoTCP, true}
	hash := maphash.Comparable(d.seed, key)
	s, _ := d.servers.Put(key, hash)
	at := contact{key, detect.Host{Addr: w.Client, Version: w.Version}}
	c, _ := d.clients.Put(at, maphash.Comparable(d.seed, at))
	d.row = AppendRow(d.row[:0], d.set, nil, &w.Features, StartPackets)
	if hit := d.count(key, s, c, w.Last, 0, out); hit {
		d.tell(key, hash, s)
	}
}

// count judges the row at hand, of packet time at and of a flow or 0, as one of a client of the service. It is empty where its
// score does not matter.
func (d *Detector) count(key service, s *server, c *client, at int64, id uint64, out detect.Out) (hit bool) {
	score, near := 0.0, false
	if len(d.row) > 0 {
		score, near = d.screen.Predict(d.row)
	}
	hit = near && score >= d.threshold
	s.judged++
	s.tally.Add(&c.hour, at, hit, d.cfg.HalfLife)
	if hit {
		if s.called == 0 {
			s.first = at
		}
		if !c.called {
			c.called = true
			s.clients++
		}
		s.called++
		s.sum += score
	}
	if near {
		out.Score(detect.Score{Time: at, Subject: key.host, Role: detect.Server, FlowID: id, Raw: score, P: math.NaN(), N: 1, Alerted: hit})
	}
	return hit
}

// server returns what is known of a flow's service.
func (d *Detector) server(f *detect.Flow) (key service, hash uint64, s *server) {
	key = service{f.ServerHost(), f.ServerPort, f.Proto, false}
	hash = serverHash(f)
	s, _ = d.servers.Put(key, hash)
	return key, hash, s
}

func serverHash(f *detect.Flow) uint64 {
	return detect.Mix(f.ServerHash, uint64(f.ServerPort)<<8|uint64(f.Proto))
}

func clientHash(f *detect.Flow) uint64 { return detect.Mix(f.PairHash, uint64(f.ServerPort)) }

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
	if shapes&pionHello != 0 {
		s.hellos.flows++
	}
	s.shaped.Add(f.ID)
	d.tell(key, hash, s)
}

// CloseBatch implements detect.Batcher: it judges the services that had hits.
func (d *Detector) CloseBatch(b detect.Batch, out detect.Out) {
	slices.SortFunc(d.news, func(x, y named) int {
		return cmp.Or(cmp.Compare(x.host.Version, y.host.Version), cmp.Compare(x.host.Addr.Hi, y.host.Addr.Hi),
			cmp.Compare(x.host.Addr.Lo, y.host.Addr.Lo), cmp.Compare(x.port, y.port),
			cmp.Compare(x.proto, y.proto), cmp.Compare(x.what(), y.what()))
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
