package output

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// ErrClosedPipe says that the reader of a stream has gone away. A command that gets it ends quietly.
var ErrClosedPipe = errors.New("the reader closed the pipe")

// Target is where a sink's bytes go: a File or a Stream. After an error of Write only Close or Abort is called.
type Target interface {
	io.Writer
	Close() error // completes it
	Abort() error // gives it up
}

// File is a file that appears under its name only when it is complete; until then it is .NAME.partial in the same
// directory. It is not synced to disk, unless CreateSynced began it: a machine that loses power may lose it. One goroutine at a
// time uses it.
type File struct {
	path   string
	file   *os.File // nil when closed or given up
	err    error    // of a write; the file cannot be completed any more
	synced bool     // before it gets its name, and that after
}

// Create begins the file, and makes the directories above it. A complete file of that name stays until Close
// replaces it; an incomplete one, of a run that was killed, is overwritten.
func Create(path string) (*File, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("create %s: it exists and is not a regular file", path)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("create %s: %w", path, err)
	}
	file, err := os.OpenFile(partial(path), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return nil, fmt.Errorf("create %s: %w", path, cause(err))
	}
	return &File{path: path, file: file}, nil
}

// CreateSynced is Create of a file that a machine which loses power has whole, or as it was before.
func CreateSynced(path string) (*File, error) {
	f, err := Create(path)
	if err != nil {
		return nil, err
	}
	f.synced = true
	return f, nil
}

// Write writes b, which is borrowed until it returns.
func (f *File) Write(b []byte) (int, error) {
	if f.err != nil {
		return 0, f.err
	}
	if f.file == nil {
		return 0, fmt.Errorf("write %s: %w", f.path, fs.ErrClosed)
	}
	n, err := f.file.Write(b)
	if err != nil {
		f.err = fmt.Errorf("write %s: %w", f.path, cause(err))
	}
	return n, f.err
}

// Close gives the complete file its name. Where that fails, or a Write did, the file is removed and the error
// returned. A second Close does nothing.
func (f *File) Close() error {
	if f.file == nil {
		return nil
	}
	if err := f.finish(); err != nil {
		return err
	}
	return f.rename()
}

// finish ends the writing. The file is complete then, but for its name; where it returns an error, it is removed.
func (f *File) finish() error {
	if f.err != nil {
		return errors.Join(f.err, f.Abort())
	}
	var err error
	if f.synced {
		err = f.file.Sync()
	}
	err = cmp.Or(err, f.file.Close())
	f.file = nil
	if err != nil {
		return errors.Join(fmt.Errorf("complete %s: %w", f.path, cause(err)), f.remove())
	}
	return nil
}

// rename gives a finished file its name. Where it returns an error, the file is removed.
func (f *File) rename() error {
	if err := os.Rename(partial(f.path), f.path); err != nil {
		return errors.Join(fmt.Errorf("complete %s: %w", f.path, cause(err)), f.remove())
	}
	if f.synced {
		return syncDir(filepath.Dir(f.path), (*os.File).Sync)
	}
	return nil
}

// Abort removes the incomplete file. After Close it does nothing.
func (f *File) Abort() error {
	if f.file == nil {
		return nil
	}
	_ = f.file.Close() // of a file that is thrown away
	f.file = nil
	return f.remove()
}

func (f *File) remove() error {
	if err := os.Remove(partial(f.path)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove incomplete %s: %w", f.path, cause(err))
	}
	return nil
}

// partial returns the name of the file while it is incomplete.
func partial(path string) string {
	return filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".partial")
}

// cause takes the name of the incomplete file, which means nothing to a user, off an error.
func cause(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	if e, ok := errors.AsType[*os.LinkError](err); ok {
		return e.Err
	}
	return err
}

// Stream is a Target that somebody else owns and closes, such as standard output.
type Stream struct {
	w    io.Writer
	name string
}

// NewStream returns the stream that writes to w; name is for errors.
func NewStream(w io.Writer, name string) *Stream { return &Stream{w: w, name: name} }

// Write writes b, which is borrowed until it returns. Its error is ErrClosedPipe where the reader has gone away; for
// that on standard output, the program has to ignore SIGPIPE.
func (s *Stream) Write(b []byte) (int, error) {
	n, err := s.w.Write(b)
	if errors.Is(err, syscall.EPIPE) || errors.Is(err, io.ErrClosedPipe) {
		err = ErrClosedPipe
	}
	if err != nil {
		err = fmt.Errorf("write %s: %w", s.name, cause(err))
	}
	return n, err
}

// Close does nothing: every Write went through.
func (s *Stream) Close() error { return nil }

// Abort does nothing: what was written cannot be taken back.
func (s *Stream) Abort() error { return nil }

// WriteJSON writes v as an indented JSON document to a target, and closes or aborts that.
func WriteJSON(target Target, v any) error {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return errors.Join(fmt.Errorf("encode %T: %w", v, err), target.Abort())
	}
	if _, err := target.Write(text.Bytes()); err != nil {
		return errors.Join(err, target.Abort())
	}
	return target.Close()
}
