// Package sketch has the small fixed memories that detectors count and remember with where there can be a great many
// things: how many distinct ones there were, and whether one was there before. Their hash is fixed, not seeded per process:
// what they say can be seen in alerts, and must be the same from run to run. None holds a pointer.
package sketch
