// Package density finds flows that lie apart from all others of their minute, by DBSCAN (Ester, Kriegel, Sander and Xu: A
// Density-Based Algorithm for Discovering Clusters, KDD 1996) over scaled numbers of the flow, total bytes by default.
//
// A flow with min_samples flows or more at most eps away, itself included, is a core. Cores at most eps apart are one
// cluster, a flow that is none but at most eps from a core belongs to its cluster, of several to the first; what is left is
// an outlier. [Cluster] gives the labels that scikit-learn's DBSCAN gives.
//
// Numbers are scaled in two ways, one beside the other: to mean 0 and standard deviation 1, as StandardScaler does, and
// robustly, (log(1+x) - median) / (IQR / 1.349). In the first, outliers themselves set the scale; the second sees gaps
// between orders of magnitude.
//
// DBSCAN finds gaps, not large values: five equal flows far away are a cluster of their own. And every minute of heavy-tailed
// traffic has its largest flow. So outliers are scores for the ensemble in the first place, and alerts are rationed.
//
// What is compared are flow records or, with rows, what those of a 5-tuple, or of a client and a server in 10 s, add up to
// (package aggregate).
package density
