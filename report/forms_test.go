package report

import (
	"bytes"
	"encoding/csv"
	"errors"
	"flag"
	"fmt"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", "hostile", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got, -update rewrites it):\n%s", path, diff)
	}
}

// written returns what a form writes, which must be the same a second time.
func written(t *testing.T, write func(io.Writer) error) []byte {
	t.Helper()
	var first, second bytes.Buffer
	for _, b := range []*bytes.Buffer{&first, &second} {
		if err := write(b); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("the same report gave different bytes")
	}
	return first.Bytes()
}

func TestHostileStrings(t *testing.T) {
	r := hostile()
	zone := time.FixedZone("CEST", 2*3600)
	page := written(t, func(w io.Writer) error { return style{zone: zone, beside: true}.html(w, r) })
	markdown := written(t, func(w io.Writer) error { return style{zone: zone, beside: true}.markdown(w, r) })
	terminal := written(t, func(w io.Writer) error { return Terminal(w, r, zone) })
	table := written(t, func(w io.Writer) error { return CSV(w, &r.Sections[0].Tables[0], zone) })
	for name, text := range map[string][]byte{"page.html": page, "report.md": markdown, "terminal.txt": terminal, "table.csv": table} {
		for _, c := range string(text) {
			if c != '\n' && (unicode.IsControl(c) || unicode.Is(unicode.Cf, c)) {
				t.Errorf("%s has the control character %U", name, c)
			}
		}
	}
	// The style and the script are files of their own.
	bare := strings.NewReplacer(pageStyle, "STYLE", pageScript, "SCRIPT", digest(pageStyle), "STYLE-DIGEST", digest(pageScript), "SCRIPT-DIGEST")
	escaped := strings.NewReplacer("&#43;", "+").Replace(string(page))
	golden(t, "page.html", []byte(bare.Replace(escaped)))
	golden(t, "report.md", markdown)
	golden(t, "terminal.txt", terminal)
	golden(t, "table.csv", table)
}

// Another parser finds in the page what was meant to be there and nothing of what traffic would like to be there.
func TestPageHoldsNothingOfTraffic(t *testing.T) {
	page := written(t, func(w io.Writer) error { return style{zone: nil, beside: true}.html(w, hostile()) })
	root, err := html.Parse(bytes.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	elements, ids := map[string]int{}, map[string]int{}
	var links []string
	for n := range root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		elements[n.Data]++
		for _, a := range n.Attr {
			switch {
			case strings.HasPrefix(a.Key, "on") || a.Key == "style" || a.Key == "src":
				t.Errorf("<%s> has the attribute %s=%q", n.Data, a.Key, a.Val)
			case a.Key == "id":
				ids[a.Val]++
			case a.Key == "href" && n.Data == "a":
				links = append(links, a.Val)
			}
		}
	}
	for name, n := range elements {
		if !slices.Contains([]string{"html", "head", "meta", "title", "link", "style", "body", "a", "header", "h1", "h2", "h3", "p", "nav", "ol", "ul",
			"li", "span", "main", "section", "div", "figure", "figcaption", "svg", "g", "path", "rect", "text", "table", "thead", "tbody", "tr", "th", "td",
			"script"}, name) {
			t.Errorf("%d elements <%s>", n, name)
		}
	}
	if elements["script"] != 1 || elements["style"] != 1 {
		t.Errorf("%d scripts and %d styles, want one each", elements["script"], elements["style"])
	}
	for id, n := range ids {
		if n != 1 {
			t.Errorf("id %q is there %d times", id, n)
		}
	}
	want := []string{"#content", "#first", "#second", "#row", "table.csv"}
	if !slices.Equal(links, want) {
		t.Errorf("links: got %q, want %q", links, want)
	}
}

func TestCSVIsReadBack(t *testing.T) {
	table := hostile().Sections[0].Tables[0]
	rows, err := csv.NewReader(bytes.NewReader(written(t, func(w io.Writer) error { return CSV(w, &table, nil) }))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 7 {
		t.Fatalf("%d rows, want the head and 6", len(rows))
	}
	if diff := cmp.Diff([]string{"'=1+1", "-1", "-1234.5", "999", "2017-07-06T12:20:00.250000Z", "0.000000999", "1"}, rows[3]); diff != "" {
		t.Errorf("row (-want +got):\n%s", diff)
	}
}

func TestPNG(t *testing.T) {
	for _, s := range sample().Sections {
		for _, p := range s.Plots {
			drawn := true
			picture := written(t, func(w io.Writer) (err error) { drawn, err = PNG(w, &p, nil); return err })
			if p.ID == "nothing" {
				if drawn || len(picture) > 0 {
					t.Error("a picture of nothing")
				}
				continue
			}
			img, err := png.Decode(bytes.NewReader(picture))
			if err != nil || !drawn {
				t.Fatalf("%s: drawn %t, %v", p.ID, drawn, err)
			}
			if size := img.Bounds(); size.Dx() != 960 || size.Dy() < 200 {
				t.Errorf("%s: %v", p.ID, size)
			}
		}
	}
}

func TestPageIsCutBelow3MiB(t *testing.T) {
	table := Table{ID: "t", Title: "many", Columns: []Column{{"a", Text, ""}, {"b", Text, ""}}}
	for i := range 100000 {
		table.All = append(table.All, []Cell{{Text: strings.Repeat("<>&", 50)}, {Text: "row", Number: float64(i)}})
	}
	table.Rows, table.Total = table.All[:5000], len(table.All)
	r := &Report{Title: "big", Sections: []Section{{ID: "s"}}}
	for i := range 8 {
		table.ID = "t" + string(rune('0'+i))
		r.Sections[0].Tables = append(r.Sections[0].Tables, table)
	}
	page := written(t, func(w io.Writer) error { return style{zone: nil, beside: true}.html(w, r) })
	if len(page) > 3<<20 || len(page) < 1<<20 {
		t.Errorf("%d bytes", len(page))
	}
	rows := bytes.Count(page, []byte("<tr>")) - len(r.Sections[0].Tables)
	said := fmt.Sprintf("These are the first %d of 100,000 rows; all are in", rows/len(r.Sections[0].Tables))
	if !bytes.Contains(page, []byte(said)) {
		t.Errorf("the page does not say %q", said)
	}
}

// Where nothing lies beside it, nothing is said to.
func TestAlone(t *testing.T) {
	r := hostile()
	for _, form := range []func(io.Writer, *Report, *time.Location) error{HTML, Markdown} {
		text := written(t, func(w io.Writer) error { return form(w, r, nil) })
		if bytes.Contains(text, []byte("table.csv")) || bytes.Contains(text, []byte(".png")) {
			t.Errorf("a file that is not there: %s", text)
		}
		if !bytes.Contains(text, []byte("These are the first 5 of 6 rows")) {
			t.Error("it does not say that a table was cut")
		}
	}
}

func BenchmarkHTML(b *testing.B) {
	r := sample()
	for b.Loop() {
		if err := HTML(io.Discard, r, nil); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPNG(b *testing.B) {
	p := trafficSection().Plots[0]
	for b.Loop() {
		if _, err := PNG(io.Discard, &p, nil); err != nil {
			b.Fatal(err)
		}
	}
}

func TestWriteFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	if err := WriteFolder(dir, hostile(), nil); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	want := []string{"bars.png", "empty.csv", "lines.png", "points.png", "report.html", "report.md", "steps.png", "table.csv"}
	if !slices.Equal(names, want) {
		t.Errorf("got %q, want %q", names, want)
	}
	file := filepath.Join(dir, "report.md")
	if err := WriteFolder(file, hostile(), nil); err == nil {
		t.Error("no error for a folder that cannot be made")
	}
}

func TestRefusals(t *testing.T) {
	for name, r := range map[string]*Report{
		"a path":      {Sections: []Section{{ID: "s", Tables: []Table{{ID: "../x"}}}}},
		"no ID":       {Sections: []Section{{}}},
		"twice":       {Sections: []Section{{ID: "s", Plots: []Plot{{ID: "p"}}}, {ID: "t", Plots: []Plot{{ID: "p"}}}}},
		"short a row": {Sections: []Section{{ID: "s", Tables: []Table{{ID: "t", Columns: []Column{{}}, Rows: [][]Cell{{}}}}}}},
	} {
		dir := t.TempDir()
		for form, err := range map[string]error{"HTML": HTML(io.Discard, r, nil), "Markdown": Markdown(io.Discard, r, nil),
			"terminal": Terminal(io.Discard, r, nil), "folder": WriteFolder(dir, r, nil)} {
			if err == nil {
				t.Errorf("%s: %s showed it", name, form)
			}
		}
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("full") }

func TestWriteErrors(t *testing.T) {
	r := hostile()
	if HTML(full{}, r, nil) == nil || Markdown(full{}, r, nil) == nil || Terminal(full{}, r, nil) == nil ||
		CSV(full{}, &r.Sections[0].Tables[0], nil) == nil {
		t.Error("an error of the writer is lost")
	}
	if _, err := PNG(full{}, &r.Sections[0].Plots[0], nil); err == nil {
		t.Error("PNG: an error of the writer is lost")
	}
}

func TestShow(t *testing.T) {
	for _, test := range []struct {
		kind Kind
		v    float64
		want string
	}{
		{Integer, 0, "0"}, {Integer, 999, "999"}, {Integer, -1234567, "-1,234,567"}, {Integer, 1e15, "1,000,000,000,000,000"},
		{Number, 0.25, "0.2500"}, {Number, 12.345, "12.35"}, {Number, 123.45, "123.5"}, {Number, 12345.6, "12,346"},
		{Number, 0.0001, "1.00e-04"}, {Number, -0.00001, "-1.00e-05"}, {Number, 1e15, "1.00e+15"},
		{Bytes, 999, "999 B"}, {Bytes, 999.6, "1.00 kB"}, {Bytes, 12345, "12.3 kB"}, {Bytes, 999499, "999 kB"}, {Bytes, 999500, "1.00 MB"},
		{Bytes, 1.5e18, "1.50 EB"}, {Bytes, 1e25, "10000000 EB"},
		{Duration, 12, "12 ns"}, {Duration, 1500, "1.5 µs"}, {Duration, 2.5e6, "2.5 ms"}, {Duration, 59.99e9, "59.99 s"},
		{Duration, 3723e9, "1h2m3s"}, {Duration, 1e20, "1e+11 s"},
		{Share, 0, "0.0%"}, {Share, 0.0001, "<0.1%"}, {Share, 1, "100.0%"}, {Share, 0.1234, "12.3%"},
		{Time, 0, "1970-01-01 02:00:00+02:00"}, {Time, math.NaN(), "–"}, {Integer, math.Inf(1), "∞"}, {Bytes, math.Inf(-1), "−∞"},
	} {
		if got := (style{zone: time.FixedZone("", 7200)}).show(test.kind, Cell{Number: test.v}); got != test.want {
			t.Errorf("kind %d, %g: got %q, want %q", test.kind, test.v, got, test.want)
		}
	}
}
