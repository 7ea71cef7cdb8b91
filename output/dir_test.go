package output

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func openDir(t *testing.T, path string) *Dir {
	t.Helper()
	d, err := OpenDir(path)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// fill writes and closes one file of a Dir.
func fill(t *testing.T, d *Dir, name, text string) {
	t.Helper()
	f, err := d.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestDirNamesItsFilesTogether(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b")
	d := openDir(t, path)
	fill(t, d, "flows", "one")
	fill(t, d, "manifest", "one")
	wantFiles(t, path, ".flows.partial", ".manifest.partial")
	if err := d.Complete(); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	wantFiles(t, path, "flows", "manifest")

	d = openDir(t, path) // a run that fails after its first file
	fill(t, d, "flows", "two")
	if _, err := d.Create("manifest"); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	wantFiles(t, path, "flows", "manifest")
	wantText(t, filepath.Join(path, "flows"), "one")
	wantText(t, filepath.Join(path, "manifest"), "one")
}

// Where a file cannot get its name, no old manifest stands beside the new files.
func TestDirIncompleteHasNoLast(t *testing.T) {
	path := t.TempDir()
	d := openDir(t, path)
	for _, name := range []string{"flows", "ledger", "manifest"} {
		if err := os.WriteFile(filepath.Join(path, name), []byte("old"), 0o644); err != nil {
			t.Fatal(err)
		}
		fill(t, d, name, "new")
	}
	if err := os.Remove(filepath.Join(path, ".ledger.partial")); err != nil {
		t.Fatal(err)
	}
	if err := d.Complete(); err == nil || !strings.HasPrefix(err.Error(), "complete "+filepath.Join(path, "ledger")+": ") {
		t.Errorf("got %v", err)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	wantFiles(t, path, "flows", "ledger")
}

func TestDirIsForOneRun(t *testing.T) {
	path := t.TempDir()
	d := openDir(t, path)
	if _, err := OpenDir(path); err == nil || err.Error() != "open "+path+": another run is writing into it" {
		t.Errorf("second run: got %v", err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if err := openDir(t, path).Close(); err != nil {
		t.Error(err)
	}
}
