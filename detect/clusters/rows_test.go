package clusters

import (
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/detect/density"
	"github.com/weir-sensor/weir/detect/sample"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/internal/detecttest"
	"github.com/weir-sensor/weir/packet"
)

// minute makes records, as batch of testdata/aggregates.py does.
func minute(number int) (records []flowtable.Record) {
	r := splitmix(number)
	clients, servers := 1+r.next(12), 1+r.next(6)
	at := int64(time.Hour) + int64(number)*int64(time.Minute)
	n := 50 + r.next(500)
	for i := range n {
		at += int64(r.next(int(time.Minute) / n))
		f := flowtable.Record{ID: uint64(i + 1), Version: 4, Written: at}
		f.Client = detecttest.IPv4(uint32(10<<24 + r.next(clients)))
		f.Server = detecttest.IPv4([...]uint32{192<<24 + 168<<16, 9 << 24}[r.next(2)] + uint32(r.next(servers)))
		f.ClientPort = uint16(40000 + r.next(4))
		other := uint16(1000 + r.next(30))
		f.ServerPort = [...]uint16{80, 443, 8080, 22, 53, other}[r.next(6)]
		f.Proto = [...]uint8{packet.ProtoTCP, packet.ProtoTCP, packet.ProtoUDP, packet.ProtoICMP}[r.next(4)]
		f.Start = at - int64(r.next(5))*int64(r.next(2e9))
		f.End = at
		up := uint64(r.next(1000))
		up <<= r.next(12)
		down := uint64(r.next(1000))
		down <<= r.next(16)
		f.Bytes = [2]uint64{up, down}
		f.State = flowtable.State(r.next(6))
		f.Part = uint32(r.next(4) / 3)
		records = append(records, f)
	}
	return records
}

// Of aggregates of flows the numbers are those of plain dictionaries, and the labels are scikit-learn's.
func TestAggregatesAreScikitLearns(t *testing.T) {
	type answer struct {
		Rows   int
		Means  []float64
		DBSCAN [3]any
		KMeans string
	}
	text, err := os.ReadFile("testdata/aggregates.json")
	if err != nil {
		t.Fatal(err)
	}
	var batches []map[string]answer
	if err := json.Unmarshal(text, &batches); err != nil || len(batches) != 60 {
		t.Fatalf("%d batches, %v", len(batches), err)
	}
	for i, b := range batches {
		for _, rows := range []string{sample.ByTuple, sample.ByPair} {
			want := b[rows]
			s := sample.New(rows, sample.ColumnNames(rows), 1000)
			for _, r := range minute(i) {
				s.Add(&detect.Flow{Record: &r, Time: r.Written})
			}
			s.End()
			dims := s.Dims()
			if len(s.Flows) != want.Rows || dims != len(want.Means) || s.Status() != detect.OK {
				t.Fatalf("batch %d: %d %s of %d numbers, want %d of %d", i, len(s.Flows), rows, dims, want.Rows, len(want.Means))
			}
			for k, mean := range want.Means {
				sum := 0.0
				for at := k; at < len(s.Rows); at += dims {
					sum += s.Rows[at]
				}
				if got := sum / float64(want.Rows); math.Abs(got-mean) > 1e-9*math.Abs(mean)+1e-12 {
					t.Errorf("batch %d: mean %s of %s is %v, want %v", i, sample.ColumnNames(rows)[k], rows, got, mean)
				}
			}
			sample.Standardise(s.Rows, dims)
			r := density.Cluster(s.Rows, dims, 2.5, 5)
			outliers := 0
			for _, l := range r.Labels {
				if l == density.Noise {
					outliers++
				}
			}
			if got := [3]any{float64(r.Clusters), float64(outliers), hash(r.Labels)}; got != want.DBSCAN {
				t.Errorf("batch %d, %s: DBSCAN gives %v, want %v", i, rows, got, want.DBSCAN)
			}
			if got := hash(KMeans(s.Rows, dims, s.Rows[:min(3, want.Rows)*dims]).Labels); got != want.KMeans {
				t.Errorf("batch %d, %s: labels of k-means differ", i, rows)
			}
		}
	}
}

// chatter is half an hour of clients that ask a few ports of a server every 5 s. In one step one of them asks for 60 flows more:
// the odd one of as many ports, its twin of one of the usual.
func chatter(odd bool) (all []flowtable.Record) {
	for step := range 360 {
		for host := range 40 {
			at := int64(time.Hour) + int64(step)*5e9 + int64(host)
			r := flowtable.Record{ID: uint64(len(all) + 1), Version: 4, Proto: packet.ProtoTCP, Client: detecttest.IPv4(10<<24 + uint32(host)),
				Server: detecttest.IPv4(9 << 24), ClientPort: 5000, ServerPort: uint16(443 + (host+step)%2*(step/7%3)), Start: at - 1e9, End: at, Written: at,
				Bytes: [2]uint64{uint64(500 + step%7), uint64(900 + (host*step)%50)}}
			all = append(all, r)
			for i := range 30 {
				if host != 7 || step/2 != 80 {
					break
				}
				if odd {
					r.ServerPort = uint16(1000 + 30*(step%2) + i)
				}
				r.ID, r.Bytes = uint64(len(all)+1), [2]uint64{60, 0}
				all = append(all, r)
			}
		}
	}
	return all
}

func TestOddPairAndItsTwin(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Rows, cfg.Columns, cfg.K = sample.ByPair, []string{"server_ports", "client_ports", "bytes_down"}, 4
	for name, change := range map[string]func(*Config){
		"the whole input": func(*Config) {},
		"half an hour":    func(c *Config) { c.Batch = 30 * time.Minute },
		"PCA":             func(c *Config) { c.Components = 2 },
	} {
		cfg := cfg
		change(&cfg)
		got := run(t, cfg, chatter(true), 7)
		if len(got) != 1 {
			t.Errorf("%s: got %+v", name, got)
			continue
		}
		a := got[0]
		if a.Subject != (detect.Host{Addr: detecttest.IPv4(10<<24 + 7), Version: 4}) || a.Evidence.Total != 62 || len(a.Evidence.IDs()) != 10 || a.FlowID != 0 || a.HasPort ||
			a.Proto != packet.ProtoTCP || a.N != 40*180 || a.Reasons[0].Feature != "server_ports" || a.Reasons[0].Value != 62 {
			t.Errorf("%s: got %+v", name, a)
		}
		if got := run(t, cfg, chatter(false), 7); len(got) != 0 {
			t.Errorf("%s, the usual ports: got %+v", name, got)
		}
	}
}

func TestColumnsAreThoseOfTheRows(t *testing.T) {
	for _, c := range []struct {
		rows    string
		columns []string
		batch   time.Duration
		want    string // part of the problem; "": there is none
	}{
		{"flows", []string{"packets"}, 15 * time.Second, ""},
		{"tuples", []string{"entries", "port_443", "entries_reset", "bytes"}, 15 * time.Second, ""},
		{"pairs", []string{"new_server_ports", "server_private"}, 20 * time.Second, ""},
		{"flows", []string{"entries"}, 0, `columns: got "entries", want one or more, each once, of bytes, bytes_up`},
		{"tuples", []string{"packets"}, 0, `columns: got "packets", want one or more, each once, of entries, total_time`},
		{"pairs", []string{"entries"}, 0, "tcp_connections, udp_connections, client_private, server_private, bytes, up_down_ratio, which are those of pairs"},
		{"pairs", []string{"flows"}, 15 * time.Second, "batch: got 15s, want 0s or a multiple of 10s"},
		{"steps", []string{"flows"}, 0, "rows: got steps, want flows, tuples or pairs"},
	} {
		cfg := DefaultConfig()
		cfg.Rows, cfg.Columns, cfg.Batch = c.rows, c.columns, c.batch
		if err := cfg.Validate(); (err != nil) != (c.want != "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: got %v", c, err)
		}
	}
}
