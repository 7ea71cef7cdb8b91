// Package netdev says what the system knows of its network interfaces: addresses, link types, drivers, offloads, and
// the counters of packets that were lost before anybody could read them.
package netdev
