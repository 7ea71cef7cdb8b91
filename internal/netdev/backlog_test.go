package netdev

import (
	"strings"
	"testing"
)

func TestBacklog(t *testing.T) {
	for _, test := range []struct {
		before, now string
		want        uint64
	}{
		{"1ca6 00000000 68\n2047 0000000f 67\n", "1ca7 00000002 68\n2050 00000012 67\n", 2 + 3}, // hexadecimal
		{"1 2 3\n1 5 3\n", "1 2 3\n", 0}, // a CPU is offline
		{"", "1\n\nx y\n", 0},
	} {
		b := &Backlog{file: strings.NewReader(test.before)}
		b.last = b.read()
		b.file = strings.NewReader(test.now)
		if got := b.Count(); got != test.want || b.Count() != test.want {
			t.Errorf("%q, then %q: got %d, want %d", test.before, test.now, got, test.want)
		}
	}
}
