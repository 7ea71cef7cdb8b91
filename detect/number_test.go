package detect

import (
	"io/fs"
	"math"
	"os"
	"regexp"
	"strings"
	"testing"
)

func TestNumber(t *testing.T) {
	for _, c := range []struct {
		v      float64
		digits int
		want   string
	}{
		{25600, 3, "25600"}, {25600.4, 3, "25600"}, {800, 4, "800"}, {0, 3, "0"}, {-1234567.8, 3, "-1234568"}, {1e14, 3, "100000000000000"},
		{1e15, 3, "1e+15"}, {29.98, 3, "30"}, {30.0049, 3, "30"}, {99.95, 3, "100"}, {999.6, 3, "1000"}, {2.25, 3, "2.25"}, {2.2, 3, "2.2"}, {0.12345, 4, "0.1235"},
		{0.0001, 2, "0.0001"}, {0.000012345, 2, "0.000012"}, {1e-7, 2, "1e-07"}, {math.Inf(1), 3, "+Inf"}, {math.NaN(), 3, "NaN"},
	} {
		if got := Number(c.v, c.digits); got != c.want {
			t.Errorf("Number(%v, %d): got %q, want %q", c.v, c.digits, got, c.want)
		}
	}
}

// No alert prints a number with %g, which writes 25600 as 2.56e+04; what an error quotes may.
func TestMessagesHaveNoExponents(t *testing.T) {
	verb := regexp.MustCompile(`%[-+# 0]*[0-9]*(\.[0-9]+)?[geE]\b`)
	files := 0
	err := fs.WalkDir(os.DirFS("."), ".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		files++
		text, err := os.ReadFile(path)
		for i, line := range strings.Split(string(text), "\n") {
			if verb.MatchString(line) && !strings.Contains(line, "Errorf") {
				t.Errorf("%s:%d: %s: use Number", path, i+1, strings.TrimSpace(line))
			}
		}
		return err
	})
	if err != nil || files < 100 {
		t.Errorf("looked at %d files: %v", files, err)
	}
}
