// Package ports knows which ports are in use: for each protocol and server port how much went over it, since when, by how
// many clients and servers; and tells when a port, a service of a server, or a port of a client is used for the first time.
// Only an answer makes a use: a probe that nobody took says nothing.
package ports
