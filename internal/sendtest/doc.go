// Package sendtest sends raw frames for the tests of live capture, faster than what it is to test.
package sendtest
