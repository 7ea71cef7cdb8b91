// Package beacon finds regular contacts: a client that comes back to the same server again and again after about the same
// time, as implants do that ask for orders. It judges the times between contacts by a test of its own, which survives
// jitter and missed contacts, and prints RITA's score beside it. It finds the same inside connections that are kept open, by
// the silences between the client's packets.
package beacon
