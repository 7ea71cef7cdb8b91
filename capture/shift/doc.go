// Package shift moves the frames of a source in time, all by the same amount, so that the first has a given time.
package shift
