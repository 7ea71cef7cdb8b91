package output

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// wantFiles fails unless the directory holds just these files.
func wantFiles(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	got := []string{}
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if slices.Sort(want); !slices.Equal(got, want) {
		t.Errorf("%s holds %q, want %q", dir, got, want)
	}
}

func wantText(t *testing.T, path, want string) {
	t.Helper()
	if got, err := os.ReadFile(path); err != nil || string(got) != want {
		t.Errorf("%s: got %q, %v, want %q", path, got, err, want)
	}
}

func create(t *testing.T, path, text string) *File {
	t.Helper()
	f, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestFileAppearsWhenComplete(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.txt")
	f := create(t, path, "one")
	wantFiles(t, dir, ".x.txt.partial")
	if err := errors.Join(f.Close(), f.Close(), f.Abort()); err != nil {
		t.Fatal(err)
	}
	wantFiles(t, dir, "x.txt")
	wantText(t, path, "one")

	f = create(t, path, "two")
	wantText(t, path, "one") // until the new one is complete
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	wantText(t, path, "two")

	f = create(t, path, "three")
	if err := errors.Join(f.Abort(), f.Abort(), f.Close()); err != nil {
		t.Fatal(err)
	}
	wantText(t, path, "two")
	wantFiles(t, dir, "x.txt")
	if _, err := f.Write([]byte("late")); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("write after Abort: got %v, want %v", err, fs.ErrClosed)
	}
}

func TestFileReplacesKilledRuns(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, ".x.partial"), []byte("a long text of a killed run"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := create(t, filepath.Join(dir, "x"), "short").Close(); err != nil {
		t.Fatal(err)
	}
	wantText(t, filepath.Join(dir, "x"), "short")
	wantFiles(t, dir, "x")
}

func TestCreateErrors(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for path, reason := range map[string]string{
		dir:                                "not a regular file",
		filepath.Join(dir, "file", "x"):    "not a directory",
		filepath.Join("/dev/null", "x"):    "not a directory",
		filepath.Join(dir, longName, "x"):  "file name too long",
		filepath.Join(dir, longName[:255]): "file name too long", // the incomplete file's
	} {
		_, err := Create(path)
		if err == nil || !strings.Contains(err.Error(), reason) || !strings.HasPrefix(err.Error(), "create "+path) {
			t.Errorf("%s: got %v, want %s", path, err, reason)
		}
	}
	wantFiles(t, dir, "file")
}

var longName = strings.Repeat("n", 300)

// A write that fails is not forgotten: Close does not complete the file.
func TestFileFullDisk(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skipf("no /dev/full: %v", err)
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "x")
	f := create(t, path, "one")
	f.file.Close()
	f.file = full
	_, err = f.Write([]byte("two"))
	_, again := f.Write([]byte("three"))
	for _, err := range []error{err, again, f.Close()} {
		if !errors.Is(err, syscall.ENOSPC) || err.Error() != "write "+path+": no space left on device" {
			t.Errorf("got %v", err)
		}
	}
	wantFiles(t, dir)
}

func TestFileLostBeforeClose(t *testing.T) {
	dir := t.TempDir()
	f := create(t, filepath.Join(dir, "x"), "one")
	if err := os.Remove(filepath.Join(dir, ".x.partial")); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want %v", err, fs.ErrNotExist)
	}
}

// Where the file cannot get its name, its incomplete form is not left behind.
func TestFileNameTakenMeanwhile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x")
	f := create(t, path, "one")
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err == nil || !strings.HasPrefix(err.Error(), "complete "+path+": ") {
		t.Errorf("got %v", err)
	}
	wantFiles(t, dir, "x")
}

func TestWriteJSON(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "ledger.json")
	write := func(v any) error { return WriteJSON(create(t, path, ""), v) }
	if err := write(map[string]any{"b": "<&>", "a": []int{1}}); err != nil {
		t.Fatal(err)
	}
	want := "{\n  \"a\": [\n    1\n  ],\n  \"b\": \"<&>\"\n}\n"
	wantText(t, path, want)
	if err := write(math.NaN()); err == nil || !strings.HasPrefix(err.Error(), "encode float64: ") {
		t.Errorf("got %v", err)
	}
	wantText(t, path, want)
	wantFiles(t, dir, "ledger.json")
}

// A file that is synced has its name, its text and no error, and is removed where it cannot get its name.
func TestCreateSynced(t *testing.T) {
	dir := t.TempDir()
	for _, text := range []string{"one", "two"} {
		f, err := CreateSynced(filepath.Join(dir, "picture"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		wantFiles(t, dir, "picture")
		wantText(t, filepath.Join(dir, "picture"), text)
	}
	f, err := CreateSynced(filepath.Join(dir, "other"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "other"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err == nil {
		t.Error("no error of a file whose name is a directory's")
	}
	wantFiles(t, dir, "other", "picture")
}
