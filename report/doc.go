// Package report turns what a run wrote down into something that people want to read: a Report of sections with tables and
// plots, made from records (build.go and what is beside it), and the forms in which it is shown: Markdown with PNG plots,
// one HTML page that needs nothing else, and tables for a terminal.
package report
