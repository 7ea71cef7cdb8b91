// Package summary is a sink that keeps totals instead of records, and prints them for a person: the ledger, the top
// talkers, the top ports and the longest flows.
package summary
