package blocklist

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The files of testdata/lists, made by hand from the formats' descriptions, and what is in them.
func TestFormats(t *testing.T) {
	for file, want := range map[string]struct {
		format   Format
		prefixes string
		problems string // "LINE" of bad lines, "LINE*" of warnings
		repeated int
	}{
		"plain.txt": {Plain, "192.0.2.1/32:2 192.0.2.9/32:9 192.0.2.80/32:12 198.51.100.7/32:3 203.0.113.5/32:8 2001:db8::1/128:4",
			"10 13", 1},
		"firehol.netset":  {Plain, "10.0.0.0/8:7 192.0.2.17/32:11 198.51.100.64/28:6 203.0.113.0/24:5", "6* 8 9 10", 0},
		"emerging.txt":    {Plain, "192.0.2.4/32:4 198.51.100.0/24:3 203.0.113.9/32:6 2001:db8:7::/48:7", "", 0},
		"drop.txt":        {Plain, "198.51.100.0/23:3 2001:db8::/32:4", "5", 0},
		"header.csv":      {CSV, "192.0.2.1/32:2 198.51.100.2/32:3", "4 5", 0},
		"record.csv":      {CSV, "192.0.2.1/32:1 192.0.2.2/32:1 198.51.100.0/24:1 2001:db8::1/128:1", "", 1},
		"commented.csv":   {CSV, "192.0.2.1/32:2 2001:db8::1/128:4", "3", 0},
		"reputation.data": {AlienVault, "192.0.2.1/32:1 reliability 4 risk 2 198.51.100.2/32:2 reliability 10 risk 9", "3 4", 0},
		"generic.txt":     {Plain, "192.0.2.1/32:1 198.51.100.2/32:2", "", 0},
		"dshield.txt":     {DShield, "192.0.2.0/24:3 198.51.100.0/25:4", "5", 0},
		"ranges.p2p":      {P2P, "192.0.2.1/32:2 192.0.2.2/31:2 192.0.2.4/31:2 192.0.2.6/32:2 203.0.113.0/24:3", "4", 0},
		"ranges.txt":      {Plain, "192.0.2.0/24:1 198.51.100.1/32:2 198.51.100.2/32:2 2001:db8::1/128:3 2001:db8::2/128:3", "4", 0},
	} {
		l, err := Source{Name: "x", Path: filepath.Join("testdata/lists", file)}.Load()
		if err != nil {
			t.Error(err)
			continue
		}
		if l.Format != want.format || l.Repeated != want.repeated {
			t.Errorf("%s: format %s, %d repeated, want %s, %d", file, l.Format, l.Repeated, want.format, want.repeated)
		}
		if diff := cmp.Diff(want.prefixes, entriesText(l)); diff != "" {
			t.Errorf("%s: prefixes (-want +got):\n%s", file, diff)
		}
		if got := problemLines(l); got != want.problems {
			t.Errorf("%s: problems in lines %q, want %q: %v", file, got, want.problems, l.Problems)
		}
		if bad := len(strings.Fields(want.problems)) - l.Masked; l.Bad != bad {
			t.Errorf("%s: %d bad lines, want %d", file, l.Bad, bad)
		}
	}
}

func entriesText(l *List) string {
	var all []string
	for _, e := range l.entries {
		text := fmt.Sprintf("%s:%d", e.prefix(), e.line)
		if e.reliability > 0 {
			text += fmt.Sprintf(" reliability %d risk %d", e.reliability, e.risk)
		}
		all = append(all, text)
	}
	return strings.Join(all, " ")
}

func problemLines(l *List) string {
	var all []string
	for _, p := range l.Problems {
		text := fmt.Sprint(p.Line)
		if p.Used {
			text += "*"
		}
		all = append(all, text)
	}
	return strings.Join(all, " ")
}

// What a setting says goes before what the file looks like.
func TestFormatGiven(t *testing.T) {
	for _, c := range []struct{ setting, text, want string }{
		{"a:csv=x", "192.0.2.1\n", "192.0.2.1/32:1"},
		{"a:csv/2=x", "192.0.2.1,192.0.2.2\n", "192.0.2.2/32:1"},
		{"a:csv/2=x", "x,ip\n192.0.2.1,192.0.2.2\n", "192.0.2.2/32:2"},
		{"a:csv/victim=x", "ip,Victim\n192.0.2.1,192.0.2.2\n", "192.0.2.2/32:2"},
		{"a:drop=x", "192.0.2.0/24,\n192.0.3.0/24,\n", "192.0.2.0/24:1 192.0.3.0/24:2"},
		{"x", "\xef\xbb\xbf192.0.2.1", "192.0.2.1/32:1"},
		{"a:csv/dst=x", "# made today, by hand\n#src,dst\n192.0.2.1,192.0.2.2\n", "192.0.2.2/32:3"},
		{"a:csv/dst=x", "# nothing today\n", ""},
		{"a:csv/dst=x", "", ""},
		{"x", "ip\n192.0.2.1\n", "192.0.2.1/32:2"},
		{"x", "", ""},
		{"x", "# nothing today\n", ""},
	} {
		s, err := ParseSource(c.setting)
		if err != nil {
			t.Fatal(err)
		}
		l, err := s.Read(strings.NewReader(c.text))
		if err != nil {
			t.Errorf("%s %q: %v", c.setting, c.text, err)
			continue
		}
		if got := entriesText(l); got != c.want || l.Bad != 0 {
			t.Errorf("%s %q: got %q, %d bad lines %v, want %q", c.setting, c.text, got, l.Bad, l.Problems, c.want)
		}
	}
}

// A column that is asked for by a name that the header has not is an error, which names those that it has: all fields of a
// line would be victims, too.
func TestNoSuchColumn(t *testing.T) {
	wide := strings.Repeat("a,", 20) + "z"
	for text, want := range map[string]string{
		"src,dst\n192.0.2.1,192.0.2.2\n": `got column "to", want one that the header has: "src", "dst"`,
		"src,dst\n":                      `got column "to", want one that the header has: "src", "dst"`,
		"# by hand, today\n# src,dst\n192.0.2.1,192.0.2.2\n": `got column "to", want one that the header has: "src", "dst"`,
		wide + "\n192.0.2.1\n":                               `: "a", ` + strings.Repeat(`"a", `, 19) + "...",
		"192.0.2.1,192.0.2.2\n":                              `got column "to", want its number: the file has no header`,
	} {
		l, err := (Source{Format: CSV, Column: "to"}).Read(strings.NewReader(text))
		if err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%q: got %+v, %v, want %s", text, l, err, want)
		}
	}
}

func TestParseSource(t *testing.T) {
	for text, want := range map[string]Source{
		"/etc/weir/drop.v4.txt":  {Name: "drop", Path: "/etc/weir/drop.v4.txt"},
		"tor=/a=b":               {Name: "tor", Path: "/a=b"},
		"x:alienvault=r.data":    {Name: "x", Path: "r.data", Format: AlienVault},
		"x:firehol=l.netset":     {Name: "x", Path: "l.netset", Format: Plain},
		"x:csv/ip address=l.csv": {Name: "x", Path: "l.csv", Format: CSV, Column: "ip address"},
	} {
		if got, err := ParseSource(text); got != want || err != nil {
			t.Errorf("%s: got %+v, %v, want %+v", text, got, err, want)
		}
	}
}

// Nothing that is no list, and no directory, is taken for one.
func TestNotALists(t *testing.T) {
	for text, want := range map[string]string{
		"<html>\n<body>Not found</body>\n": "no line can be used as format plain; line 1",
		"a,b\nc,d\n":                       "no line can be used as format csv; line 1",
	} {
		if _, err := (Source{}).Read(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
	for _, path := range []string{t.TempDir(), "/nonexistent"} {
		if _, err := (Source{Name: "x", Path: path}).Load(); err == nil || !strings.Contains(err.Error(), "read list x: ") {
			t.Errorf("%s: got %v", path, err)
		}
	}
}

// Problems are kept up to a limit, and counted all.
func TestManyProblems(t *testing.T) {
	l, err := Source{}.Read(strings.NewReader(strings.Repeat("bad\n", 5000) + "192.0.2.1\n"))
	if err != nil || l.Bad != 5000 || len(l.Problems) != maxProblems || l.Prefixes() != 1 {
		t.Errorf("%d bad, %d problems, %d prefixes, %v", l.Bad, len(l.Problems), l.Prefixes(), err)
	}
}

func TestSeedList(t *testing.T) {
	path := filepath.Join(os.Getenv("WEIR_SHARED"), "data/netflow-anomaly/blacklist_ips.csv")
	if _, err := os.Stat(path); os.Getenv("WEIR_SHARED") == "" || err != nil {
		t.Skip("no shared data: WEIR_SHARED")
	}
	l, err := Source{Name: "seed", Path: path}.Load()
	if err != nil {
		t.Fatal(err)
	}
	if l.Format != CSV || l.Given != 744 || l.Prefixes() != 744 || l.Bad != 0 || l.Lines != 1 {
		t.Errorf("format %s, %d given, %d prefixes, %d bad, %d lines; want csv, 744, 744, 0, 1", l.Format, l.Given, l.Prefixes(), l.Bad, l.Lines)
	}
}

// Whatever is read, the books balance, prefixes are canonical and in order, and each is found.
func FuzzList(f *testing.F) {
	files, _ := filepath.Glob("testdata/lists/*")
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for i := range formats {
			f.Add(b, byte(i))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte, format byte) {
		s := Source{Name: "f"}
		if int(format) < len(formats) {
			s.Format = formats[format].format
		}
		l, err := s.Read(strings.NewReader(string(b)))
		if err != nil {
			return
		}
		if l.Size != int64(len(b)) || l.Bad > l.Lines || l.Prefixes() > 0 && l.Given == 0 {
			t.Fatalf("books: %+v", l)
		}
		if !slices.IsSortedFunc(l.entries, func(a, b entry) int { return compareEntries(&a, &b) }) {
			t.Fatalf("not in order: %v", l.entries)
		}
		table := NewTable([]*List{l})
		for i := range l.entries {
			e := &l.entries[i]
			p := e.prefix()
			if p != p.Masked() || refused(p) != "" || int(e.line) > l.Lines {
				t.Fatalf("bad entry %v in line %d of %d", p, e.line, l.Lines)
			}
			if m := table.Matches(nil, table.Find(e.first, e.version)); !slices.ContainsFunc(m, func(m Match) bool { return m.Prefix == p }) {
				t.Fatalf("%v is not found: %v", p, m)
			}
			if table.Find(e.last(), e.version) == 0 {
				t.Fatalf("the last of %v is not found", p)
			}
		}
	})
}

// A line that is nothing but an address is read like one with a space behind it, which goes the long way.
func TestSingleAddresses(t *testing.T) {
	for _, text := range []string{"192.0.2.1", "1.2.3.4", "0.1.2.3", "127.0.0.1", "255.255.255.255", "224.0.0.1", "256.1.1.1", "1.2.3.256",
		"01.2.3.4", "1.2.3.04", "1.2.3", "1.2.3.", "1.2.3.4.5", ".1.2.3", "1..2.3", "1.2.3.4/32", "1.2.3.4:80", "1.2.3.1234", "a.b.c.d", "", "::1"} {
		var got [2]List
		for i, line := range []string{text, text + " "} {
			l, err := (Source{Name: "x", Format: Plain}).Read(strings.NewReader("# comment\n198.51.100.1\n" + line + "\n"))
			if err != nil {
				t.Fatal(err)
			}
			got[i] = *l
		}
		if diff := cmp.Diff(got[0].entries, got[1].entries, cmp.AllowUnexported(entry{})); diff != "" || got[0].Bad != got[1].Bad || got[0].Given != got[1].Given {
			t.Errorf("%q: %s, %d and %d bad, %d and %d given", text, diff, got[0].Bad, got[1].Bad, got[0].Given, got[1].Given)
		}
	}
}
