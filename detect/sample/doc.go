// Package sample keeps a bounded sample of flows as rows of numbers, scales such rows, and says which numbers of a flow there
// are: what the detectors that compare flows with each other have in common.
package sample
