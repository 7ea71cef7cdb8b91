// Package corpustest replays the labelled corpus through detectors, for tests, which skip where there is none.
package corpustest
