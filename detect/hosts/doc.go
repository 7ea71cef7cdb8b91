// Package hosts ranks addresses by how many distinct ports they use, as clients and as servers apart, in 10 min: those over
// the 90th percentile of all and a robust fence, and those over a hundred ports.
package hosts
