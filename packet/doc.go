// Package packet turns the bytes of one captured frame into one flat Packet: a pure function, without I/O or
// goroutines, which never allocates and never panics whatever the bytes are.
package packet
