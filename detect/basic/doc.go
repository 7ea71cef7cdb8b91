// Package basic finds headers that no honest host sends, and ports that somebody wants to know of: a few rules, each with an
// id by which it can be silenced, each a function of one flow record.
//
// It sees records, not packets. What a record shows of a single packet it judges: flags where a direction had one packet, or
// where all packets had the same lack of a flag, or where the history says so (the letter Q: SYN with FIN or RST; I: FIN with
// RST). Packets whose lengths contradict each other are in no flow: the decoder counts them, by reason, in the ledger
// (malformed), and so B06 has no alert.
//
// The rules need no memory; findings of the same rule about the same address are put together for 10 s.
package basic
