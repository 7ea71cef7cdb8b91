package build

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/weir-sensor/weir/report"
)

// ledger is the books of the run that made the records: numbers by their path in the JSON, such as flows.written.idle.
type ledger struct {
	known  bool
	counts map[string]float64
	paths  []string // in their order in the JSON
	name   string   // of what is being read; "" until it comes
}

// maxCounts is how many numbers of a ledger are read.
const maxCounts = 10_000

// Ledger sets the books, as ledger.json has them.
func (b *Builder) Ledger(text []byte) error {
	l := ledger{known: true, counts: map[string]float64{}}
	d := json.NewDecoder(bytes.NewReader(text))
	if err := l.read(d, "", 0); err != nil {
		return fmt.Errorf("read ledger: %w", err)
	}
	b.ledger = l
	return nil
}

// read reads the next value, at a path.
func (l *ledger) read(d *json.Decoder, path string, depth int) error {
	token, err := d.Token()
	if err != nil {
		return err
	}
	if depth > 20 || len(l.counts) > maxCounts {
		return fmt.Errorf("no ledger of weir's: more than %d numbers, or nested too deeply", maxCounts)
	}
	switch v := token.(type) {
	case float64:
		if _, known := l.counts[path]; !known {
			l.paths = append(l.paths, path)
		}
		l.counts[path] = v
	case string:
		if at := strings.LastIndexByte(path, '.') + 1; path[at:] == "name" || path[at:] == "interface" {
			l.name = v
		}
	case json.Delim:
		for i := 0; d.More(); i++ {
			name := fmt.Sprint(i)
			if v == '{' {
				key, err := d.Token()
				if err != nil {
					return err
				}
				name = fmt.Sprint(key)
			}
			if err := l.read(d, strings.TrimPrefix(path+"."+name, "."), depth+1); err != nil {
				return err
			}
			if l.name != "" { // an element of a list with a name is called by it
				path, l.name = path[:strings.LastIndexByte(path, '.')+1]+l.name, ""
			}
		}
		_, err = d.Token()
		return err
	}
	return nil
}

// fates are the counters one of which each packet ends in, and those of packets that never got so far.
func fates() (ends, lost []string) {
	return []string{"flow", "non_ip", "truncated", "malformed", "filtered", "duplicate", "refused"},
		[]string{"capture.dropped", "capture.unread", "capture.backlog_dropped", "capture.interface_missed", "capture.interface_fifo"}
}

// sum returns the sum of a number and of all below it.
func (l *ledger) sum(path string) (n float64) {
	for p, v := range l.counts {
		if p == path || strings.HasPrefix(p, path+".") {
			n += v
		}
	}
	return n
}

func (b *Builder) ledgerSection() report.Section {
	s := report.Section{Title: "The ledger, and what was lost", Note: join(b.notes...),
		Intro: "Every packet that was read ends in exactly one counter; docs/LEDGER.md says what each means.\nWhere much was dropped, truncated or refused, everything below is about the rest only."}
	l := &b.ledger
	if !l.known {
		s.Note = join(fmt.Sprintf("There is no ledger.json, so what was lost before the %d flow records is not known.", b.all.records), s.Note)
		return s
	}
	if _, packets := l.counts["packets"]; packets {
		s.Tables = append(s.Tables, b.fatesTable())
		ends, _ := fates()
		s.Plots = plots(bars("ledger", "What became of the packets", "packets", len(ends), func(i int) (string, []float64) { return ends[i], []float64{l.sum(ends[i])} }, "packets"))
	}
	var rest []string
	for _, path := range l.paths {
		if l.counts[path] != 0 && !strings.HasSuffix(path, ".cap") {
			rest = append(rest, path)
		}
	}
	s.Tables = append(s.Tables, b.table("ledger-all", "Everything that was counted, but what is 0", []report.Column{
		column("counter", report.Text, "Its place in ledger.json."), column("count", report.Integer, ""),
	}, len(rest), func(i int) []report.Cell { return []report.Cell{text(rest[i]), number(l.counts[rest[i]])} }))
	return s
}

// fatesTable says what became of the packets.
func (b *Builder) fatesTable() report.Table {
	l := &b.ledger
	ends, lost := fates()
	all := l.counts["packets"]
	for _, path := range lost {
		all += l.counts[path]
	}
	rows := slices.Concat(ends, slices.DeleteFunc(lost, func(path string) bool { _, known := l.counts[path]; return !known }))
	return b.table("ledger", "What became of the packets", []report.Column{
		column("fate", report.Text, ""), column("packets", report.Integer, ""), column("share", report.Share, "Of all that were on the wire, as far as the kernel knows."),
	}, len(rows), func(i int) []report.Cell {
		n := l.sum(rows[i])
		return []report.Cell{text(rows[i]), number(n), number(ratio(n, all))}
	})
}
