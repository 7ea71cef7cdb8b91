// Package aggregate sums flow records up in two tables: by 5-tuple over the whole input or spans of it, and by (client,
// server) in steps of 10 s. They are an output of their own, and rows of numbers for density, clusters and others.
package aggregate
