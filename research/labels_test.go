package research

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
)

// file writes a file of its own for a test.
func file(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "labels.tsv")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

const heading = "ts_first\tts_last\tsrc\tsport\tdst\tdport\tproto\tclass\n"

// Whoever asks for the end need not wait for a long file.
func TestLoadLabelsUntilDone(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	cancel(why)
	if l, err := LoadLabels(ctx, "../testdata/demo.labels.tsv"); l != nil || !errors.Is(err, why) {
		t.Errorf("got %v, %v, want nothing and the cause", l, err)
	}
}

func TestLoadLabels(t *testing.T) {
	// Columns in another order, others between them, a byte order mark, lines of Windows, an empty line, no end to the last one.
	one := file(t, "\ufeffclass\tjob\tproto\tdport\tdst\tsport\tsrc\tts_last\tts_first\r\n"+
		"pt\t1\tTCP\t443\t2001:db8::2\t40000\t2001:db8::1\t1795218554.464101\t1795218554.3\r\n\r\n"+
		"-\t2\ticmp\tnone\t192.0.2.1\tnone\t192.0.2.2\t-1.000000001\t-2")
	two := file(t, "ts_first\tts_last\tsrc\tsport\tdst\tdport\tproto\tworkload\n0\t0.5\t192.0.2.1\t1\t192.0.2.2\t2\t132\tweb\n")
	l, err := LoadLabels(t.Context(), one, two, filepath.Dir(one)+"/./labels.tsv")
	if err != nil {
		t.Fatal(err)
	}
	v6 := func(last byte) packet.Addr {
		return packet.AddrFrom16([]byte{0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last})
	}
	v4 := func(last byte) packet.Addr { return packet.AddrFrom4([]byte{192, 0, 2, last}) }
	want := []row{ // by address
		{key: key{v4(1), v4(2), 0, 0, 1, 4}, first: -2_000000000, last: -1_000000001, line: 4, label: 2, turned: true},
		{key: key{v4(1), v4(2), 1, 2, 132, 4}, first: 0, last: 500000000, file: 1, line: 2, label: 3},
		{key: key{v6(1), v6(2), 40000, 443, 6, 6}, first: 1795218554_300000000, last: 1795218554_464101000, line: 2, label: 1},
	}
	for i := range want {
		want[i].reach = want[i].last
	}
	if !reflect.DeepEqual(l.rows, want) {
		t.Errorf("got rows %+v\nwant %+v", l.rows, want)
	}
	labels := l.FlowLabels()
	if !reflect.DeepEqual(labels.Names, []string{"class", "workload"}) ||
		!reflect.DeepEqual(labels.Rows, [][]string{{"pt", ""}, {"", ""}, {"", "web"}}) {
		t.Errorf("got labels %q", labels)
	}
	if len(l.Files) != 2 || l.Files[0].Name != one || l.Files[0].Rows != 2 || l.Files[1].Rows != 1 || l.Rows() != 3 {
		t.Errorf("got files %+v", l.Files)
	}
}

// Each mistake is named by file and line, with what would be right.
func TestLoadLabelsRefuses(t *testing.T) {
	const row = "1\t2\t192.0.2.1\t1\t192.0.2.2\t2\ttcp\tpt\n"
	with := func(from, to string) string { return heading + row + strings.Replace(row, from, to, 1) }
	for _, test := range []struct{ name, text, want string }{
		{"empty", "", ":1: got no columns, want a first line that names them"},
		{"empty first line", "\n" + heading + row, ":1: got no columns, want a first line that names them"},
		{"compressed", "\x1f\x8b\x08\x00\x00\x00\x00\x00", ":1: got data that is no text, want a first line that names the columns (compressed"},
		{"a capture", "\xd4\xc3\xb2\xa1\x02\x00\x04\x00", ":1: got data that is no text"},
		{"prose", "Dear all,\n", ":1: got no column ts_first, want a first line that names the columns"},
		{"commas", strings.ReplaceAll(heading+row, "\t", ","), ":1: got no column ts_first, want a first line that names the columns, separated by tabs"},
		{"no dport", strings.Replace(heading, "dport", "port", 1) + row, ":1: got no column dport, want"},
		{"nothing to label", strings.Replace(heading, "class", "klass", 1) + row, ":1: got no column that is a label, want some of class, family"},
		{"twice", strings.Replace(heading, "class", "proto", 1) + row, `:1: got column "proto" twice, want each name once`},
		{"short line", heading + row + "1\t2\n", ":3: got 2 columns, want 8 as in the first line"},
		{"long line", heading + row + strings.Replace(row, "\n", "\tx\n", 1), ":3: got 9 columns, want 8 as in the first line"},
		{"endless line", heading + row + strings.Repeat("x", 1<<20), ":3: got a line of more than 65536 bytes, want one flow's values"},
		{"endless first line", strings.Repeat("x", 1<<20), ":1: got a line of more than 65536 bytes"},
		{"time", with("1\t", "noon\t"), `:3: ts_first: got "noon", want seconds since the epoch with at most nine decimals`},
		{"milliseconds", with("1\t", "1795218554342\t"), `:3: ts_first: got "1795218554342", want seconds`},
		{"exponent", with("2\t", "1e9\t"), `:3: ts_last: got "1e9", want seconds`},
		{"no time", with("2\t", "\t"), `:3: ts_last: got "", want seconds`},
		{"infinite", with("2\t", "Inf\t"), `:3: ts_last: got "Inf", want seconds`},
		{"backwards", with("1\t", "3\t"), ":3: ts_last: got 2, want ts_first (3) or later"},
		{"address", with("192.0.2.1", "192.0.2.256"), `:3: src: got "192.0.2.256", want an IPv4 or IPv6 address`},
		{"zone", with("192.0.2.1", "fe80::1%eth0"), `:3: src: got "fe80::1%eth0", want an IPv4 or IPv6 address`},
		{"name", with("192.0.2.2", "localhost"), `:3: dst: got "localhost", want an IPv4 or IPv6 address`},
		{"versions", with("192.0.2.2", "::1"), ":3: dst: got ::1, want an address of the same IP version as src (192.0.2.1)"},
		{"port", with("\t1\t", "\t65536\t"), `:3: sport: got "65536", want a port, 0 to 65535`},
		{"no port", with("\t2\ttcp", "\t-\ttcp"), `:3: dport: got "-", want a port, 0 to 65535`},
		{"protocol", with("tcp", "quic"), `:3: proto: got "quic", want tcp, udp, icmp, icmp6, sctp or an IP protocol number`},
		{"protocol number", with("tcp", "256"), `:3: proto: got "256", want tcp`},
		{"control character", with("pt", "p\x1bt"), `:3: class: got "p\x1bt", want text of at most 255 bytes without control characters`},
		{"control character of Latin 1", with("pt", "p\u009bt"), `:3: class: got "p\u009bt", want text of at most 255 bytes without control characters`},
		{"not UTF-8", with("pt", "p\xfft"), `:3: class: got "p\xfft", want text`},
		{"long value", with("pt", strings.Repeat("p", 256)), `:3: class: got "` + strings.Repeat("p", 40) + `"..., want text`},
	} {
		path := file(t, test.text)
		l, err := LoadLabels(t.Context(), path)
		if err == nil || l != nil {
			t.Errorf("%s: got no error", test.name)
			continue
		}
		if got := err.Error(); !strings.HasPrefix(got, "read labels: "+path+test.want) || strings.Contains(got, "\n") {
			t.Errorf("%s: got %s\nwant %s%s", test.name, got, path, test.want)
		}
	}
	for path, want := range map[string]string{
		"none.tsv":  "read labels: none.tsv: no such file or directory",
		t.TempDir(): "is a directory",
	} {
		if _, err := LoadLabels(t.Context(), path); err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// The limits hold over all files together.
func TestLoadLabelsLimits(t *testing.T) {
	const row = "1\t2\t192.0.2.1\t1\t192.0.2.2\t2\ttcp\tpt\n"
	l := &loader{labels: &Labels{}, limit: 3, has: map[string]bool{}, known: map[string]uint32{}}
	if err := l.read("a", strings.NewReader(heading+row+row)); err != nil {
		t.Fatal(err)
	}
	if err := l.read("b", strings.NewReader(heading+row)); err != nil {
		t.Fatal(err)
	}
	if err := l.read("c", strings.NewReader(heading+row)); err == nil || err.Error() != "c:2: got more than 3 rows in all, want at most so many" {
		t.Errorf("got %v", err)
	}
	var many bytes.Buffer
	many.WriteString(heading)
	for n := range MaxLabels + 1 {
		many.WriteString(strings.Replace(row, "pt", "pt"+string(rune('a'+n%26))+strings.Repeat("x", n/26%60)+strings.Repeat("y", n/26/60), 1))
	}
	if _, err := LoadLabels(t.Context(), file(t, many.String())); err == nil || !strings.Contains(err.Error(), ":65538: got more than 65536 different labels") {
		t.Errorf("got %v", err)
	}
}

func TestParseEpoch(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "-0": 0, "1": 1e9, "1.5": 15e8, "0.000000001": 1, "-0.000000001": -1, "1795218554.342198": 1795218554342198000,
		"1795218554.342198123": 1795218554342198123, "-72057594.037927936": flowtable.MinClock, "9079256848.778919935": flowtable.MaxClock, "007": 7e9,
	} {
		if got, ok := ParseEpoch(text); !ok || got != want {
			t.Errorf("%s: got %d, %v, want %d", text, got, ok, want)
		}
	}
	for _, text := range []string{
		"", "-", ".", ".5", "1.", "1.2.3", "+1", "--1", " 1", "1 ", "1e3", "0x1", "1_000", "1.0000000001", "NaN",
		"-72057594.037927937", "9079256848.778919936", "9999999999.999999999", "99999999999", "-9999999999.9", "1.-5",
	} {
		if got, ok := ParseEpoch(text); ok {
			t.Errorf("%q: got %d, want it refused", text, got)
		}
	}
}

// Whatever a file holds, it is refused in one line or makes rows that can be joined.
func FuzzLabels(f *testing.F) {
	f.Add([]byte(heading + "1\t2\t192.0.2.1\t1\t192.0.2.2\t2\ttcp\tpt\n"))
	f.Add([]byte("\ufeff" + heading + "-1.5\t2\t::1\t-\t::2\t\ticmp6\t-\r\n\r\n"))
	f.Add([]byte(heading + "1\t2\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		l := &loader{labels: &Labels{}, limit: 100, has: map[string]bool{}, known: map[string]uint32{}}
		if err := l.read("fuzz", bytes.NewReader(text)); err != nil {
			if len(err.Error()) > 400 || strings.Contains(err.Error(), "\n") {
				t.Errorf("got error %q, want one short line", err)
			}
			return
		}
		l.finish()
		j := NewJoiner(l.labels, nil, nil)
		for _, r := range l.labels.rows {
			record := []flowtable.Record{{
				Client: r.b, Server: r.a, ClientPort: r.portB, ServerPort: r.portA, Proto: r.proto, Version: r.version, Start: r.first, End: r.last,
			}}
			if j.Flows(record); record[0].Label == 0 {
				t.Errorf("row %+v: its own flow has no label", r)
			}
		}
		if got := j.Report().Rows; got.Never != 0 || got.Total != uint64(len(l.labels.rows)) {
			t.Errorf("got %+v, want all of %d rows matched", got, len(l.labels.rows))
		}
	})
}
