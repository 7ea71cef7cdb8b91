// Package blocklist finds flows with an end on a list of addresses that somebody thinks ill of.
//
// Files of several formats are read into a [List] each, and all lists into one [Table], which finds the longest prefix
// around an address, and from there all others around it. Both ends of every flow are looked up, always; what is found says
// which end it was, in which role, and on which line of which list.
//
// A contact weighs what it may mean: most where a host of ours went to a listed server and was answered, least where a listed
// client knocked and nobody answered, which is what every address of the Internet sees all day.
//
// A table is never changed. [Detector.Reread] makes another one, in the caller's goroutine, and [Detector.Apply] hands it
// over with one pointer, so that no packet waits. A list that cannot be read again stays as it was.
//
// github.com/gaissmai/bart, the library for such tables, was measured beside this one over a million prefixes: it takes 72 MiB
// of pointers and three to nine times as long (docs/BLOCKLISTS.md).
package blocklist
