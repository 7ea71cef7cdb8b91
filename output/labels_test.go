package output

import "testing"

// What ends a line for some reader, or a terminal obeys, is escaped in JSON; CSV quotes what its readers would take for
// more than text, and leaves the bytes as they are.
func TestLabelText(t *testing.T) {
	for _, test := range []struct{ text, json, csv string }{
		{"obfs4", `"obfs4"`, `obfs4`},
		{`a "b"\`, `"a \"b\"\\"`, `"a ""b""\"`},
		{"a,b", `"a,b"`, `"a,b"`},
		{"a\nb\r", `"a\u000ab\u000d"`, "\"a\nb\r\""},
		{" a", `" a"`, `" a"`},
		{"\x00\x1b\x7f\u0085\u009b", `"\u0000\u001b\u007f\u0085\u009b"`, "\x00\x1b\x7f\u0085\u009b"},
		{"a\u2028b\u2029c", `"a\u2028b\u2029c"`, "a\u2028b\u2029c"},
		{"a\xffb", "\"a\ufffdb\"", "a\xffb"},
		{"日本語 😀", `"日本語 😀"`, `日本語 😀`},
	} {
		if got := string(appendJSONString(nil, test.text)); got != test.json {
			t.Errorf("%q in JSON: got %s, want %s", test.text, got, test.json)
		}
		if got := string(appendCSVField(nil, test.text)); got != test.csv {
			t.Errorf("%q in CSV: got %q, want %q", test.text, got, test.csv)
		}
	}
}
