// Command weir captures packets, or replays captures, and turns them into bidirectional flow records.
//
// There is one file per command; each gathers its flags and arguments, loads the configuration, and hands over to the
// packages that do the work. Exit status: 0, 1 where something failed, 2 where the command line or the configuration
// was wrong and nothing was started.
package main
