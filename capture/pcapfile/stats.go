package pcapfile

import "fmt"

// Stats is what a Reader has seen so far. Times are nanoseconds since the Unix epoch.
type Stats struct {
	Files    []File    // the files begun, in the order in which they were read
	Cuts     []Cut     // files that ended before their time
	Skipped  []Skipped // what was found in the directories and is no capture
	Overlaps []Overlap // files that begin before the one in front of them ended
	Frames   int64     // frames delivered
	Read     int64     // bytes read from the files, compressed ones as they are
	Total    int64     // bytes of all files together; 0 where not known, as with standard input
}

// File is one file of the input.
type File struct {
	Name        string // as given, or as found in the directory; - is standard input
	Size        int64  // bytes on disk; -1 where not known
	Format      string // pcap or pcapng
	Compression string // none, gzip or zstd
	Frames      int64
	XXH3        string // XXH3 of its bytes on disk, 128 bits in hexadecimal; empty where not known or not asked for
	First, Last int64  // times of the first and the last frame in the file; 0 without frames
}

// Cut is a place at which a file stopped being readable. Every frame before it was delivered, none after it.
type Cut struct {
	File   string
	Offset int64 // of the first byte not used, counted in what the compression gives out
	Why    string
}

// String says it in one line.
func (c Cut) String() string {
	return fmt.Sprintf("%s: %s at offset %d", c.File, c.Why, c.Offset)
}

// Skipped is a file in a directory that is no capture.
type Skipped struct {
	File  string
	Found string // what it is instead
}

// Overlap says that File begins (First) before the last frame (Last) of Previous, so that time goes backwards where
// the one follows the other: such captures want merging first, for instance with mergecap.
type Overlap struct {
	File, Previous string
	First, Last    int64
}

// NotCaptureError is returned for a file that is no capture, or none that can be read.
type NotCaptureError struct {
	File  string
	Found string // what it is instead
}

// Error names the file, what it is, and what would be right.
func (e *NotCaptureError) Error() string {
	return fmt.Sprintf("%s: not a capture but %s (weir reads pcap and pcapng, plain, gzip or zstd)", e.File, e.Found)
}
