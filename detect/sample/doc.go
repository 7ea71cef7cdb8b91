// Package sample keeps a bounded sample of flows, or of aggregates of them, as rows of numbers, scales such rows, and says which numbers of a flow there
// are: what the detectors that compare flows with each other have in common.
package sample
