package flowfile

import (
	"bytes"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/output"
)

// drain reads all that there is, and checks what holds for every input.
func drain(t *testing.T, r *Reader) (records []flowtable.Record) {
	var b Batch
	for {
		if err := r.Read(&b); err != nil {
			break
		}
		for _, f := range b.Flows {
			if rec := f.Record; rec.Start < flowtable.MinClock || rec.End > flowtable.MaxClock || rec.Version != 4 && rec.Version != 6 || f.Time != rec.Start {
				t.Fatalf("a record that cannot be: %+v", rec)
			}
			rec := *f.Record
			rec.Features = nil
			records = append(records, rec)
		}
	}
	if s := r.Stats(); s.Rows != s.Flows+s.Unreadable+s.NotIP || s.Flows != int64(len(records)) || len(s.Bad) > maxBad {
		t.Fatalf("the books do not balance: %+v", s)
	}
	return records
}

// fuzzText reads text at once and byte by byte, which must not differ.
func fuzzText(f *testing.F, seeds ...string) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if bytes.HasPrefix(data, []byte{0x1f, 0x8b}) || bytes.HasPrefix(data, []byte{0x28, 0xb5}) {
			return // the decompressors' own
		}
		var read [2][]flowtable.Record
		for i, from := range []io.Reader{bytes.NewReader(data), iotest.OneByteReader(bytes.NewReader(data))} {
			r, err := Open([]string{Stdin}, Options{Stdin: from, Columns: []string{"label_x"}})
			if err != nil {
				continue
			}
			read[i] = drain(t, r)
			r.Close()
		}
		if !slices.Equal(read[0], read[1]) {
			t.Fatalf("byte by byte it reads %d records, else %d", len(read[1]), len(read[0]))
		}
	})
}

func FuzzArgus(f *testing.F) {
	fuzzText(f, argusHeader+"2011/08/10 09:46:59.607825,1.026539,tcp,94.44.127.113,1577,   ->,147.32.84.59,6881,S_RA,0,0,4,276,156,2,x\n"+
		"1970/01/01 01:00:00.000000,0,icmp,10.0.0.1,0x0403,  <?>,10.0.0.2,0x61f3,URF,0,,1,70,70,1,\n")
}

func FuzzNetflow(f *testing.F) {
	fuzzText(f, netflowHeader+"2020-02-29T12:00:00+01:00,6,\"a\"\"b\",10.0.0.1,1000,10.0.0.2,80,10,20\n1.5e3,17,,::1,1,::2,2,3,4")
}

func FuzzVolumes(f *testing.F) {
	fuzzText(f, volumesHeader+"158297400025,10.0.0.1,10.0.0.2,tcp,443,1000,2000\n")
}

func FuzzZeek(f *testing.F) {
	fuzzText(f, zeekHead+"1.5\tC1\t10.0.0.1\t1000\t10.0.0.2\t80\ttcp\t0.25\t100\t200\tSF\tShADadfF\n",
		`{"ts":1.5,"id.orig_h":"10.0.0.1","id.orig_p":1000,"id.resp_h":"10.0.0.2","id.resp_p":80,"proto":"tcp","history":"S","duration":3}`+"\n")
}

func FuzzWeir(f *testing.F) {
	records := captured(f)[:3]
	fuzzText(f, string(written(f, records, output.NDJSON, flowtable.FeatureGroups())), string(written(f, records, output.CSV, flowtable.FeatureGroups())))
}

func FuzzParquet(f *testing.F) {
	f.Add(written(f, captured(f)[:3], output.Parquet, flowtable.FeatureGroups()))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := openParquet("x", bytes.NewReader(data), int64(len(data)), nil, layouts())
		if err != nil {
			return
		}
		r := row{columns: p.columns, cells: make([]cell, len(p.columns))}
		for range 1000 {
			if p.read(r.cells) != nil {
				return
			}
			p.layout.read(&r)
		}
	})
}

// FuzzObject holds the scanner against encoding/json: what that reads as an object of values, the scanner reads the same.
func FuzzObject(f *testing.F) {
	for _, s := range []string{`{"a":1,"b":"x\u00e9\"","c":null,"d":[1,[2]],"e":true}`, `{"b" : "" , "a" : -1.5e3 }`, `{}`, `{"a":{"b":"}"}}`} {
		f.Add(s)
	}
	names := []string{"a", "b", "c", "d", "e"}
	f.Fuzz(func(t *testing.T, line string) {
		if strings.ContainsAny(line, "\n") {
			return
		}
		cells := make([]cell, len(names))
		fault := newObject(names).fill([]byte(line), cells)
		var want map[string]json.RawMessage
		if json.Unmarshal([]byte(line), &want) != nil || want == nil {
			return // the scanner does not look closely at what nobody wants
		}
		if fault.want != "" {
			t.Fatalf("%q: %s", line, fault)
		}
		for i, name := range names {
			raw, there := want[name]
			switch c := cells[i]; {
			case !there:
				if c.kind != absent {
					t.Fatalf("%q: %s is not there, got %q", line, name, c.text)
				}
			case string(raw) == "null":
				if c.kind != null {
					t.Fatalf("%q: %s is null, got %q", line, name, c.text)
				}
			default:
				var s string
				if json.Unmarshal(raw, &s) != nil {
					s = string(raw)
				} else if !strings.Contains(string(raw), `\`) {
					s = string(raw[1 : len(raw)-1]) // as it is, also where it is not UTF-8
				}
				if string(c.text) != s {
					t.Fatalf("%q: %s: got %q, want %q", line, name, c.text, s)
				}
			}
		}
	})
}
