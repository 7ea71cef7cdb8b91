package geo_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-sensor/weir/report/geo"
)

// data returns a file of MaxMind's test data, or skips.
func data(t *testing.T, name string) string {
	t.Helper()
	shared := os.Getenv("WEIR_SHARED")
	if shared == "" {
		shared = "../../../shared"
	}
	path := filepath.Join(shared, "data", "maxmind", name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("MaxMind's test data is not here: %s", path)
	}
	return path
}

// What MaxMind's README and sources of the test databases say of these addresses.
func TestPlaces(t *testing.T) {
	d := geo.Open([]string{data(t, "test-data/GeoLite2-City-Test.mmdb"), data(t, "test-data/GeoLite2-ASN-Test.mmdb")})
	for text, want := range map[string]geo.Place{
		"81.2.69.142":        {Kind: geo.Known, Country: "GB", Name: "United Kingdom", City: "London"},
		"::ffff:81.2.69.142": {Kind: geo.Known, Country: "GB", Name: "United Kingdom", City: "London"},
		"89.160.20.112":      {Kind: geo.Known, Country: "SE", Name: "Sweden", City: "Linköping", ASN: 29518, Org: "Bredband2 AB"},
		"1.128.0.0":          {Kind: geo.Known, ASN: 1221, Org: "Telstra Pty Ltd"},
		"8.8.8.8":            {Kind: geo.Unknown},
		"10.1.2.3":           {Kind: geo.Private},
		"172.32.0.1":         {Kind: geo.Unknown},
		"100.127.255.255":    {Kind: geo.Private},
		"224.0.0.251":        {Kind: geo.Reserved},
		"255.255.255.255":    {Kind: geo.Reserved},
		"fe80::1":            {Kind: geo.Private},
		"2001:db8::1":        {Kind: geo.Reserved},
		"2001:218::1":        {Kind: geo.Known, Country: "JP", Name: "Japan"},
	} {
		for range 2 { // the second time from the cache
			if diff := cmp.Diff(d.Place(netip.MustParseAddr(text)), want); diff != "" {
				t.Errorf("%s: got -, want +\n%s", text, diff)
			}
		}
	}
	if p := d.Problems(); p != nil {
		t.Error(p)
	}
}

// Whatever is broken is named, and the others go on.
func TestBrokenFiles(t *testing.T) {
	good := data(t, "test-data/GeoLite2-Country-Test.mmdb")
	whole, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	broken := []string{filepath.Join(dir, "missing.mmdb"), dir}
	for name, text := range map[string]string{"empty.mmdb": "", "text.mmdb": "<html>not found</html>", "cut.mmdb": string(whole[:len(whole)/2]),
		"tail.mmdb": string(whole[len(whole)/2:])} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		broken = append(broken, path)
	}
	for _, path := range broken {
		d := geo.Open([]string{path, good})
		for _, a := range []string{"81.2.69.142", "2.125.160.216", "2001:218::1", "216.160.83.56"} {
			d.Place(netip.MustParseAddr(a))
		}
		if p := d.Problems(); len(p) != 1 || !strings.Contains(p[0], path) {
			t.Errorf("%s: got problems %q, want one that names it", path, p)
		}
		if got := d.Place(netip.MustParseAddr("81.2.69.142")); got.Country != "GB" {
			t.Errorf("%s: got %+v from the other file, want GB", path, got)
		}
		if d.Empty() {
			t.Error("empty, although one file can be used")
		}
	}
}

// Neither MaxMind's collection of bad files nor any byte changed in a good one takes the program down.
func TestHostileFiles(t *testing.T) {
	var paths []string
	for _, below := range []string{"bad-data", "test-data"} {
		err := filepath.WalkDir(data(t, below), func(path string, e os.DirEntry, err error) error {
			if err == nil && !e.IsDir() {
				paths = append(paths, path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	ask := func(path string) {
		d := geo.Open([]string{path})
		for _, a := range []string{"81.2.69.142", "1.1.1.1", "2001:218::1", "2002:5102:458e::", "216.160.83.56", "9.9.9.9"} {
			d.Place(netip.MustParseAddr(a))
		}
	}
	for _, path := range paths {
		ask(path)
	}
	whole, err := os.ReadFile(data(t, "test-data/GeoLite2-ASN-Test.mmdb"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "changed.mmdb")
	for at := 0; at < len(whole); at += 37 {
		changed := append([]byte(nil), whole...)
		changed[at] ^= 0xff
		if err := os.WriteFile(path, changed, 0o600); err != nil {
			t.Fatal(err)
		}
		ask(path)
	}
}

func TestAgain(t *testing.T) {
	country, err := os.ReadFile(data(t, "test-data/GeoLite2-Country-Test.mmdb"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "country.mmdb")
	d, at := geo.Open([]string{path}), netip.MustParseAddr("81.2.69.142")
	if got := d.Place(at); got.Kind != geo.Unknown || len(d.Problems()) != 1 || !d.Empty() {
		t.Errorf("without the file: got %+v, problems %q", got, d.Problems())
	}
	for _, step := range []struct {
		content  []byte
		problems int
	}{{country, 0}, {[]byte("nothing"), 1}, {country, 0}} {
		if err := os.WriteFile(path, step.content, 0o600); err != nil {
			t.Fatal(err)
		}
		d = d.Again()
		if got := d.Place(at); got.Country != "GB" || len(d.Problems()) != step.problems {
			t.Errorf("got %+v, problems %q, want GB and %d problems", got, d.Problems(), step.problems)
		}
	}
}
