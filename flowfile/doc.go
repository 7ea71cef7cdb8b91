// Package flowfile reads flow records that somebody else made into detect.Flow values: weir's own (NDJSON, CSV, Parquet),
// Argus's binetflow, Zeek's conn.log (TSV and JSON), netflow CSV, and tables of volumes (CSV, Parquet); plain or compressed
// with gzip or zstd, from files, directories and standard input. What a format does not know is marked in Flow.Missing.
// docs/FLOWFILES.md says what each column becomes.
//
// Every format is a layout: its columns, in an order of ours, and a function that makes a record of a row's cells. CSV,
// JSON and Parquet fill in the same cells:
//
//	lines ─▶ table | object ─┐
//	                         ├▶ cells ─▶ layout.decode ─▶ detect.Flow
//	Parquet row groups ──────┘
//
// Nothing in a file is trusted. A row that cannot be read is counted, the first ones are named by their line, and the next
// row follows. Memory is bounded by the longest line (1 MiB), the window of the compression, and a Parquet file's pages.
package flowfile
