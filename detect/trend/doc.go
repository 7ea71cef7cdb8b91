// Package trend finds sudden changes: for each host and for the network it follows flows, bytes, attempts without answer and
// the entropy of addresses and ports (of busy hosts) in steps of 10 s by exponentially weighted means, means of the hours of the week, and
// cumulative sums. Floods are named by their victim, and found without any history, too.
package trend
