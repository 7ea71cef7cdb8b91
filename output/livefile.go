package output

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// liveFile is the Target of a file of a live run. As a File it appears under its name only when it is complete, but where
// the disk is full it waits: what cannot be written is kept, and written later. It keeps what one Write was given at
// the most, as long as nobody writes while something is kept. One goroutine uses it.
type liveFile struct {
	path  string
	file  *os.File
	fsync func(*os.File) error

	rest  []byte // accepted and not written yet
	size  int64  // bytes written
	whole int64  // of those, up to the end of the last line

	ended bool // its sink has closed it
	named bool
}

// createLive begins a file whose name says from which packet time on it has records; stem is a path. The names of files
// that are there, complete or not, are left alone: it counts up until there is none of its name.
func createLive(stem string, from int64, format Format, fsync func(*os.File) error) (*liveFile, error) {
	for n := 0; ; n++ {
		path := livePath(stem, from, n, format.String())
		if taken(path) {
			continue
		}
		file, err := os.OpenFile(partial(path), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		switch {
		case err == nil:
			return &liveFile{path: path, file: file, fsync: fsync}, nil
		case !errors.Is(err, fs.ErrExist):
			return nil, fmt.Errorf("create %s: %w", path, cause(err))
		}
	}
}

// livePath returns STEM-20060102T150405Z.EXT, and for n > 0 STEM-20060102T150405Z_000n.EXT, which sorts behind it.
func livePath(stem string, from int64, n int, ext string) string {
	stem += time.Unix(0, from).UTC().Format("-20060102T150405Z")
	if n > 0 {
		stem += fmt.Sprintf("_%04d", n)
	}
	return stem + "." + ext
}

// taken says whether something of that name is there.
func taken(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// Write takes b, which is borrowed until it returns, and never fails: see stuck.
func (f *liveFile) Write(b []byte) (int, error) {
	f.rest = append(f.rest, b...)
	_ = f.retry() // stuck says it
	return len(b), nil
}

// Close says that nothing more is to come; complete completes the file.
func (f *liveFile) Close() error { f.ended = true; return nil }

// Abort says that nothing more is to come; what becomes of the file is its owner's decision.
func (f *liveFile) Abort() error { f.ended = true; return nil }

// stuck says whether something could not be written.
func (f *liveFile) stuck() bool { return len(f.rest) > 0 }

// retry writes what is kept, as far as that goes.
func (f *liveFile) retry() error {
	if !f.stuck() {
		return nil
	}
	n, err := f.file.Write(f.rest)
	if i := bytes.LastIndexByte(f.rest[:n], '\n'); i >= 0 {
		f.whole = f.size + int64(i) + 1
	}
	f.size += int64(n)
	f.rest = f.rest[:copy(f.rest, f.rest[n:])]
	if err != nil {
		return fmt.Errorf("write %s: %w", f.path, cause(err))
	}
	return nil
}

// errUnsynced says that nobody knows what of the file is on the disk: trying again would succeed and prove nothing.
var errUnsynced = errors.New("sync")

// sync waits until what was written is on the disk.
func (f *liveFile) sync() error {
	if err := f.fsync(f.file); err != nil {
		return fmt.Errorf("%w %s: %w", errUnsynced, f.path, cause(err))
	}
	return nil
}

// complete syncs a file that is written and gives it its name. After an error other than errUnsynced it may be called
// again.
func (f *liveFile) complete() error {
	if err := f.sync(); err != nil {
		return err
	}
	was := partial(f.path)
	free := f.path
	for n := 2; taken(free); n++ { // by somebody who is not weir
		free = extended(f.path, n)
	}
	if err := os.Rename(was, free); err != nil {
		return fmt.Errorf("complete %s: %w", f.path, cause(err))
	}
	f.path, f.named = free, true
	_ = f.file.Close() // it is synced
	return syncDir(filepath.Dir(f.path), f.fsync)
}

// extended returns the path with _n before the extension.
func extended(path string, n int) string {
	ext := filepath.Ext(path)
	return path[:len(path)-len(ext)] + "_" + strconv.Itoa(n) + ext
}

// syncDir makes the names in a directory last. A file system that cannot do that is no error.
func syncDir(name string, fsync func(*os.File) error) error {
	dir, err := os.Open(name)
	if err == nil {
		err = fsync(dir)
		_ = dir.Close() // it was only read
	}
	if err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, errors.ErrUnsupported) {
		return fmt.Errorf("sync %s: %w", name, cause(err))
	}
	return nil
}

// vanished says whether the incomplete file is no longer where it was begun: its directory was removed, say.
func (f *liveFile) vanished() bool {
	there, err := os.Lstat(partial(f.path))
	if err != nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	mine, err := f.file.Stat()
	return err == nil && !os.SameFile(there, mine)
}

// cut drops what is behind the last whole line, what is kept included.
func (f *liveFile) cut() error {
	if err := f.file.Truncate(f.whole); err != nil {
		return fmt.Errorf("cut %s: %w", f.path, cause(err))
	}
	f.size, f.rest = f.whole, nil
	return nil
}
