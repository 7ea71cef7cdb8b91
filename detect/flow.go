package detect

import (
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
)

// Flow is a flow record on its way through the detectors. The record is borrowed until the call that hands it over
// returns; its Features may be kept.
type Flow struct {
	*flowtable.Record

	// Time is the packet time that the flow belongs to, ns since the Unix epoch: when its record was written or, of flows
	// from elsewhere, when it started. It never goes back.
	Time int64

	// Hashes of the client's and server's addresses and of (client, server), seeded per process: for a Table, never for
	// anything that can be seen.
	ClientHash, ServerHash, PairHash uint64

	ClientLocal, ServerLocal bool    // the address is inside detect.local_networks
	Missing                  Missing // what the record's maker did not know
}

// Missing is a set of fields that a record from elsewhere does not have; they are zero there and mean nothing.
type Missing uint8

// The fields that can be missing. Records of weir's own lack none.
const (
	NoPackets    Missing = 1 << iota // Packets
	NoPayload                        // Payload
	NoTCPFlags                       // TCPFlags
	NoHistory                        // History
	NoState                          // ConnState and State
	NoDuration                       // End: it equals Start
	NoClientPort                     // ClientPort
)

// refusals is what a client gets that asks a closed port of TCP three times, as some do: resets, each of 82 bytes at most
// (IPv6, in Ethernet with two VLAN tags).
const refusals = 3 * 82

// Answered says whether the server took part: a TCP handshake that it completed, an answer of any other protocol. Where
// the state is missing, it is whether bytes came back, of TCP more than resets have: with fewer it is not known, and false.
func (f *Flow) Answered() bool {
	if f.Missing&NoState != 0 {
		least := uint64(1)
		if f.Proto == packet.ProtoTCP {
			least = refusals + 1
		}
		return f.Bytes[flowtable.Down] >= least && f.Bytes[flowtable.Up] > 0
	}
	if f.Proto != packet.ProtoTCP {
		return f.State == flowtable.Established
	}
	switch f.ConnState {
	case flowtable.S1, flowtable.SF, flowtable.S2, flowtable.S3:
		return true
	case flowtable.RSTO: // the client may have reset it instead of completing the handshake
		return f.Missing&NoTCPFlags != 0 || f.TCPFlags[flowtable.Up]&packet.ACK != 0
	case flowtable.RSTR: // the server may have refused what begins no connection
		return f.Missing&NoTCPFlags != 0 || f.TCPFlags[flowtable.Down]&packet.SYN != 0 || f.Payload[flowtable.Down] > 0
	case flowtable.OTH: // the beginning was not seen, both sides go on
		return f.Packets[flowtable.Up] > 0 && f.Packets[flowtable.Down] > 0 && f.State != flowtable.Reset
	}
	return false
}

// Failed says whether this was an attempt to open a connection that the server did not take: no answer, a reset or, of
// UDP and ICMP, nothing back. A flow whose beginning was not seen did not fail, nor one that is Unasked. It is false where the
// state is missing and bytes came back.
func (f *Flow) Failed() bool {
	if f.Unasked() {
		return false
	}
	if f.Missing&NoState != 0 {
		return f.Bytes[flowtable.Down] == 0
	}
	if f.Proto != packet.ProtoTCP {
		return f.State == flowtable.New && f.Part == 0
	}
	switch f.ConnState {
	case flowtable.S0, flowtable.REJ, flowtable.RSTOS0, flowtable.SH:
		return true
	case flowtable.RSTR, flowtable.RSTO:
		return f.Missing&NoPayload == 0 && f.Payload[0]+f.Payload[1] == 0 && f.Packets[0]+f.Packets[1] <= 4
	}
	return false
}

// Unasked says that the flow is no contact that its client is known to have made: no packet of the client's was seen, and the
// server's can be answers to somebody who forges the client's address (backscatter, reflection). A TCP payload cannot, since the
// client completed the handshake: where a capture has servers' packets alone, connections are still their clients'. It is
// false for later parts of a flow, and where the packets are missing.
func (f *Flow) Unasked() bool {
	return f.Packets[flowtable.Up] == 0 && f.Missing&NoPackets == 0 && f.Part == 0 &&
		(f.Proto != packet.ProtoTCP || f.Payload[flowtable.Down] == 0)
}

// ToMany says whether the server's address is a multicast or the limited broadcast one: it stands for several hosts, and
// what is sent to it is no contact with one.
func (f *Flow) ToMany() bool {
	if f.Version == 4 {
		return f.Server.Lo>>28&0xf == 0xe || uint32(f.Server.Lo) == 0xffff_ffff
	}
	return f.Server.Hi>>56 == 0xff
}

// First says whether this is the flow's first record: later parts of a long flow are not new contacts.
func (f *Flow) First() bool { return f.Part == 0 }

// Mix returns a hash of a hash and a value: for keys that are more than an address.
func Mix(hash, v uint64) uint64 {
	h := (hash ^ v) * 0x9e3779b97f4a7c15
	return h ^ h>>29
}
