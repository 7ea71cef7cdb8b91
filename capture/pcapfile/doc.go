// Package pcapfile reads captures from files: pcap and pcapng, plain or compressed with gzip or zstd, one file,
// several, whole directories, or standard input, as one stream of frames.
//
// A plain file is read straight into the batch's block, a megabyte at a time; the package then only finds where the
// records begin and writes down numbers. What is left over of a block, a record of which the end is still in the file,
// is kept in a buffer of the reader's own and begins the next block, so that a batch can go to another goroutine as
// soon as Read has returned it.
//
// Nothing in a file is trusted: a length that cannot be right ends that file with a Cut, whatever was read before it
// is delivered, and the next file follows. Memory is bounded by the block, the largest record (16 MiB) and the window
// of the compression.
package pcapfile
