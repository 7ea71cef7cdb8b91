package output

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"time"
)

// recordSink is a sink of records of one kind.
type recordSink[T any] interface {
	write(records []T) error
	Flush() error
	Close() error
	Abort() error
}

// files is a store that writes records into one file after the other. A record belongs to the stretch of packet time,
// aligned to the epoch, in which it was due. A file ends with its stretch, or with the put in which it reaches its size.
type files[T any] struct {
	stem   string // path of the files, up to the time
	format Format
	every  int64         // ns; 0: time does not matter
	size   int64         // bytes; 0: size does not matter
	synced time.Duration // up, when the file was last synced
	sync   time.Duration // how often that is; 0: never
	due    func(*T) int64
	open   func(Target) recordSink[T] // with one worker, so that it writes in the calls that it gets
	fsync  func(*os.File) error

	file    *liveFile // nil: there is none
	sink    recordSink[T]
	stretch int64 // of file, or of the last one
	latest  int64 // when the last record was due
	begun   bool  // there was a file

	status Status
}

// put implements store.
func (f *files[T]) put(records []T) (taken int, err error) {
	for taken < len(records) {
		at := f.due(&records[taken])
		if f.file != nil && !f.file.ended && (f.stretchOf(at) > f.stretch || f.full()) {
			f.end()
		}
		if !f.ready(at) {
			break
		}
		n := f.alike(records[taken:])
		if err := f.write(records[taken : taken+n]); err != nil {
			return taken, err
		}
		taken += n
		f.latest = max(f.latest, f.due(&records[taken-1]))
		if !f.catchUp() {
			break
		}
	}
	return taken, nil
}

// alike returns how many of the records belong to the file's stretch, one at least: late ones do, too.
func (f *files[T]) alike(records []T) int {
	n := 1
	for n < min(len(records), chunkRecords) && f.stretchOf(f.due(&records[n])) <= f.stretch {
		n++
	}
	return n
}

// write gives records to the sink, which has none left to write then.
func (f *files[T]) write(records []T) error {
	if err := f.sink.write(records); err != nil {
		return err
	}
	if err := f.sink.Flush(); err != nil {
		return err
	}
	f.status.Open += uint64(len(records))
	return nil
}

func (f *files[T]) stretchOf(at int64) int64 {
	if f.every == 0 {
		return 0
	}
	n := at / f.every
	if at%f.every < 0 {
		n--
	}
	return n
}

func (f *files[T]) full() bool { return f.size > 0 && f.file.size+int64(len(f.file.rest)) >= f.size }

// end says that the file gets no more records. What its sink still has goes to the file.
func (f *files[T]) end() {
	if err := f.sink.Close(); err != nil && f.format == Parquet {
		f.lose(err) // it has no footer
	}
}

// ready makes sure that there is a file that takes a record due at a time.
func (f *files[T]) ready(at int64) bool {
	if !f.catchUp() {
		return false
	}
	if f.file != nil {
		return true
	}
	from, stretch := at, f.stretchOf(at)
	if f.begun && stretch > f.stretch { // it has all records of its stretch
		from = stretch * f.every
	}
	file, err := createLive(f.stem, from, f.format, f.fsync)
	if f.stumble(err) {
		return false
	}
	f.file, f.stretch, f.begun = file, stretch, true
	f.sink = f.open(file)
	return true
}

// catchUp does what could not be done before: write what is left over, complete a file that has ended. It says whether
// nothing is left to do.
func (f *files[T]) catchUp() bool {
	if f.file == nil {
		return true
	}
	err := f.file.retry()
	if err == nil && f.file.ended {
		err = f.complete()
	}
	if err != nil && f.file != nil && (errors.Is(err, errUnsynced) || f.file.vanished()) {
		f.lose(err)
		return true
	}
	return !f.stumble(err)
}

// complete gives the file its name and books its records.
func (f *files[T]) complete() error {
	err := f.file.complete()
	if !f.file.named {
		return err
	}
	if err != nil {
		f.status.Problem = err // its name may not survive a loss of power
	}
	f.status.Written += f.status.Open
	f.status.Open = 0
	f.status.Files++
	f.file, f.sink = nil, nil
	return nil
}

// stumble remembers whether the last thing to be done could be done, and returns whether not.
func (f *files[T]) stumble(err error) bool {
	f.status.Stuck = err != nil
	if err != nil {
		f.status.Problem = err
	}
	return err != nil
}

// lose gives the file up: its records are lost. What there is of it stays, incomplete.
func (f *files[T]) lose(err error) {
	f.status.Problem = fmt.Errorf("%w: %d records lost", err, f.status.Open)
	f.status.Failed += f.status.Open
	f.status.Open, f.status.Stuck = 0, false
	_ = f.sink.Abort()      // of a liveFile: it does nothing
	_ = f.file.file.Close() // of a file that is given up
	f.file, f.sink = nil, nil
}

// errVanished says that the file that was being written is no longer there.
var errVanished = errors.New("the incomplete file has vanished")

// configure implements store.
func (f *files[T]) configure(cfg Config) {
	f.every, f.size, f.sync = int64(cfg.Rotate.Every), int64(cfg.Rotate.Size), cfg.Sync
	f.stretch = f.stretchOf(f.latest)
}

// tick implements store.
func (f *files[T]) tick(clock int64, up time.Duration) {
	if f.file == nil {
		return
	}
	if f.file.vanished() {
		f.lose(fmt.Errorf("write %s: %w", f.file.path, errVanished))
		return
	}
	if !f.file.ended && (f.stretchOf(clock) > f.stretch || f.full()) {
		f.end()
	}
	if f.catchUp() && f.file != nil && f.sync > 0 && up-f.synced >= f.sync {
		f.synced = up
		if err := f.file.sync(); err != nil {
			f.lose(err)
		}
	}
}

// close implements store. Where the disk is still full, the file is completed with the lines that fit.
func (f *files[T]) close() error {
	lost := f.status.Failed
	if f.file != nil && !f.file.ended {
		f.end()
	}
	if !f.catchUp() {
		f.shorten()
	}
	if f.status.Stuck || f.status.Failed > lost {
		return f.status.Problem
	}
	return nil
}

// shorten completes the file without the records that could not be written. Where none could, there will be no file.
func (f *files[T]) shorten() {
	unwritten := uint64(bytes.Count(f.file.rest, []byte{'\n'})) // lines
	if f.file.stuck() && (f.format == Parquet || unwritten >= f.status.Open) {
		_ = os.Remove(partial(f.file.path)) // it holds nothing that could be read
		f.lose(f.status.Problem)
		return
	}
	if err := f.file.cut(); err != nil {
		f.lose(err)
		return
	}
	f.status.Failed += unwritten
	f.status.Open -= unwritten
	if err := f.complete(); err != nil {
		f.lose(err)
	}
}

// books implements store.
func (f *files[T]) books() Status { return f.status }

// stream is a store that hands records to a sink which takes everything, or fails for good.
type stream[T any] struct {
	sink   recordSink[T]
	failed bool
	status Status
}

// put implements store.
func (s *stream[T]) put(records []T) (int, error) {
	err := s.sink.write(records)
	if err == nil {
		err = s.sink.Flush()
	}
	if err != nil {
		s.failed = true
		return 0, err
	}
	s.status.Written += uint64(len(records))
	return len(records), nil
}

// configure implements store.
func (s *stream[T]) configure(Config) {}

// tick implements store.
func (s *stream[T]) tick(int64, time.Duration) {}

// close implements store.
func (s *stream[T]) close() error {
	if s.failed {
		return s.sink.Abort()
	}
	return s.sink.Close()
}

// books implements store.
func (s *stream[T]) books() Status { return s.status }
