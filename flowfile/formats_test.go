package flowfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/parquet-go/parquet-go"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/output"
)

const (
	argusHeader   = "StartTime,Dur,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,State,sTos,dTos,TotPkts,TotBytes,SrcBytes,SrcPkts,Label\n"
	netflowHeader = "ts,ip_protocol,state,src_ip,src_port,dst_ip,dst_port,src_tx,dst_tx\n"
	zeekHead      = "#separator \\x09\n#path\tconn\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tduration\torig_bytes\tresp_bytes\tconn_state\thistory\n"
	volumesHeader = "timestamp,src_ip,dst_ip,proto,port,up_bytes,down_bytes\n"
)

// stdin reads flows from text, as from standard input.
func stdin(t testing.TB, text string) ([]flowtable.Record, []detect.Missing, Stats) {
	t.Helper()
	r, err := Open([]string{Stdin}, Options{Stdin: strings.NewReader(text)})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var records []flowtable.Record
	var missing []detect.Missing
	for b := (Batch{}); ; {
		if err := r.Read(&b); err == io.EOF {
			return records, missing, r.Stats()
		} else if err != nil {
			t.Fatal(err)
		}
		for _, f := range b.Flows {
			records, missing = append(records, *f.Record), append(missing, f.Missing)
		}
	}
}

// short is what of a record the tests below look at.
func short(r flowtable.Record, m detect.Missing) string {
	return fmt.Sprintf("%d+%d %d %s:%d %s:%d packets %v bytes %v payload %v flags %x %s %s %s by %s missing %06b", r.Start, r.End-r.Start, r.Proto,
		r.Client.Netip(r.Version), r.ClientPort, r.Server.Netip(r.Version), r.ServerPort, r.Packets, r.Bytes, r.Payload,
		r.TCPFlags, r.ConnState, r.State, string(r.History.Append(nil)), r.ClientBy, m)
}

// The values are worked out by hand from the rows.
func TestForeignRows(t *testing.T) {
	for _, c := range []struct{ name, header, row, want string }{
		{"argus tcp", argusHeader, "2011/08/10 09:46:59.607825,1.026539,tcp,94.44.127.113,1577,   ->,147.32.84.59,6881,S_RA,0,0,4,276,156,2,x",
			"1312969619607825000+1026539000 6 94.44.127.113:1577 147.32.84.59:6881 packets [2 2] bytes [156 120] payload [0 0] flags 0214 REJ reset  by syn missing 001010"},
		{"argus udp", argusHeader, "1970/01/01 01:00:00.000000,0.5,udp,10.0.0.1,5353,  <->,10.0.0.2,53,CON,0,0,2,142,63,1,",
			"3600000000000+500000000 17 10.0.0.1:5353 10.0.0.2:53 packets [1 1] bytes [63 79] payload [0 0] flags 0000 SF established  by first missing 001110"},
		{"argus hex", argusHeader, "1970/01/01 01:00:00.000000,0,icmp,10.0.0.1,0x0403,   ->,10.0.0.2,0x61f3,URF,0,,1,70,70,1,",
			"3600000000000+0 1 10.0.0.1:3 10.0.0.2:4 packets [1 0] bytes [70 0] payload [0 0] flags 0000 OTH new  by first missing 001110"},
		{"argus turned round", argusHeader, "1970/01/01 01:00:00,9,tcp,10.0.0.1,443,  <?>,10.0.0.2,35874,FPA_PA,0,0,49,8791,7321,28,",
			"3600000000000+9000000000 6 10.0.0.2:35874 10.0.0.1:443 packets [21 28] bytes [1470 7321] payload [0 0] flags 1819 S3 closing  by port missing 001010"},
		{"argus tabs, no SrcPkts", strings.ReplaceAll(strings.Replace(argusHeader, "SrcPkts,", "", 1), ",", "\t"),
			"1970/01/01 01:00:00\t9\ttcp\t10.0.0.1\t4444\t   ->\t10.0.0.2\t80\tFSPA_FSPA\t0\t0\t49\t8791\t7321\t",
			"3600000000000+9000000000 6 10.0.0.1:4444 10.0.0.2:80 packets [0 0] bytes [7321 1470] payload [0 0] flags 1b1b SF closed  by syn missing 001011"},
		{"netflow", netflowHeader, "2020-02-29T12:00:00+01:00,6,,10.0.0.1,1000,10.0.0.2,80,10,20",
			"1582974000000000000+0 6 10.0.0.1:1000 10.0.0.2:80 packets [0 0] bytes [10 20] payload [0 0] flags 0000 OTH new  by first missing 111111"},
		{"netflow seconds", netflowHeader, "1582974000.25,udp,x,::1,1000,fe80::2,53,10,0",
			"1582974000250000000+0 17 ::1:1000 fe80::2:53 packets [0 0] bytes [10 0] payload [0 0] flags 0000 S0 new  by first missing 101111"},
		{"zeek", zeekHead, "1.5\tC1\t10.0.0.1\t1000\t10.0.0.2\t80\ttcp\t0.25\t100\t200\tSF\tShADadfF",
			"1500000000+250000000 6 10.0.0.1:1000 10.0.0.2:80 packets [0 0] bytes [100 200] payload [100 200] flags 0000 SF closed ShADadfF by syn missing 000101"},
		{"zeek, the header in another order", "#fields\tts,id.orig_h,id.orig_p,id.resp_h,id.resp_p,proto,conn_state\n#close\tx\n#separator ,\n#unset_field,?\n",
			"1.5,10.0.0.1,8,10.0.0.2,0,icmp,?",
			"1500000000+0 1 10.0.0.1:8 10.0.0.2:0 packets [0 0] bytes [0 0] payload [0 0] flags 0000 OTH new  by first missing 101111"},
		{"zeek json", "", `{"ts":1.5,"id.orig_h":"10.0.0.1","id.orig_p":1000,"id.resp_h":"10.0.0.2","id.resp_p":80,"proto":"tcp","conn_state":"S0","orig_pkts":1,"orig_ip_bytes":40,"resp_pkts":0,"resp_ip_bytes":0,"orig_bytes":0,"history":"S","duration":3}`,
			"1500000000+3000000000 6 10.0.0.1:1000 10.0.0.2:80 packets [1 0] bytes [40 0] payload [0 0] flags 0000 S0 connecting S by syn missing 000100"},
		{"volumes", volumesHeader, "158297400025,10.0.0.1,10.0.0.2,tcp,443,1000,2000",
			"1582974000250000000+0 6 10.0.0.1:0 10.0.0.2:443 packets [0 0] bytes [1000 2000] payload [0 0] flags 0000 OTH new  by first missing 1111111"},
	} {
		records, missing, stats := stdin(t, c.header+c.row+"\n")
		if len(records) != 1 {
			t.Errorf("%s: got no record: %v", c.name, stats.Bad)
		} else if got := short(records[0], missing[0]); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

// A table of volumes in Parquet is read as in CSV.
func TestVolumesInParquet(t *testing.T) {
	type volume struct {
		Timestamp int64  `parquet:"timestamp"`
		SrcIP     string `parquet:"src_ip"`
		DstIP     string `parquet:"dst_ip"`
		Proto     int32  `parquet:"proto"`
		Port      int32  `parquet:"port"`
		Up        int64  `parquet:"up_bytes"`
		Down      *int64 `parquet:"down_bytes,optional"`
	}
	down := int64(2000)
	path := filepath.Join(t.TempDir(), "volumes")
	if err := parquet.WriteFile(path, []volume{{158297400025, "10.0.0.1", "10.0.0.2", 6, 443, 1000, &down}, {Down: nil}}); err != nil {
		t.Fatal(err)
	}
	got, _, stats := all(t, Options{}, path)
	want, _, _ := stdin(t, volumesHeader+"158297400025,10.0.0.1,10.0.0.2,tcp,443,1000,2000\n")
	if len(got) != 1 || got[0] != want[0] {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if stats.Unreadable != 1 || stats.Bad[0].Line != 2 {
		t.Errorf("the second row: got %+v, want it unreadable", stats)
	}
}

// The states that Argus's flags stand for, as Zeek's conn/main.zeek would have them.
func TestStatesOfFlags(t *testing.T) {
	for state, want := range map[string]string{
		"S_": "S0 connecting", "S_RA": "REJ reset", "S_R": "REJ reset", "SR_SA": "RSTO reset", "SR_": "RSTOS0 reset", "SF_": "SH closing",
		"S_SA": "OTH connecting", "SA_SA": "S1 established", "SPA_SPA": "S1 established", "FSPA_FSPA": "SF closed", "FSPA_FSRPA": "SF closed",
		"FSPA_SPA": "S2 closing", "SPA_FSPA": "S3 closing", "SRPA_FSPA": "RSTO reset", "FSPA_SRPA": "RSTR reset", "SPA_RA": "RSTR reset",
		"PA_PA": "OTH new", "A_R": "RSTRH reset", "_FPA": "SHR closing", "_": "OTH new",
	} {
		r, _, stats := stdin(t, argusHeader+"1970/01/01 01:00:00,0,tcp,10.0.0.1,4000,->,10.0.0.2,80,"+state+",0,0,2,80,40,1,\n")
		if len(r) != 1 {
			t.Fatalf("%s: %+v", state, stats)
		}
		if got := r[0].ConnState.String() + " " + r[0].State.String(); got != want {
			t.Errorf("%s: got %s, want %s", state, got, want)
		}
	}
}

// What Argus (argus -S 5, ra) says in words of packets sent over Ethernet without options; flags are what ra -Z b says of them.
// That the server took part is said only where no refusal looks the same.
func TestStatesInWords(t *testing.T) {
	for _, c := range []struct {
		what, state, flags, counts string // TotPkts,TotBytes,SrcBytes
		answered, failed           bool
	}{
		{"SYN, refused", "RST", "S_RA", "2,108,54", false, false},
		{"three SYN, each refused", "RST", "S_RA", "6,324,162", false, false},
		{"SYN-ACK to one who did not ask", "RST", "SA_R", "2,108,54", false, false},
		{"an open connection's data, reset", "RST", "PA_RA", "2,208,154", false, false},
		{"opened, 2,800 bytes back, reset", "RST", "SPA_SRPA", "9,3386,316", true, false},
		{"RST alone", "RST", "R_", "1,54,54", false, true},
		{"SYN alone", "REQ", "S_", "1,54,54", false, true},
		{"SYN, SYN-ACK", "ACC", "S_SA", "2,108,54", false, false},
		{"FIN alone", "FIN", "F_", "1,54,54", false, false},
		{"Xmas alone", "CON", "FP_", "1,54,54", false, false},
		{"no flags alone", "CON", "_", "1,54,54", false, false},
		{"data one way", "CON", "SPA_", "3,212,212", false, false},
		{"data from the server alone", "CON", "_PA", "1,154,0", false, false},
		{"opened and closed", "FIN", "FSPA_FSPA", "9,686,444", true, false},
		{"opened, not closed", "CON", "SPA_SA", "5,370,262", true, false},
		{"SYN-ACK, ACK", "CLO", "A_SA", "2,108,54", true, false},
	} {
		header := "StartTime,Dur,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,State,TotPkts,TotBytes,SrcBytes\n"
		records, missing, stats := stdin(t, header+"1970/01/01 01:00:00,0,tcp,10.0.0.1,4000,->,10.0.0.2,80,"+c.state+","+c.counts+"\n")
		if len(records) != 1 {
			t.Fatalf("%s: %+v", c.what, stats)
		}
		f := detect.Flow{Record: &records[0], Missing: missing[0]}
		if f.Answered() != c.answered || f.Failed() != c.failed {
			t.Errorf("%s (%s, %s): got answered %v, failed %v, want %v, %v", c.what, c.state, c.flags, f.Answered(), f.Failed(), c.answered, c.failed)
		}
	}
}

// Rows that cannot be read are named, counted, and do not stop the others.
func TestUnreadableRows(t *testing.T) {
	good := "1.5,tcp,,10.0.0.1,1000,10.0.0.2,80,10,20\n"
	for row, why := range map[string]string{
		"1.5,tcp,,10.0.0.256,1000,10.0.0.2,80,10,20": `src_ip: got "10.0.0.256", want an IP address`,
		"1.5,tcp,,::1,1000,10.0.0.2,80,10,20":        `dst_ip: got "10.0.0.2", want an address of the same IP version as the other side's`,
		"1.5,tcp,,10.0.0.1,65536,10.0.0.2,80,10,20":  `src_port: got "65536", want a whole number from 0 to 65535`,
		"1.5,tcp,,10.0.0.1,1,10.0.0.2,80,-1,20":      `src_tx: got "-1", want a whole number from 0 to 18446744073709551615`,
		"1.5,tcq,,10.0.0.1,1,10.0.0.2,80,1,20":       `ip_protocol: got "tcq", want a protocol's name or number`,
		"2020-02-30 00:00:00,6,,10.0.0.1,1,10.0.0.2,80,1,20": `ts: got "2020-02-30 00:00:00", want a time such as 2026-11-21T11:30:00.5Z, ` +
			`2026/11/21 11:30:00.5 or seconds since 1970`,
		"9000000000000,6,,10.0.0.1,1,10.0.0.2,80,1,20":          `ts: got "9000000000000", want a time such as 2026-11-21T11:30:00.5Z, 2026/11/21 11:30:00.5 or seconds since 1970`,
		"1.5,tcp,,10.0.0.1,1000,10.0.0.2,80,10":                 "the row has fewer fields than the header",
		"1.5,tcp,,10.0.0.1,1000,10.0.0.2,80,10,1,1":             "the row has more fields than the header",
		"1.5,tcp,,,1000,10.0.0.2,80,10,1":                       "no value for src_ip",
		`1.5,tcp,"x,10.0.0.1,1000,10.0.0.2,80,10,1`:             "a quotation mark is not closed",
		strings.Repeat("x", maxLine+1):                          "a line of more than 1 MiB",
		"1.5,tcp," + strings.Repeat("x", maxLine) + ",,,,,,,,,": "a line of more than 1 MiB",
	} {
		records, _, s := stdin(t, netflowHeader+good+row+"\n"+good)
		if len(records) != 2 || s.Rows != 3 || s.Unreadable != 1 || s.Flows != 2 {
			t.Fatalf("%.60s: got %d records, %+v", row, len(records), s)
		}
		if got, want := s.Bad[0].String(), "-:3: "+why; got != want {
			t.Errorf("%.60s:\n got %s\nwant %s", row, got, want)
		}
	}
}

// Protocols without IP addresses are passed over and counted.
func TestNotIP(t *testing.T) {
	records, _, s := stdin(t, argusHeader+
		"2018/05/10 10:52:47.283479,0.045010,man,0,0,,0,0,STA,,,0,0,0,0,\n"+
		"1970/01/01 01:00:00.000000,0.000000,llc,00:00:00:00:00:00,0,->,00:00:00:00:00:00,0,INT,,,1,60,60,1,x\n"+
		"1970/01/01 01:00:08.156845,3554.205811,arp,10.0.2.15,,who,10.0.2.2,,CON,,,22,924,462,11,x\n")
	if len(records) != 0 || s.NotIP != 3 || s.Unreadable != 0 {
		t.Errorf("got %d records and %+v, want 3 rows passed over", len(records), s)
	}
}

// What is no file of flow records is said before anything is read.
func TestNotFlows(t *testing.T) {
	flows := string(written(t, captured(t)[:1], output.NDJSON, nil))
	for content, want := range map[string]string{
		"":                                   "an empty file",
		"\n\n":                               "an empty file",
		"hello\n":                            "CSV with other columns",
		"\xd4\xc3\xb2\xa1\x02\x00\x04\x00xx": "a capture, which weir replay reads",
		"\x00\x01\x02\x03":                   "binary data",
		"PAR1":                               "Parquet that is compressed as a whole",
		"\x1f\x8bxx":                         "broken gzip data",
		"{\"a\":1}\n":                        "JSON with other columns",
		flows[:100]:                          "a line that begins as JSON and is none",
		strings.Replace(netflowHeader, "src_tx", "x", 1):       "CSV of the format netflow without src_tx",
		"#path\tdns\n#fields\tts\tuid\n1\t2\n":                 "a log of Zeek's, dns, not conn",
		strings.Replace(zeekHead, "id.resp_p", "x", 1) + "1\n": "a log of Zeek's without id.resp_p",
	} {
		_, err := Open([]string{Stdin}, Options{Stdin: strings.NewReader(content)})
		var not *NotFlowsError
		if !errors.As(err, &not) || !strings.Contains(not.Found, want) {
			t.Errorf("%.40q: got %v, want an error with %q", content, err, want)
		}
	}
	if _, err := Open([]string{t.TempDir()}, Options{}); !errors.As(err, new(*NotFlowsError)) {
		t.Errorf("an empty directory: got %v", err)
	}
	if _, err := Open([]string{"/does/not/exist"}, Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: got %v", err)
	}
}

// A run without flows leaves an NDJSON file of no bytes, which is known by its name; other files are read all the same.
func TestEmptyNDJSON(t *testing.T) {
	dir := t.TempDir()
	records := captured(t)[:5]
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	var paths []string
	for i, content := range [][]byte{nil, written(t, records, output.NDJSON, nil), []byte("\n"), packed.Bytes()} {
		name := filepath.Join(dir, fmt.Sprintf("%d.ndjson", i))
		if i == 3 {
			name += ".gz"
		}
		if err := os.WriteFile(name, content, 0o644); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, name)
	}
	r, err := Open(paths, Options{Hash: true})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for b := (Batch{}); err == nil; {
		err = r.Read(&b)
	}
	s := r.Stats()
	var rows []int64
	for _, f := range s.Files {
		rows = append(rows, f.Rows)
		if f.Format != "weir ndjson" || f.Cut != "" || f.XXH3 == "" {
			t.Errorf("got %+v", f)
		}
	}
	if err != io.EOF || !slices.Equal(rows, []int64{0, 5, 0, 0}) || s.Flows != 5 {
		t.Errorf("got %v, %v rows of the files, %+v", err, rows, s)
	}
}

// A file that is cut gives all rows in front of the cut, and says so.
func TestCut(t *testing.T) {
	records := slices.Repeat(captured(t)[:100], 20)
	for _, format := range []output.Format{output.NDJSON, output.CSV} {
		content := written(t, records, format, nil)
		half := len(content)/2 + 100 // in the middle of a row
		whole := strings.Count(string(content[:half]), "\n")
		if format == output.CSV {
			whole-- // the header
		}
		for _, how := range []string{"", ".gz", ".zst"} {
			b := compressed(t, content[:half], how)
			if how != "" { // cut in the compressed data, too
				b = b[:len(b)-6]
			}
			got, _, s := all(t, Options{}, tempFile(t, "flows", b))
			if s.Files[0].Cut == "" || s.Unreadable != 0 || how == "" && len(got) != whole || len(got) > whole {
				t.Errorf("%s%s: got %d of %d rows, %+v", format, how, len(got), whole, s)
			}
		}
	}
	parquet := written(t, records, output.Parquet, nil)
	if _, err := Open([]string{tempFile(t, "flows", parquet[:len(parquet)/2])}, Options{}); !errors.As(err, new(*NotFlowsError)) {
		t.Errorf("half a Parquet file: got %v", err)
	}
	copy(parquet[len(parquet)-8:], "\xff\xff\xff\xff") // the footer's length
	if _, err := Open([]string{tempFile(t, "flows", parquet)}, Options{}); !errors.As(err, new(*NotFlowsError)) {
		t.Errorf("a footer of 4 GiB: got %v", err)
	}
	if hasFooter(bytes.NewReader(parquet), int64(len(parquet))) {
		t.Error("a footer of 4 GiB fits the file")
	}
}

// A directory gives its rotated files in the order of their names, and nothing else in it.
func TestDirectory(t *testing.T) {
	records := captured(t)[:30]
	dir := t.TempDir()
	for name, content := range map[string][]byte{
		"flows-20261121T113000Z.ndjson":          written(t, records[10:20], output.NDJSON, nil),
		"flows-20261121T113000Z_0001.csv.gz":     compressed(t, written(t, records[20:], output.CSV, nil), ".gz"),
		"flows-20261121T112000Z.parquet":         written(t, records[:10], output.Parquet, nil),
		"alerts-20261121T112000Z.ndjson":         []byte("{}\n"),
		".flows-20261121T114000Z.ndjson.partial": []byte("{"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, _, s := all(t, Options{Hash: true}, dir)
	if len(got) != 30 || len(s.Files) != 3 {
		t.Fatalf("got %d records of %+v", len(got), s.Files)
	}
	for i := range got {
		if got[i].ID != records[i].ID || got[i].Ordinal != uint64(i+1) {
			t.Errorf("record %d: got %x, place %d", i, got[i].ID, got[i].Ordinal)
		}
	}
	for _, f := range s.Files {
		if len(f.XXH3) != 32 {
			t.Errorf("%s: no hash", f.Name)
		}
	}
}
