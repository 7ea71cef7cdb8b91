package output

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
)

// Dir is a directory into which one run writes its files. They get their names together, when all of them are
// complete, in the order in which they were created. The last one tells that the others are there: an old file of its
// name goes before the first of the others is replaced. So whoever finds it finds files of one run, also when the
// program was killed or the disk was full. One goroutine at a time uses it.
type Dir struct {
	path  string
	lock  *os.File // nil: other runs are not kept out
	files []*part
}

// part is a file of a Dir, which leaves its name to that.
type part struct {
	*File
	finished bool // and not named or removed yet
}

// OpenDir makes the directory where it is not there, and keeps other runs out of it until Close, as far as its file
// system knows locks (flock). Incomplete files that Create began in a run that was killed, in whatever format, are removed.
func OpenDir(path string) (*Dir, error) {
	if err := os.MkdirAll(path, 0o755); err != nil {
		return nil, fmt.Errorf("create %s: %w", path, err)
	}
	lock, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, cause(err))
	}
	err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, errors.Join(fmt.Errorf("open %s: another run is writing into it", path), lock.Close())
	}
	d := &Dir{path: path, lock: lock}
	if err := d.sweep(); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return d, nil
}

// Within returns a Dir for files that appear together in a directory which is no run's own. It keeps nobody out.
func Within(path string) *Dir { return &Dir{path: path} }

// Create begins a file, see the function Create. Its Close ends the writing; it appears with Complete.
func (d *Dir) Create(name string) (Target, error) {
	f, err := Create(filepath.Join(d.path, name))
	if err != nil {
		return nil, err
	}
	p := &part{File: f}
	d.files = append(d.files, p)
	return p, nil
}

// Close ends the writing, unless it has ended.
func (p *part) Close() error {
	if p.file == nil {
		return nil
	}
	err := p.finish()
	p.finished = err == nil
	return err
}

// Abort removes the file, unless it has its name.
func (p *part) Abort() error {
	if p.finished {
		p.finished = false
		return p.remove()
	}
	return p.File.Abort()
}

// Names returns the names of the files begun so far, in their order.
func (d *Dir) Names() []string {
	var names []string
	for _, p := range d.files {
		names = append(names, filepath.Base(p.path))
	}
	return names
}

// Older returns the names of files of these records, in whatever format, that an earlier run has left in the directory and
// this one did not write anew: who reads the directory and not its manifest.json takes them for this run's.
func (d *Dir) Older(records ...string) []string {
	var older []string
	for _, name := range records {
		for _, format := range []Format{NDJSON, CSV, Parquet} {
			file := name + "." + format.String()
			if _, err := os.Lstat(filepath.Join(d.path, file)); err == nil && !slices.Contains(d.Names(), file) {
				older = append(older, file)
			}
		}
	}
	return older
}

// Complete gives all files their names. All of them are closed before; a file that was given up stays out.
func (d *Dir) Complete() error {
	if len(d.files) == 0 {
		return nil
	}
	last := d.files[len(d.files)-1].path
	if err := os.Remove(last); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("replace %s: %w", last, cause(err))
	}
	for _, p := range d.files {
		if !p.finished {
			continue
		}
		p.finished = false
		if err := p.rename(); err != nil {
			return err
		}
	}
	return nil
}

// Close removes the files that have not got their names, and lets other runs in.
func (d *Dir) Close() error {
	var problems []error
	for _, p := range d.files {
		problems = append(problems, p.Abort())
	}
	if d.lock != nil {
		problems = append(problems, d.lock.Close())
	}
	return errors.Join(problems...)
}
