// Package detecttest runs one detector over flow records, for the tests of detectors.
package detecttest
