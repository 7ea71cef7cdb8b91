// Package features computes what payload and timing say: statistics of single payloads, and the features of windows of
// packets between two hosts.
package features
