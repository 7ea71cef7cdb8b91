package features

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// meanShiftCase is one of those that testdata/reference/meanshift.py wrote, with scikit-learn's answer.
type meanShiftCase struct {
	Name      string
	Bandwidth float64
	Lengths   []int
	Counts    []uint64
	Centres   []float64
	Labels    []int
	Rounding  bool // two candidates are a bandwidth apart but for rounding
}

func readMeanShiftCases(t *testing.T) (cases []meanShiftCase) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "reference", "meanshift.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	return cases
}

// Centres equal scikit-learn's to 1e-9, in their order, and so do the labels. Where scikit-learn has more than 60 centres,
// a length equally near to two of them may go to the other one.
func TestMeanShiftEqualsScikitLearn(t *testing.T) {
	compared, ties, rounding, roundingEqual := 0, 0, 0, 0
	for _, c := range readMeanShiftCases(t) {
		var lengths []LengthCount
		for i, l := range c.Lengths {
			lengths = append(lengths, LengthCount{l, c.Counts[i]})
		}
		centres, labels := meanShift(lengths, c.Bandwidth)
		same := slices.EqualFunc(centres, c.Centres, func(a, b float64) bool { return math.Abs(a-b) <= 1e-9 })
		if c.Rounding {
			rounding++
			if same && slices.Equal(labels, c.Labels) {
				roundingEqual++
			}
			continue
		}
		compared++
		if !same {
			t.Errorf("%s: centres\n got %v\nwant %v", c.Name, centres, c.Centres)
			continue
		}
		for i, got := range labels {
			if want := c.Labels[i]; got != want {
				x := float64(c.Lengths[i])
				if len(centres) <= 60 || math.Abs(math.Abs(x-centres[got])-math.Abs(x-centres[want])) > 1e-9 {
					t.Errorf("%s: length %v: got label %d (%v), want %d (%v)", c.Name, x, got, centres[got], want, centres[want])
				}
				ties++
			}
		}
	}
	if compared < 200 {
		t.Errorf("got %d cases, want at least 200", compared)
	}
	t.Logf("%d cases; %d lengths between two of more than 60 centres went to the other one; of %d more, where rounding decides, %d are equal",
		compared, ties, rounding, roundingEqual)
}

// Clusters come in order of their members, hold every length once, and leave out the long ones.
func TestClusters(t *testing.T) {
	var l Lengths
	add := func(bytes uint32, n int) {
		for range n {
			l.Add(bytes)
		}
	}
	add(1000, 40)
	add(1301, 7)
	add(math.MaxUint32, 1)
	add(204, 50)
	add(206, 10)
	add(0, 1)
	add(1300, 1)
	want := []Cluster{
		{(204*50 + 206*10) / 60., 60, []LengthCount{{204, 50}, {206, 10}}},
		{1000, 40, []LengthCount{{1000, 40}}},
		{0, 1, []LengthCount{{0, 1}}},
		{1300, 1, []LengthCount{{1300, 1}}},
	}
	if diff := cmp.Diff(want, l.Clusters(DefaultBandwidth)); diff != "" {
		t.Error("(-want +got)", diff)
	}
	if l.Longer() != 8 {
		t.Errorf("got %d longer, want 8", l.Longer())
	}
	var none Lengths
	if got := none.Clusters(DefaultBandwidth); len(got) != 0 {
		t.Errorf("got %v of no lengths", got)
	}
}

// What counts is how often a length is there, not how large the numbers are; and every member is in one cluster.
func TestClustersScale(t *testing.T) {
	for _, c := range readMeanShiftCases(t) {
		var once, often Lengths
		total := uint64(0)
		for i, l := range c.Lengths {
			once.counts[l] = c.Counts[i]
			often.counts[l] = c.Counts[i] << 30
			total += c.Counts[i]
		}
		a, b := once.Clusters(c.Bandwidth), often.Clusters(c.Bandwidth)
		members, lengths := uint64(0), 0
		for i := range b {
			members += a[i].Members
			lengths += len(a[i].Lengths)
			b[i].Members >>= 30
			for j := range b[i].Lengths {
				b[i].Lengths[j].Count >>= 30
			}
		}
		if diff := cmp.Diff(a, b); diff != "" {
			t.Errorf("%s: %s", c.Name, diff)
		}
		if members != total || lengths != len(c.Lengths) {
			t.Errorf("%s: got %d members of %d lengths, want %d of %d", c.Name, members, lengths, total, len(c.Lengths))
		}
	}
}

func TestClustersWithoutBandwidth(t *testing.T) {
	defer func() {
		if text, _ := recover().(string); !strings.HasPrefix(text, "bug: ") {
			t.Errorf("got %q, want a bug", text)
		}
	}()
	new(Lengths).Clusters(math.NaN())
}

// The dearest case: every length there is, once and more often.
func BenchmarkClusters(b *testing.B) {
	var l Lengths
	for i := range l.counts {
		l.counts[i] = 1 + uint64(i*i%97)
	}
	b.ReportAllocs()
	for b.Loop() {
		l.Clusters(DefaultBandwidth)
	}
}
