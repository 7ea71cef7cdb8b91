package features

import (
	"cmp"
	"math"
	"slices"
	"sort"
)

const (
	// DefaultBandwidth is the mean shift's usual bandwidth over payload lengths, bytes.
	DefaultBandwidth = 3
	// MaxClusterLength is the longest payload length that is clustered, bytes. Longer ones say how much a path carries
	// rather than what is sent.
	MaxClusterLength = 1300

	meanShiftSteps = 300  // of one seed, after the first
	meanShiftStill = 1e-3 // a step shorter than this share of the bandwidth is the last
)

// Lengths counts payload lengths for clustering. The zero Lengths is empty and usable. It is used by one goroutine.
type Lengths struct {
	counts [MaxClusterLength + 1]uint64
	longer uint64
}

// Add counts one payload of so many bytes.
func (l *Lengths) Add(bytes uint32) {
	if bytes > MaxClusterLength {
		l.longer++
		return
	}
	l.counts[bytes]++
}

// Longer returns how many lengths were left out because they exceed MaxClusterLength.
func (l *Lengths) Longer() uint64 { return l.longer }

// LengthCount says how many payloads had a length.
type LengthCount struct {
	Length int    // bytes
	Count  uint64 // 1 or more
}

// Cluster is a set of payload lengths that lie close together.
type Cluster struct {
	Centre  float64       // the mean of the lengths within a bandwidth of where the shift came to rest, bytes
	Members uint64        // payloads
	Lengths []LengthCount // those of the members, ascending
}

// Clusters finds the clusters among the lengths by mean shift with a flat kernel (Comaniciu and Meer, Mean Shift: A Robust
// Approach Toward Feature Space Analysis, IEEE PAMI 24(5), 2002), as scikit-learn's MeanShift(bandwidth) does over the
// lengths in ascending order: the same centres, and each length with the same one.
//
// Every length is a seed. It moves to the mean of all payload lengths within the bandwidth, limits included, until a step
// is at most a thousandth of the bandwidth, or for 301 steps. Where seeds come to rest are the candidates, the one with
// more payloads around its last step first, of equal ones the larger. A candidate within the bandwidth of one before it
// that was kept is dropped. A length belongs to the nearest candidate kept, of equally near ones to the first.
//
// scikit-learn's own answer is left to chance in two places: where more than 60 candidates are kept, a length halfway
// between two goes to either, by the inner order of its search tree; and whether two candidates exactly one bandwidth
// apart are within it is up to rounding, unless both are whole numbers.
//
// The clusters are ordered from most to least members, of equal ones the smaller centre first. A candidate that is the
// nearest of no length is no cluster. Time and memory depend on how many different lengths there are, at most 1301, not
// on how often they were counted. The bandwidth is in bytes and above 0. The caller owns the result.
func (l *Lengths) Clusters(bandwidth float64) []Cluster {
	if !(bandwidth > 0) {
		panic("bug: mean shift needs a bandwidth above 0")
	}
	var lengths []LengthCount
	for length, count := range l.counts {
		if count != 0 {
			lengths = append(lengths, LengthCount{length, count})
		}
	}
	centres, labels := meanShift(lengths, bandwidth)
	clusters := make([]Cluster, len(centres))
	for i, c := range centres {
		clusters[i].Centre = c
	}
	for i, lc := range lengths {
		c := &clusters[labels[i]]
		c.Members += lc.Count
		c.Lengths = append(c.Lengths, lc)
	}
	clusters = slices.DeleteFunc(clusters, func(c Cluster) bool { return c.Members == 0 })
	slices.SortFunc(clusters, func(a, b Cluster) int {
		return cmp.Or(cmp.Compare(b.Members, a.Members), cmp.Compare(a.Centre, b.Centre))
	})
	return clusters
}

// meanShift returns the centres in the order in which scikit-learn gives them, and for each length, which are ascending,
// the index of its centre.
func meanShift(lengths []LengthCount, bandwidth float64) (centres []float64, labels []int) {
	k := newKernel(lengths, bandwidth)
	around := map[float64]uint64{} // candidates, and how many payloads were within the bandwidth of their last step
	for _, lc := range lengths {
		if mean, n := k.climb(float64(lc.Length)); n != 0 {
			around[mean] = n
		}
	}
	for _, c := range byPayloads(around) {
		if !slices.ContainsFunc(centres, func(kept float64) bool { return math.Abs(c-kept) <= bandwidth }) {
			centres = append(centres, c)
		}
	}
	labels = make([]int, len(lengths))
	for i, lc := range lengths {
		labels[i] = nearest(centres, float64(lc.Length))
	}
	return centres, labels
}

// byPayloads returns the candidates, those with more payloads around them first, of equal ones the larger.
func byPayloads(around map[float64]uint64) []float64 {
	candidates := make([]float64, 0, len(around))
	for c := range around {
		candidates = append(candidates, c)
	}
	slices.SortFunc(candidates, func(a, b float64) int {
		return cmp.Or(cmp.Compare(around[b], around[a]), cmp.Compare(b, a))
	})
	return candidates
}

// nearest returns the index of the centre next to x, of equally near ones the first.
func nearest(centres []float64, x float64) (best int) {
	least := math.Inf(1)
	for i, c := range centres {
		if d := (x - c) * (x - c); d < least {
			best, least = i, d
		}
	}
	return best
}

// kernel computes means over ranges of lengths, from sums over all that are shorter.
type kernel struct {
	bandwidth float64
	lengths   []LengthCount
	counts    []uint64 // counts[i]: payloads of the first i lengths
	bytes     []uint64 // bytes[i]: the sum of their lengths
}

func newKernel(lengths []LengthCount, bandwidth float64) kernel {
	k := kernel{bandwidth, lengths, make([]uint64, len(lengths)+1), make([]uint64, len(lengths)+1)}
	for i, lc := range lengths {
		k.counts[i+1] = k.counts[i] + lc.Count
		k.bytes[i+1] = k.bytes[i] + lc.Count*uint64(lc.Length)
	}
	return k
}

// climb moves from a seed to where the mean stays, and returns that and how many payloads it is the mean of.
func (k *kernel) climb(seed float64) (mean float64, n uint64) {
	mean = seed
	for step := 0; ; step++ {
		from, to := k.within(mean)
		if n = k.counts[to] - k.counts[from]; n == 0 {
			return mean, 0
		}
		before := mean
		mean = float64(k.bytes[to]-k.bytes[from]) / float64(n)
		if math.Abs(mean-before) <= meanShiftStill*k.bandwidth || step == meanShiftSteps {
			return mean, n
		}
	}
}

// within returns the range of indices of the lengths at most the bandwidth away.
func (k *kernel) within(mean float64) (from, to int) {
	from = sort.Search(len(k.lengths), func(i int) bool { return mean-float64(k.lengths[i].Length) <= k.bandwidth })
	to = sort.Search(len(k.lengths), func(i int) bool { return float64(k.lengths[i].Length)-mean > k.bandwidth })
	return from, to
}
