package pcapfile

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/weir-sensor/weir/capture"
)

// entry is a file that will be read.
type entry struct {
	name  string
	size  int64 // -1 where not known
	live  bool  // standard input or another pipe: it can be read only once, so nothing is known of it beforehand
	first int64 // time of its first frame
	link  int   // link type of its first frame; -1 where not known
}

// inputs are the files to read, in order, and those in directories that are not.
type inputs struct {
	entries []entry
	skipped []Skipped
	seen    map[string]bool
	peek    stream
	batch   capture.Batch
}

// collect finds the files that paths name and puts them in the order of their first frames; files without a frame
// come after those, pipes last.
func collect(paths []string) (*inputs, error) {
	in := &inputs{seen: map[string]bool{}, batch: capture.Batch{Frames: make([]capture.Frame, 0, 1)}}
	if len(paths) == 0 {
		return nil, errors.New("read captures: none named")
	}
	for _, path := range paths {
		if err := in.add(path); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(in.entries, func(a, b entry) int {
		if a.live || b.live {
			return cmp.Compare(truth(a.live), truth(b.live))
		}
		return cmp.Or(cmp.Compare(a.first, b.first), cmp.Compare(a.name, b.name))
	})
	return in, nil
}

func truth(b bool) int {
	if b {
		return 1
	}
	return 0
}

// add takes one path as the user gave it. A path given twice is read once.
func (in *inputs) add(path string) error {
	if path == "-" {
		return in.addPipe(path)
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return openError(path, err)
	case info.IsDir():
		return in.addDirectory(path)
	case !info.Mode().IsRegular():
		return in.addPipe(path)
	}
	return in.addFile(path, info.Size())
}

func (in *inputs) addPipe(path string) error {
	if !in.seen[path] {
		in.seen[path] = true
		in.entries = append(in.entries, entry{name: path, size: -1, live: true, link: -1})
	}
	return nil
}

// addDirectory takes the captures below a directory, in lexical order; what is no capture is skipped.
func (in *inputs) addDirectory(dir string) error {
	found, skipped := 0, len(in.skipped)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return openError(path, err)
		}
		if d.IsDir() {
			return nil
		}
		info, err := os.Stat(path)
		if err != nil || !info.Mode().IsRegular() { // a dangling link, a link to a directory, a socket
			in.skipped = append(in.skipped, Skipped{File: path, Found: "not a regular file"})
			return nil
		}
		var not *NotCaptureError
		if err := in.addFile(path, info.Size()); errors.As(err, &not) {
			in.skipped = append(in.skipped, Skipped{File: path, Found: not.Found})
			return nil
		} else if err != nil {
			return err
		}
		found++
		return nil
	})
	if err == nil && found == 0 {
		err = fmt.Errorf("read directory %s: no captures in it (%d other files)", dir, len(in.skipped)-skipped)
	}
	return err
}

// addFile looks at a file's first frame.
func (in *inputs) addFile(path string, size int64) error {
	if in.seen[filepath.Clean(path)] {
		return nil
	}
	in.seen[filepath.Clean(path)] = true
	if err := in.peek.open(path, false, nil, new(tap), 0); err != nil {
		return err
	}
	defer in.peek.close()
	first, link := int64(math.MaxInt64), -1
	switch err := in.peek.read(&in.batch); {
	case err == nil:
		first, link = in.batch.Frames[0].Time, int(in.batch.Frames[0].Link)
	case !endsFile(err):
		return err
	}
	in.entries = append(in.entries, entry{name: path, size: size, first: first, link: link})
	return nil
}

// openError is the error for a path that cannot be opened, with the path said once.
func openError(path string, err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	return fmt.Errorf("open %s: %w", path, err)
}
