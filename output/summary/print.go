package summary

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/output"
)

// Count is one named number of the ledger.
type Count struct {
	Name string
	N    uint64
}

// Ledger is what the summary prints of the ledger.
type Ledger struct {
	Packets   uint64
	WireBytes uint64
	Fates     []Count           // what became of the packets
	Remarks   []Count           // of those counted in flows; those of 0 are left out
	Written   map[string]uint64 // records by end reason
}

// Print writes the summary to w.
func (s *Summary) Print(w io.Writer, ledger Ledger) error {
	var text bytes.Buffer
	s.printLedger(&text, ledger)
	if s.flows > 0 {
		s.printTalkers(&text)
		s.printServices(&text)
		s.printLongest(&text)
	}
	if _, err := w.Write(text.Bytes()); err != nil {
		return fmt.Errorf("write summary: %w", err)
	}
	return nil
}

func (s *Summary) printLedger(w *bytes.Buffer, l Ledger) {
	fmt.Fprintf(w, "%s packets, %s on the wire", number(l.Packets), size(l.WireBytes))
	if s.flows > 0 {
		fmt.Fprintf(w, ", %s, over %s", stamp(s.start), span(s.end-s.start))
	}
	fmt.Fprintf(w, "\n  of them: %s\n", counts(l.Fates, true))
	if remarks := counts(l.Remarks, false); remarks != "" {
		fmt.Fprintf(w, "  in flows: %s\n", remarks)
	}
	var reasons []Count
	for _, name := range slices.Sorted(maps.Keys(l.Written)) {
		reasons = append(reasons, Count{name, l.Written[name]})
	}
	fmt.Fprintf(w, "%s flow records", number(s.flows))
	if text := counts(reasons, false); text != "" {
		fmt.Fprintf(w, ": %s", text)
	}
	fmt.Fprintln(w)
}

// counts lists numbers by name; those of 0 only where all is set.
func counts(list []Count, all bool) string {
	var parts []string
	for _, c := range list {
		if all || c.N > 0 {
			parts = append(parts, c.Name+" "+number(c.N))
		}
	}
	return strings.Join(parts, ", ")
}

func (s *Summary) printTalkers(w *bytes.Buffer) {
	t := table(w, "top talkers, by bytes", "address", "sent", "received", "packets", "flows")
	for _, h := range s.talkers() {
		t.row(h.addr.String(), size(h.sent), size(h.received), number(h.packets), number(h.flows))
	}
	if s.others.flows > 0 {
		t.row(fmt.Sprintf("(beyond the first %s addresses)", number(maxHosts)), size(s.others.sent),
			size(s.others.received), number(s.others.packets), number(s.others.flows))
	}
	t.end()
}

func (s *Summary) printServices(w *bytes.Buffer) {
	t := table(w, "top ports, by bytes", "server port", "bytes", "packets", "flows")
	for _, p := range s.services() {
		name := output.ProtoName(p.proto)
		if ported(p.proto) {
			name = strconv.Itoa(int(p.number)) + "/" + name
		}
		t.row(name, size(p.bytes), number(p.packets), number(p.flows))
	}
	t.end()
}

func (s *Summary) printLongest(w *bytes.Buffer) {
	t := table(w, "longest flows", "client", "server", "duration", "bytes", "packets", "state", "start")
	for _, r := range s.longest.sorted() {
		proto := output.ProtoName(r.Proto)
		t.row(endpoint(&r, r.Client.Netip(r.Version), r.ClientPort), endpoint(&r, r.Server.Netip(r.Version), r.ServerPort)+" "+proto,
			span(r.End-r.Start), size(r.Bytes[0]+r.Bytes[1]), number(r.Packets[0]+r.Packets[1]), r.State.String(), stamp(r.Start))
	}
	t.end()
}

func endpoint(r *flowtable.Record, a netip.Addr, port uint16) string {
	if !ported(r.Proto) {
		return a.String()
	}
	return netip.AddrPortFrom(a, port).String()
}

// columns is a table with its first column on the left and numbers on the right.
type columns struct{ w *tabwriter.Writer }

func table(w io.Writer, title string, head ...string) columns {
	fmt.Fprintf(w, "\n%s\n", title)
	t := columns{tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)}
	t.row(head...)
	return t
}

func (t columns) row(cells ...string) { fmt.Fprintf(t.w, "  %s\n", strings.Join(cells, "\t")) }

func (t columns) end() { _ = t.w.Flush() } // into a buffer: it cannot fail

// number writes 1234567 as 1,234,567.
func number(n uint64) string {
	s := strconv.FormatUint(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// size writes bytes with a decimal unit.
func size(n uint64) string {
	if n < 1000 {
		return strconv.FormatUint(n, 10) + " B"
	}
	v, unit := float64(n), 0
	for v >= 999.5 && unit < 6 {
		v /= 1000
		unit++
	}
	return fmt.Sprintf("%.3g %cB", v, " kMGTPE"[unit])
}

func stamp(ns int64) string { return time.Unix(0, ns).UTC().Format("2006-01-02 15:04:05Z") }

// span writes a duration with about three digits.
func span(ns int64) string {
	d := time.Duration(ns)
	switch {
	case d >= time.Minute:
		return d.Round(time.Second).String()
	case d >= time.Second:
		return d.Round(10 * time.Millisecond).String()
	}
	return d.Round(time.Microsecond).String()
}
