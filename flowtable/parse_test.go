package flowtable

import (
	"strings"
	"testing"
)

// Every history that letters can make comes back as it was written, and ParseHistory reads nothing else.
func TestHistoryIsReadBack(t *testing.T) {
	const letters = "SsHhAaDdFfRrCcGgTtWwIiQq^"
	for _, text := range []string{"", "^", "ShADadFfR", letters, letters + letters[:11]} {
		h, ok := ParseHistory([]byte(text))
		if got := string(h.Append(nil)); !ok || got != text {
			t.Errorf("ParseHistory(%q): got %q, %t", text, got, ok)
		}
	}
	h, ok := ParseHistory([]byte(strings.Repeat(letters, 3)))
	if got, want := string(h.Append(nil)), (letters + letters)[:36]; !ok || got != want {
		t.Errorf("a longer history: got %q, %t, want %q", got, ok, want)
	}
	for c := range 256 {
		_, ok := ParseHistory([]byte{'S', byte(c)})
		if want := strings.IndexByte(letters, byte(c)) >= 0; ok != want {
			t.Errorf("the letter %q: got %t, want %t", rune(c), ok, want)
		}
	}
}

// An end's history is contradictory where it has I or Q of that end, wherever they are.
func TestHistoryContradictory(t *testing.T) {
	for _, text := range []string{"", "ShADadFfR", "SI", "Shi", "Q", "ShADadFfRGGqGG", "ShAdDafFrRtTwWI", "iQ", "SsHhAaDdFfRrCcGgTtWw^"} {
		h, _ := ParseHistory([]byte(text))
		want := [2]bool{strings.ContainsAny(text, "IQ"), strings.ContainsAny(text, "iq")}
		if got := h.Contradictory(); got != want {
			t.Errorf("%q: got %v, want %v", text, got, want)
		}
	}
}

// What a table wrote is read back: letters come from addLetter, not from ParseHistory.
func TestHistoryOfATableIsReadBack(t *testing.T) {
	var f flow
	for l := range letterFlip {
		for d := range 2 {
			f.addLetter(l, d)
		}
	}
	wrote := History{f.hist[0], f.hist[1]}
	if h, ok := ParseHistory(wrote.Append(nil)); !ok || h != wrote {
		t.Errorf("got %v, %t, want %v", h, ok, wrote)
	}
}

func TestNamesAreReadBack(t *testing.T) {
	for v := OTH; v <= SHR; v++ {
		if got, ok := ParseConnState(v.String()); got != v || !ok {
			t.Errorf("conn_state %s: got %v, %t", v, got, ok)
		}
	}
	for v := New; v <= Reset; v++ {
		if got, ok := ParseState(v.String()); got != v || !ok {
			t.Errorf("state %s: got %v, %t", v, got, ok)
		}
	}
	for v := BySYN; v <= ByFirst; v++ {
		if got, ok := ParseClientBy(v.String()); got != v || !ok {
			t.Errorf("client_by %s: got %v, %t", v, got, ok)
		}
	}
	for v := range EndReasons {
		if got, ok := ParseEndReason(v.String()); got != v || !ok {
			t.Errorf("end_reason %s: got %v, %t", v, got, ok)
		}
	}
	for _, name := range []string{"", "sf", "S", "SHRR"} {
		if _, ok := ParseConnState(name); ok {
			t.Errorf("conn_state %q was accepted", name)
		}
	}
}
