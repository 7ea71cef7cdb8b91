// Package build makes reports from records. A Builder takes flows, windows, alerts, a ranking of hosts and a ledger in one
// pass, in memory that does not grow with their number, and Report says what they come to; each section has a file here.
//
//	records ─▶ Builder ─┬▶ sums by host, port, country, hour, ... ─▶ sections ─▶ report.Report
//	                    └▶ samples of flows and windows ───────────▶
package build
