package trend

import (
	"encoding/json"
	"math"
	"os"
	"testing"
)

// The values were worked out with numpy.
func TestControlChart(t *testing.T) {
	mean, variance, sum := 10.0, 1.0, 0.0
	want := []float64{0, 0.554, 0, 0, 1.709, 1.027, 6.527, 12.027, 17.527, 23.027}
	for i, x := range []float64{10, 11, 9, 10, 12, 10, 30, 31, 29, 33} {
		mean, variance, sum = control(x, mean, variance, sum, 0, unknown)
		if math.Abs(sum-want[i]) > 6e-4 {
			t.Errorf("step %d: sum %.4f, want %.4f", i, sum, want[i])
		}
	}
	if math.Abs(mean-10.1727) > 6e-5 || math.Abs(variance-1.0001) > 6e-5 {
		t.Errorf("mean %.5f, variance %.5f; want 10.1727, 1.0001", mean, variance)
	}
}

// A level that stays is what is usual after a while.
func TestChartLearnsANewLevel(t *testing.T) {
	var c chart
	for range 50 {
		c.add(100, 10, unknown)
	}
	for i := range 100 {
		c.add(1000, 30, unknown)
		if alarmed := c.sum > alarm; i >= 1 && i < relearnt && !alarmed || i > relearnt+1 && alarmed {
			t.Fatalf("value %d of the new level: sum %v", i, c.sum)
		}
	}
	if math.Abs(float64(c.mean)-1000) > 1 {
		t.Errorf("mean %v, want 1000", c.mean)
	}
}

func TestSYNSum(t *testing.T) {
	sum := 0.0
	want := []float64{0, 0, 0, 0, 0.25, 0.6, 0.95, 1.5}
	for i, x := range []float64{0.02, 0.05, 0.01, 0.03, 0.6, 0.7, 0.7, 0.9} {
		sum = excess(sum, x)
		if math.Abs(sum-want[i]) > 1e-12 || (sum > synAlarm) != (i == 7) {
			t.Errorf("step %d: %v, want %v", i, sum, want[i])
		}
	}
	// The same from counts: 100 connections are usual, and from the fifth step on more are begun than completed.
	var s synSum
	for range 100 {
		s.add(100, 100)
	}
	if got := s.add(500, 100); math.Abs(got-(4-synSlack)) > 1e-3 {
		t.Errorf("five times the rate: %v, want %v", got, 4-synSlack)
	}
}

func TestEntropy(t *testing.T) {
	equal := make([]uint32, 16)
	for i := range equal {
		equal[i] = 7
	}
	uneven := make([]uint32, 20)
	uneven[3] = 100
	for i := range 15 {
		uneven[4+i] = 1
	}
	for _, c := range []struct {
		counts       []uint32
		bits, normal float64
	}{{equal, 4, 1}, {uneven, 1.068224, 0.267056}, {make([]uint32, 5), 0, 1}, {[]uint32{0, 9}, 0, 1}} {
		if bits, normal := entropy(c.counts); math.Abs(bits-c.bits) > 5e-7 || math.Abs(normal-c.normal) > 5e-7 {
			t.Errorf("%v: got %v, %v, want %v, %v", c.counts, bits, normal, c.bits, c.normal)
		}
	}
	text, err := os.ReadFile("testdata/entropy.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Counts       []uint32
		Bits, Normal float64
	}
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	for i, c := range cases { // testdata/entropy.py made them
		if bits, normal := entropy(c.Counts); math.Abs(bits-c.Bits) > 1e-12 || math.Abs(normal-c.Normal) > 1e-12 {
			t.Errorf("case %d: got %v, %v, want %v, %v", i, bits, normal, c.Bits, c.Normal)
		}
	}
}
