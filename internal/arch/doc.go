// Package arch holds the rules of how the packages fit together, as tests: who may import whom, and where the clock,
// goroutines and the exit may be used. It has no code of its own.
package arch
