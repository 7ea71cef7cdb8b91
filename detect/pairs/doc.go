// Package pairs finds pairs of hosts, and hosts, that in 10 s use far more ports than the others do: scans above all.
//
// Of every (client, server) with a flow in the batch five numbers are taken: flows, distinct server ports, new ones among
// them (not used by the pair in the last 10 minutes), bytes up and bytes down. Each is held against the outer fences of
// Tukey (Exploratory Data Analysis, 1977) over all pairs of the batch, Q1 - 3 IQR and Q3 + 3 IQR, quartiles by linear
// interpolation; outside of them is a vote. Bytes are compared as log(1+x), since they spread over orders of magnitude.
// Most pairs use one port, which makes the IQR 0 and everything else an outlier: it is taken as at least 1 for counts and
// 0.25 for log bytes. With fewer than 20 pairs the batch has no fences of its own, and those of batches before it, as an
// exponentially weighted mean, stand in.
//
// The same count over all servers of a client, new (server, port) targets, has fences over the clients of the batch: that
// is what a scan of many hosts moves.
package pairs
