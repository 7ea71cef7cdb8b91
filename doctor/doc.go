// Package doctor says what distorts a measurement: it watches frames, and what the system says of the interface they
// come from, and gives findings, each with numbers, what it does to the records, and how it is mended. It reads no
// clock and opens nothing, so that a capture file gives the same findings as the wire it was taken from.
package doctor
