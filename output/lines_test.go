package output

import (
	"errors"
	"path/filepath"
	"testing"
)

// Lines go into files of their time as they are, also where records are CSV; what a killed run has left is completed.
func TestLineFiles(t *testing.T) {
	dir := openDir(t, t.TempDir())
	defer dir.Close()
	cfg := DefaultConfig()
	cfg.Format = "csv"
	q := Live{Config: cfg, Dir: dir}.LineFiles("ledger")
	const eleven = 1795258800e9
	err := errors.Join(
		q.Lines(Line{eleven + 1, []byte(`{"a":1}`)}, Line{eleven + 2, []byte(`{"a":2}`)}),
		q.Lines(Line{eleven + 3600e9, []byte(`{"a":3}`)}), q.Close())
	if err != nil {
		t.Fatal(err)
	}
	wantText(t, filepath.Join(dir.path, "ledger-20261121T110000Z.ndjson"), "{\"a\":1}\n{\"a\":2}\n")
	wantText(t, filepath.Join(dir.path, "ledger-20261121T120000Z.ndjson"), "{\"a\":3}\n")
	if got, want := q.Status(), (Status{Offered: 3, Written: 3, Files: 2}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if !leftoverName.MatchString(".ledger-20261121T110000Z.ndjson.partial") {
		t.Error("Recover does not know the files")
	}
}
