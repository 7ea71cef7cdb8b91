package pcapfile

import (
	"errors"
	"io"
	"os"
	"slices"
	"sync/atomic"

	"github.com/zeebo/xxh3"

	"github.com/weir-sensor/weir/capture"
)

// Options are what Open can be told.
type Options struct {
	Stdin io.Reader // read for the path "-"; os.Stdin where nil
	Hash  bool      // fill File.XXH3 in
}

// Reader is the frames of the files it was opened with, one file after the other. It implements capture.Source.
//
// Frame.Wire is the length the file gives, even where it is less than the captured length (frame.len in Wireshark
// likewise). Frame.Link is the link type's number as the file has it, platform-specific ones included. Frame.Iface
// counts the interfaces of all files and sections; those after the 65535th share that number.
type Reader struct {
	stdin   io.Reader
	entries []entry
	next    int // entry to open next
	stream  stream
	iface   int // number of the next file's first interface
	total   int64
	stats   Stats // without Frames, Read, Total
	frames  atomic.Int64
	tap     tap
}

var _ capture.Source = (*Reader)(nil)

// Open finds the captures that paths name: files, directories (searched all the way down), and "-" for standard
// input. It reads the beginning of each file, and orders them by the time of the first frame, then by name; pipes,
// standard input among them, come last and are not touched before their turn. A path given twice is read once.
//
// A missing file, a directory without a capture, and a named file that is none (*NotCaptureError) are errors. Files
// that are no captures in a directory are skipped and listed in Stats.
func Open(paths []string, options Options) (*Reader, error) {
	in, err := collect(paths)
	if err != nil {
		return nil, err
	}
	r := &Reader{stdin: options.Stdin, entries: in.entries}
	if r.stdin == nil {
		r.stdin = os.Stdin
	}
	if options.Hash {
		r.tap.hash = xxh3.New()
	}
	r.stats.Skipped = in.skipped
	for _, e := range r.entries {
		if e.live {
			r.total = 0
			break
		}
		r.total += e.size
	}
	return r, nil
}

// Read fills b with frames of one file; see capture.Source. b.Data grows to at most 1 MiB or twice the largest record,
// whichever is more, and is best left in the batch for the next Read. A file that stops being readable is noted in
// Stats and the next one follows. An error other than io.EOF means that a file could not be read, or that a pipe's
// data are no capture.
func (r *Reader) Read(b *capture.Batch) error {
	if cap(b.Frames) == 0 {
		panic("bug: batch without room for frames")
	}
	for {
		if r.stream.in == nil {
			if r.next == len(r.entries) {
				b.Frames = b.Frames[:0]
				return io.EOF
			}
			if err := r.open(r.entries[r.next]); err != nil {
				return err
			}
			r.next++
		}
		err := r.stream.read(b)
		if err == nil {
			r.count(b.Frames)
			return nil
		}
		r.iface = r.stream.framer.nextInterface()
		r.stats.Files[len(r.stats.Files)-1].XXH3 = r.tap.sum(r.stream.in)
		r.stream.close()
		var cut *cutError
		if errors.As(err, &cut) {
			r.stats.Cuts = append(r.stats.Cuts, Cut{File: r.stream.name, Offset: cut.offset, Why: cut.why})
		} else if err != io.EOF {
			r.next = len(r.entries)
			return err
		}
	}
}

// endsFile reports an error that is the end of a file, and not of the run.
func endsFile(err error) bool {
	var cut *cutError
	return err == io.EOF || errors.As(err, &cut)
}

func (r *Reader) open(e entry) error {
	if err := r.stream.open(e.name, e.live, r.stdin, &r.tap, r.iface); err != nil {
		r.next = len(r.entries)
		return err
	}
	r.stats.Files = append(r.stats.Files, File{
		Name: e.name, Size: e.size, Format: r.stream.framer.format(), Compression: r.stream.in.compression,
	})
	return nil
}

// count adds a batch to the statistics of its file.
func (r *Reader) count(frames []capture.Frame) {
	r.frames.Add(int64(len(frames)))
	f := &r.stats.Files[len(r.stats.Files)-1]
	if f.Frames == 0 {
		f.First = frames[0].Time
		r.overlap(f)
	}
	f.Frames += int64(len(frames))
	f.Last = frames[len(frames)-1].Time
}

// overlap compares a file's first frame with the last one of the file before that had any.
func (r *Reader) overlap(f *File) {
	for i := len(r.stats.Files) - 2; i >= 0; i-- {
		if p := &r.stats.Files[i]; p.Frames > 0 {
			if f.First < p.Last {
				r.stats.Overlaps = append(r.stats.Overlaps,
					Overlap{File: f.Name, Previous: p.Name, First: f.First, Last: p.Last})
			}
			return
		}
	}
}

// Progress says how many bytes were read of how many in all files (0 where not known), as they are on disk, and how
// many frames were delivered. Any goroutine may call it at any time.
func (r *Reader) Progress() (read, total, frames int64) {
	return r.tap.bytes.Load(), r.total, r.frames.Load()
}

// Stats is what was seen so far: a copy, the caller's own. Call it between Reads, from the goroutine that reads.
func (r *Reader) Stats() Stats {
	s := r.stats
	s.Files, s.Cuts = slices.Clone(s.Files), slices.Clone(s.Cuts)
	s.Skipped, s.Overlaps = slices.Clone(s.Skipped), slices.Clone(s.Overlaps)
	s.Read, s.Total, s.Frames = r.Progress()
	return s
}

// Links returns the link types of the files' first frames, as far as they could be looked at beforehand, each once.
func (r *Reader) Links() []uint16 {
	var links []uint16
	for _, e := range r.entries {
		if e.link >= 0 && !slices.Contains(links, uint16(e.link)) {
			links = append(links, uint16(e.link))
		}
	}
	return links
}

// Interrupt ends the input: a Read that waits for a pipe gives io.EOF soon, and so does every later one that would wait.
// Any goroutine may call it.
func (r *Reader) Interrupt() { r.tap.stop.Store(true) }

// Close closes the file being read; Read then gives io.EOF.
func (r *Reader) Close() error {
	r.stream.close()
	r.next = len(r.entries)
	return nil
}
