package blocklist

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
)

type sink struct{ alerts []detect.Alert }

func (s *sink) Alerts(a []detect.Alert) error {
	s.alerts = append(s.alerts, a...)
	return nil
}

// write writes a list and returns its path.
func write(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	rewrite(t, path, text)
	return path
}

func rewrite(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func newDetector(t testing.TB, cfg Config, lists ...string) *Detector {
	t.Helper()
	cfg.Lists = lists
	d, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func addr(text string) packet.Addr {
	var b [4]byte
	fmt.Sscanf(text, "%d.%d.%d.%d", &b[0], &b[1], &b[2], &b[3])
	return packet.AddrFrom4(b[:])
}

// flowOf is a TCP flow that was written at second s.
func flowOf(id uint64, s float64, client, server string, answered bool) flowtable.Record {
	r := flowtable.Record{ID: id, Version: 4, Proto: packet.ProtoTCP, Client: addr(client), Server: addr(server), ClientPort: 40000,
		ServerPort: 443, Written: int64(s * 1e9), Packets: [2]uint64{1, 0}, Bytes: [2]uint64{60, 0}, ConnState: flowtable.S0}
	if answered {
		r.ConnState, r.Packets, r.Bytes = flowtable.SF, [2]uint64{5, 5}, [2]uint64{500, 900}
	}
	return r
}

func judge(t testing.TB, d *Detector, group int, records []flowtable.Record) []string {
	t.Helper()
	var got sink
	e := detect.NewEngine(detect.DefaultConfig(), []detect.Detector{d}, &got)
	for part := range slices.Chunk(records, group) {
		e.Flows(part)
		if err := e.Advance(part[len(part)-1].Written); err != nil {
			t.Fatal(err)
		}
		if err := e.Flush(); err != nil { // else the engine gathers groups
			t.Fatal(err)
		}
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, a := range got.alerts {
		texts = append(texts, fmt.Sprintf("%s %s %s %s %.2f: %s", a.Kind, a.Severity, a.Subject, a.Role, a.Score, a.Message))
	}
	return texts
}

// Both ends are looked up whatever the other one is, the alert names the one that matched, and the score goes by who began
// and who answered. Nothing is said of the twins beside them.
func TestEndsAndRoles(t *testing.T) {
	one := write(t, "one.txt", "# bad hosts\n198.51.100.0/24\n203.0.113.9\n10.0.0.0/8\n")
	two := write(t, "two.data", "198.51.100.7#5#2#Scanning Host#US##1,2#11\n192.0.2.50#3#2#Spamming#US##1,2#12\n")
	records := []flowtable.Record{
		flowOf(1, 1, "10.0.0.1", "198.51.100.7", true),
		flowOf(2, 2, "10.0.0.1", "198.51.100.7", true),
		flowOf(3, 3, "10.0.0.1", "203.0.113.9", false),
		flowOf(4, 4, "203.0.113.9", "10.0.0.2", false),
		flowOf(5, 4, "203.0.113.9", "10.0.0.3", false),
		flowOf(6, 5, "198.51.100.8", "10.0.0.2", true),
		flowOf(7, 6, "198.51.100.9", "203.0.113.9", true), // both
		flowOf(8, 7, "10.0.0.1", "192.0.2.50", true),      // of little reliability
		flowOf(9, 8, "10.0.0.1", "198.51.101.7", true),
		flowOf(10, 8, "10.0.0.1", "10.0.0.2", true),
		flowOf(11, 8, "10.0.0.1", "203.0.113.8", true),
	}
	want := []string{
		"listed_server high 198.51.100.7 server 1.00: 198.51.100.7, on list bad line 1 (198.51.100.7/32) and list one line 2 (198.51.100.0/24), is the server of 2 flows from 10.0.0.1: 2 answered, 1000 bytes up, 1800 down",
		"listed_server high 203.0.113.9 server 0.70: 203.0.113.9, on list one line 3 (203.0.113.9/32), is the server of 1 flow from 198.51.100.9: 1 answered, 500 bytes up, 900 down",
		"listed_server medium 203.0.113.9 server 0.40: 203.0.113.9, on list one line 3 (203.0.113.9/32), is the server of 1 flow from 10.0.0.1: none answered",
		"listed_server low 192.0.2.50 server 0.30: 192.0.2.50, on list bad line 2 (192.0.2.50/32), is the server of 1 flow from 10.0.0.1: 1 answered, 500 bytes up, 900 down",
		"listed_client low 198.51.100.8 client 0.30: 198.51.100.8, on list one line 2 (198.51.100.0/24), is the client of 1 flow to 10.0.0.2: 1 answered, 500 bytes up, 900 down",
		"listed_client low 198.51.100.9 client 0.30: 198.51.100.9, on list one line 2 (198.51.100.0/24), is the client of 1 flow to 203.0.113.9: 1 answered, 500 bytes up, 900 down",
		"listed_client info 203.0.113.9 client 0.10: 203.0.113.9, on list one line 3 (203.0.113.9/32), is the client of 2 flows: none answered",
	}
	for _, group := range []int{1, 3, len(records)} {
		got := judge(t, newDetector(t, DefaultConfig(), one, "bad="+two), group, records)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("groups of %d (-want +got):\n%s", group, diff)
		}
	}
	cfg := DefaultConfig()
	cfg.SkipLocal = false
	if got := judge(t, newDetector(t, cfg, one), 99, records[9:10]); len(got) != 2 {
		t.Errorf("with local networks: %q", got)
	}
}

// An alert about one flow names it, one about several the first of them.
func TestAlertFields(t *testing.T) {
	path := write(t, "one.txt", "198.51.100.7\n203.0.113.9\n")
	var got sink
	e := detect.NewEngine(detect.DefaultConfig(), []detect.Detector{newDetector(t, DefaultConfig(), path)}, &got)
	e.Flows([]flowtable.Record{flowOf(1, 1, "10.0.0.1", "198.51.100.7", true), flowOf(2, 2, "203.0.113.9", "10.0.0.1", false),
		flowOf(3, 3, "203.0.113.9", "10.0.0.2", false)})
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	one, many := got.alerts[0], got.alerts[1]
	if one.FlowID != 1 || one.CommunityID == "" || one.ServerPort != 443 || !one.HasPort || one.WindowEnd-one.WindowStart != int64(10*time.Second) {
		t.Errorf("one flow: %+v", one)
	}
	if many.FlowID != 0 || many.CommunityID != "" || many.Client.String() != "203.0.113.9" || many.Server.Version != 0 || many.N != 2 ||
		!slices.Equal(many.Evidence.IDs(), []uint64{2, 3}) {
		t.Errorf("two flows: %+v", many)
	}
}

// Many listed hosts at once are a few alerts and one that counts the rest, whatever their order in a table.
func TestManyContacts(t *testing.T) {
	d := newDetector(t, DefaultConfig(), write(t, "one.txt", "11.0.0.0/8\n"))
	var records []flowtable.Record
	for i := range 30_000 {
		records = append(records, flowOf(uint64(i+1), 1+float64(i)/1e4, fmt.Sprintf("11.%d.%d.1", i/250, i%250), "10.0.0.1", i == 29_999))
	}
	got := judge(t, d, 1000, records)
	if len(got) != 20 || !strings.HasPrefix(got[0], "listed_client low 11.119.249.1 ") || !strings.HasPrefix(got[19], "many_listed info  network 0.10: 16365 more contacts") {
		t.Errorf("%d alerts, first and last: %q", len(got), []string{got[0], got[len(got)-1]})
	}
	if c := d.Tables()[0]; c.Evicted != 30_000-maxHits {
		t.Errorf("%+v", c)
	}
}

// A list that is read again takes effect with the next batch; one that is gone, empty or no list any more stays.
func TestReload(t *testing.T) {
	one, two := write(t, "one.txt", "198.51.100.7\n"), write(t, "two.txt", "203.0.113.9\n203.0.113.10\n")
	d := newDetector(t, DefaultConfig(), one, two)
	hits := func() int {
		return len(judge(t, d, 1, []flowtable.Record{flowOf(1, 1, "10.0.0.1", "198.51.100.7", true), flowOf(2, 1, "10.0.0.1", "203.0.113.9", true)}))
	}
	if got := hits(); got != 2 {
		t.Fatalf("%d alerts, want 2", got)
	}
	if got := d.Reload(); got.Changes != nil || got.Problems != nil {
		t.Errorf("nothing is another: %+v", got)
	}
	rewrite(t, one, "198.51.100.8\n198.51.100.300\n")
	if err := os.Remove(two); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"list one: 1 -> 1 prefixes, 1 bad line: " + one + `:2: "198.51.100.300": ` + notAddress,
		"read list two: open " + two + ": no such file or directory; the last one, of 2 prefixes, stays",
	}
	u := d.Reload()
	if diff := cmp.Diff(want, append(u.Changes, u.Problems...)); diff != "" || len(u.Problems) != 1 {
		t.Errorf("changes and problems (-want +got):\n%s", diff)
	}
	if got := hits(); got != 1 {
		t.Errorf("%d alerts, want 1 of the list that stays", got)
	}
	for _, text := range []string{"", "<html>\n"} {
		rewrite(t, two, text)
		if got := d.Reload(); len(got.Changes) != 0 || len(got.Problems) != 1 || !strings.HasSuffix(got.Problems[0], "stays") {
			t.Errorf("%q: %+v", text, got)
		}
	}
	rewrite(t, two, "# none today\n")
	if got := d.Reload().Changes; len(got) != 1 || got[0] != "list two: 2 -> 0 prefixes" || hits() != 0 {
		t.Errorf("emptied: %q", got)
	}
}

// A list that has lost its column stays as it was.
func TestReloadWithoutItsColumn(t *testing.T) {
	path := write(t, "feed.csv", "src,dst\n192.0.2.1,192.0.2.2\n")
	d := newDetector(t, DefaultConfig(), "feed:csv/dst="+path)
	rewrite(t, path, "from,to\n192.0.2.3,192.0.2.4\n")
	u := d.Reload()
	want := "read list feed: " + path + `: got column "dst", want one that the header has: "from", "to"; the last one, of 1 prefixes, stays`
	if len(u.Changes) != 0 || len(u.Problems) != 1 || u.Problems[0] != want {
		t.Errorf("got %+v, want the problem %s", u, want)
	}
	if got := entriesText(d.Lists()[0]); got != "192.0.2.2/32:2" {
		t.Errorf("the list is %s", got)
	}
}

// Flows that are open when a list is read again are judged by the new one as their next record is written, whether they began
// before or not: those whose end is on it now, and no more those whose end is not.
func TestOpenFlowsAreJudgedByTheNewList(t *testing.T) {
	one := write(t, "one.txt", "198.51.100.7\n")
	d := newDetector(t, DefaultConfig(), one)
	var got sink
	e := detect.NewEngine(detect.DefaultConfig(), []detect.Detector{d}, &got)
	part := func(part uint32, s float64) {
		flows := []flowtable.Record{flowOf(1, s, "10.0.0.1", "198.51.100.7", true), flowOf(2, s, "10.0.0.1", "203.0.113.9", true)}
		for i := range flows {
			flows[i].Part, flows[i].Start, flows[i].End = part, 0, flows[i].Written
		}
		e.Flows(flows)
		if err := errors.Join(e.Advance(flows[0].Written+int64(every)), e.Flush()); err != nil {
			t.Fatal(err)
		}
	}
	part(0, 300)
	rewrite(t, one, "203.0.113.9\n")
	d.Reload()
	part(1, 600)
	part(2, 3000) // after detect.suppress
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, a := range got.alerts {
		said = append(said, fmt.Sprint(a.WindowStart/int64(time.Second), " ", a.Server, " flow ", a.FlowID))
	}
	want := []string{"300 198.51.100.7 flow 1", "600 203.0.113.9 flow 2", "3000 203.0.113.9 flow 2"}
	if diff := cmp.Diff(want, said); diff != "" {
		t.Errorf("alerts (-want +got):\n%s", diff)
	}
}

// Lists are read again while flows are judged: run with -race.
func TestReloadWhileRunning(t *testing.T) {
	one := write(t, "one.txt", "198.51.100.7\n")
	d := newDetector(t, DefaultConfig(), one)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 50 {
			if err := os.WriteFile(one+".new", fmt.Appendf(nil, "198.51.100.7\n198.51.100.%d\n", 10+i%2), 0o600); err == nil {
				_ = os.Rename(one+".new", one)
			}
			d.Reload()
		}
	}()
	var records []flowtable.Record
	for i := range 2000 {
		records = append(records, flowOf(uint64(i+1), float64(i), "10.0.0.1", "198.51.100.7", true))
	}
	if got := judge(t, d, 10, records); len(got) != 1 { // and again, which raises the count
		t.Errorf("%d alerts, want 1", len(got))
	}
	<-done
}

func TestNewNamesEveryListThatFails(t *testing.T) {
	_, err := New(Config{Lists: []string{"/nonexistent/a", "/nonexistent/b.txt"}})
	if err == nil || strings.Count(err.Error(), "no such file") != 2 || !strings.Contains(err.Error(), "read list b: ") {
		t.Errorf("got %v", err)
	}
}

func TestFlowsDoNotAllocate(t *testing.T) {
	d := newDetector(t, DefaultConfig(), write(t, "one.txt", "198.51.100.0/24\n"))
	var flows []detect.Flow
	for i := range 100 {
		r := flowOf(uint64(i), 1, "10.0.0.1", fmt.Sprintf("198.51.%d.7", 99+i%2), true)
		flows = append(flows, detect.Flow{Record: &r, ClientLocal: true, PairHash: uint64(i % 2)})
	}
	if got := testing.AllocsPerRun(100, func() { d.Flows(flows, nothing{}) }); got != 0 {
		t.Errorf("%v allocations for 100 flows", got)
	}
}

type nothing struct{}

func (nothing) Alert(detect.Alert) {}
func (nothing) Score(detect.Score) {}
