package features

import "fmt"

// Group is a set of window features that is computed or not.
type group uint8

const (
	entropyGroup group = 1 << iota
	intervalGroup
	intervalBinsGroup
	lenGroup
	lenBinsGroup
	pushGroup
)

// Groups returns the names of the feature groups, in the order of their features. The caller owns the slice.
func Groups() []string {
	return []string{"entropy", "interval", "interval_bins", "tcp_len", "tcp_len_bins", "psh"}
}

// groupSet returns the set of the groups named.
func groupSet(names []string) (set group) {
	for i, known := range Groups() {
		for _, name := range names {
			if name == known {
				set |= 1 << i
			}
		}
	}
	return set
}

// Window features are numbered: those of one direction, up then down, then the ratio of the two.
const (
	meanEntropy     = iota
	maxEntropy      // of one packet
	minEntropy      // of one packet
	meanInterval    // us
	intervalBin     // the first of them
	top1Len         = intervalBin + intervalBins
	top2Len         = top1Len + 1
	meanLen         = top2Len + 1
	lenBin          = meanLen + 1 // the first of them
	pushRatio       = lenBin + lenBins
	perDirection    = pushRatio + 1
	upDownRatio     = 2 * perDirection
	WindowFeatures  = upDownRatio + 1 // how many features a window has
	intervalBins    = 4
	lenBins         = 15
	lenBinWidth     = 100
	longLen         = lenBins * lenBinWidth // bytes; longer payloads count as several of this length
	noInterval      = 1e6                   // us: the mean interval where there is none
	firstIntervalNs = 1_000_000             // upper bound of the first interval bin, ns; each bin's is ten times the last's
)

// Feature describes one feature of a window.
type Feature struct {
	Name    string
	Group   string // the group that it is computed with; "": always
	Unit    string
	Range   string
	Formula string
	Edge    string // what it is where the formula says nothing
}

// Features describes the features of a window, in the order of Window.Features. The caller owns the slice.
func Features() []Feature {
	var all []Feature
	for _, d := range []struct{ name, packets string }{
		{"up", "packets from the client"}, {"down", "packets from the target"},
	} {
		all = append(all, directionFeatures(d.name, d.packets)...)
	}
	return append(all, Feature{
		"up_down_ratio", "", "ratio", "0 or above", "packets up / packets down", "0 where there are none in either direction",
	})
}

// directionFeatures describes the features of one direction.
func directionFeatures(d, packets string) []Feature {
	const none = "0 without packets in this direction"
	all := []Feature{
		{"mean_entropy_" + d, "entropy", "bits per byte", "0..8",
			"mean over the " + packets + " of the Shannon entropy of the captured payload bytes, -sum(p*log2(p))",
			"an empty payload counts as 0; " + none},
		{"max_entropy_" + d, "entropy", "bits per byte", "0..8", "greatest of these entropies", none},
		{"min_entropy_" + d, "entropy", "bits per byte", "0..8", "least of these entropies", none},
		{"mean_interval_" + d, "interval", "us", "0 or above",
			"mean time between one of the " + packets + " and the one before it, where only the first packet bearing each TCP sequence number counts",
			"1000000 where there is no interval"},
	}
	low, high := 0, firstIntervalNs/1000
	for range intervalBins {
		all = append(all, Feature{fmt.Sprintf("bin_%d_interval_%s", high, d), "interval_bins", "share", "0..1",
			fmt.Sprintf("intervals in [%d,%d) us / %s", low, high, packets), "longer intervals are in no bin; " + none})
		low, high = high, 10*high
	}
	all = append(all,
		Feature{"top1_tcp_len_" + d, "tcp_len", "bytes", "0 or above", "most common payload length of the " + packets,
			"of equally common ones the shorter; " + none},
		Feature{"top2_tcp_len_" + d, "tcp_len", "bytes", "0 or above", "second most common payload length of the " + packets,
			"of equally common ones the shorter; 0 where all have the same length; " + none},
		Feature{"mean_tcp_len_" + d, "tcp_len", "bytes", "0 or above", "mean payload length of the " + packets, none})
	for high := lenBinWidth; high <= longLen; high += lenBinWidth {
		edge := none
		if high == longLen {
			edge = "a length L of 1500 or more counts floor(L/1500) times here and its remainder, where not 0, in the remainder's bin, so that it may exceed 1; " + none
		}
		all = append(all, Feature{fmt.Sprintf("bin_%d_len_%s", high, d), "tcp_len_bins", "share", "0 or above",
			fmt.Sprintf("payload lengths in [%d,%d) bytes / %s", high-lenBinWidth, high, packets), edge})
	}
	return append(all, Feature{"push_ratio_" + d, "psh", "share", "0..1",
		"those with PSH and ACK / those with ACK, of the " + packets, "0 where none has ACK"})
}

// Names returns the names of the window features, in the order of Window.Features. The caller owns the slice.
func Names() []string {
	var names []string
	for _, f := range Features() {
		names = append(names, f.Name)
	}
	return names
}

// Columns returns which of the features are computed, as indices of Window.Features in ascending order. The others are
// 0 in every window and are to be left out of the output. The caller owns the slice.
func (c Config) Columns() []int {
	on := map[string]bool{"": true}
	for _, name := range c.Groups {
		on[name] = true
	}
	var columns []int
	for i, f := range Features() {
		if on[f.Group] {
			columns = append(columns, i)
		}
	}
	return columns
}
