// Package capture is the contract between whatever delivers frames (a file, a ring, libpcap) and the sensor: a
// Source fills batches of frames.
package capture
