// Package clusters groups flows by k-means or mean shift and finds those far from every group. It is for a person who looks
// at a capture, rather than for alerting: by default it takes the input as a whole and is off.
//
// K-means is Lloyd's iteration (Least Squares Quantization in PCM, IEEE Transactions on Information Theory 28(2), 1982) from
// the starts of k-means++ (Arthur and Vassilvitskii, k-means++: The Advantages of Careful Seeding, SODA 2007), the best of
// several, with random numbers of its own that are the same in every run. Mean shift has a flat kernel (Comaniciu and Meer,
// IEEE PAMI 24(5), 2002). Both give what scikit-learn's KMeans and MeanShift give from the same start. Before it, [PCA] may
// reduce the columns to those directions in which flows differ most.
//
// A flow's score is its distance from the nearest centre, in medians of the distances of that centre's own flows; a centre
// of fewer than 5 flows counts for none, or a flow far from everything would be its own centre.
//
// What is compared are flow records or, with rows, what those of a 5-tuple, or of a client and a server in 10 s, add up to
// (package aggregate).
package clusters
