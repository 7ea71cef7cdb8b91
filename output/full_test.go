package output

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/weir-sensor/weir/flowtable"
)

// smallDisk mounts a file system of so many bytes in memory.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("a file system of its own needs CAP_SYS_ADMIN: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fillDisk takes all room but some bytes, and returns the file that has it.
func fillDisk(t *testing.T, dir string, leave uint64) string {
	t.Helper()
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "ballast")
	if err := os.WriteFile(path, make([]byte, s.Bavail*uint64(s.Bsize)-leave), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// live is a queue before files, and the time that it is told.
type live struct {
	FlowQueue
	t   *testing.T
	up  time.Duration
	all []flowtable.Record // offered
}

func newLive(t *testing.T, dir string, format Format, queue int) *live {
	cfg := DefaultConfig()
	cfg.Format, cfg.Queue, cfg.Rotate.Every = format.String(), queue, time.Minute
	l := &live{FlowQueue: Live{Config: cfg, Dir: &Dir{path: dir}}.FlowFiles(Columns{}), t: t}
	t.Cleanup(func() { _ = l.Abort() }) // where the test fails before its end
	return l
}

// offer gives n records, due one second after the other, and then ticks.
func (l *live) offer(n int) Status {
	l.t.Helper()
	records := flood(len(l.all) + n)[len(l.all):]
	for i := range records {
		records[i].Written = at(int64(len(l.all) + i))[0].Written
	}
	l.all = append(l.all, records...)
	if err := l.Flows(records); err != nil {
		l.t.Fatal(err)
	}
	return l.wait(records[n-1].Written)
}

func (l *live) wait(clock int64) Status {
	l.t.Helper()
	l.up += time.Second
	l.Tick(clock, l.up)
	synctest.Wait()
	s := l.Status()
	if s.Offered != s.Waiting+s.Open+s.Written+s.Full+s.Failed || s.Offered != uint64(len(l.all)) {
		l.t.Fatalf("not balanced: %+v", s)
	}
	return s
}

// wantLines fails unless the complete files in the directory have just these records, whole and in their order.
func wantLines(t *testing.T, dir string, records []flowtable.Record) {
	t.Helper()
	var got []byte
	for _, name := range names(t, dir) {
		if strings.HasPrefix(name, "flows-") {
			got = append(got, read(t, dir, name)...)
		} else if strings.HasSuffix(name, ".partial") {
			t.Errorf("%s is left", name)
		}
	}
	if want := expected(NDJSON, records); !bytes.Equal(got, want) {
		t.Errorf("got %d lines of %d bytes, want %d of %d", bytes.Count(got, []byte("\n")), len(got), len(records), len(want))
	}
}

// A disk that is full for a while loses what the queue cannot hold, and nothing else.
func TestFullDisk(t *testing.T) {
	dir := smallDisk(t, "1m")
	synctest.Test(t, func(t *testing.T) {
		l := newLive(t, dir, NDJSON, 500)
		l.offer(100)
		ballast := fillDisk(t, dir, 0)
		var s Status
		for range 30 { // 3000 records over 50 minutes
			s = l.offer(100)
		}
		if !s.Stuck || s.Full == 0 || s.Waiting != 500 || !errors.Is(s.Problem, syscall.ENOSPC) {
			t.Fatalf("on a full disk: got %+v", s)
		}
		if want := "/flows-20261121T113100Z.ndjson: no space left on device"; !strings.HasSuffix(s.Problem.Error(), want) {
			t.Errorf("got %v, want ...%s", s.Problem, want)
		}
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
		later := len(l.all)
		s = l.wait(0)
		if s.Stuck || s.Waiting != 0 || s.Failed != 0 {
			t.Errorf("with room again: got %+v", s)
		}
		full := s.Full
		s = l.offer(200)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if s = l.Status(); s.Full != full || s.Written+s.Full != s.Offered {
			t.Errorf("at the end: got %+v", s)
		}
		had := later - int(full) // before the queue was full
		wantLines(t, dir, slices.Concat(l.all[:had], l.all[later:]))
	})
}

// Where the disk is full to the end, the last file has the records that fit, and no half line.
func TestFullDiskToTheEnd(t *testing.T) {
	for _, leave := range []uint64{4096, 0} {
		dir := smallDisk(t, "1m")
		synctest.Test(t, func(t *testing.T) {
			l := newLive(t, dir, NDJSON, 1000)
			if leave > 0 {
				l.offer(1) // its page is there
			}
			fillDisk(t, dir, leave)
			s := l.offer(59)
			if !s.Stuck {
				t.Fatalf("got %+v", s)
			}
			err := l.Close()
			if !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("got %v, want %v", err, syscall.ENOSPC)
			}
			s = l.Status()
			if (s.Written > 0) != (leave > 0) || s.Failed == 0 || s.Written+s.Failed != uint64(len(l.all)) || !errors.Is(s.Problem, syscall.ENOSPC) {
				t.Errorf("got %+v", s)
			}
			wantLines(t, dir, l.all[:s.Written])
		})
	}
}

// A killed run on a full disk leaves half a line, which the next one cuts off.
func TestFullDiskKilled(t *testing.T) {
	dir := smallDisk(t, "1m")
	f, _ := flowFiles(dir, Config{Format: "ndjson"})
	fillDisk(t, dir, 4096)
	if n, err := f.put(flood(50)); n != 50 || err != nil || !f.books().Stuck {
		t.Fatal(n, err, f.books())
	}
	f.file.file.Close()
	text := read(t, dir, names(t, dir)[0])
	if len(text) != 4096 {
		t.Fatalf("got %d bytes, want a page", len(text))
	}
	if err := os.Remove(filepath.Join(dir, "ballast")); err != nil {
		t.Fatal(err)
	}
	left, err := (&Dir{path: dir}).Recover()
	if err != nil || len(left) != 1 || left[0].Err != nil || left[0].Cut == 0 {
		t.Fatal(left, err)
	}
	wantLines(t, dir, flood(left[0].Records))
}

// A Parquet file that met a full disk is whole when it is complete.
func TestFullDiskParquet(t *testing.T) {
	dir := smallDisk(t, "1m")
	synctest.Test(t, func(t *testing.T) {
		l := newLive(t, dir, Parquet, 1000)
		l.offer(1)
		ballast := fillDisk(t, dir, 0)
		if s := l.offer(300); !s.Stuck { // the first file's footer
			t.Fatalf("got %+v", s)
		}
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
		if s := l.wait(0); s.Stuck {
			t.Errorf("got %+v", s)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		rows := 0
		for _, name := range names(t, dir) {
			rows += len(readParquet(t, openParquet(t, read(t, dir, name))))
		}
		if s := l.Status(); rows != 301 || s.Written != 301 {
			t.Errorf("got %d rows and %+v, want 301", rows, s)
		}

		// Without room to the end there is no file, rather than one without its end.
		l = newLive(t, dir, Parquet, 1000)
		before := names(t, dir)
		fillDisk(t, dir, 0)
		l.offer(10)
		if err := l.Close(); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("got %v", err)
		}
		if got := names(t, dir); !slices.Equal(got, append([]string{"ballast"}, before...)) || l.Status().Failed != 10 {
			t.Errorf("got %q and %+v", got, l.Status())
		}
	})
}

// A directory that is removed costs the records of its open file; with it back, files go on.
func TestVanishedDirectory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "out")
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		l := newLive(t, dir, NDJSON, 100)
		l.offer(10)
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		s := l.wait(0)
		if s.Failed != 10 || s.Stuck || !errors.Is(s.Problem, errVanished) {
			t.Errorf("without the directory: got %+v", s)
		}
		s = l.offer(150)
		if s.Failed != 10 || s.Full != 50 || s.Waiting != 100 || !s.Stuck || !errors.Is(s.Problem, fs.ErrNotExist) {
			t.Errorf("with a record to write: got %+v", s)
		}
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		s = l.wait(0)
		if s.Stuck || s.Waiting != 0 {
			t.Errorf("with the directory: got %+v", s)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		if s = l.Status(); s.Written != 100 || s.Failed != 10 || s.Full != 50 {
			t.Errorf("at the end: got %+v", s)
		}
		wantLines(t, dir, l.all[10:110])
	})
}

// setFlags sets the inode flags of a directory.
func setFlags(t *testing.T, dir string, flags int) {
	t.Helper()
	d, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := unix.IoctlSetPointerInt(int(d.Fd()), unix.FS_IOC_SETFLAGS, flags); err != nil {
		t.Skipf("inode flags on tmpfs need Linux 6.6: %v", err)
	}
}

// A file that cannot get its name waits for it, complete. While a file is open for writing its file system cannot be made
// read-only, but its directory can be made immutable.
func TestReadOnlyDisk(t *testing.T) {
	dir := smallDisk(t, "1m")
	setFlags(t, dir, 0) // or there is nothing to test
	synctest.Test(t, func(t *testing.T) {
		l := newLive(t, dir, NDJSON, 100)
		l.offer(10)
		setFlags(t, dir, unix.STATX_ATTR_IMMUTABLE)
		s := l.wait(at(60)[0].Written)
		if !s.Stuck || s.Open != 10 || !errors.Is(s.Problem, fs.ErrPermission) {
			t.Errorf("read-only: got %+v", s)
		}
		setFlags(t, dir, 0)
		if s = l.wait(at(60)[0].Written); s.Stuck || s.Written != 10 {
			t.Errorf("writable: got %+v", s)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		wantLines(t, dir, l.all)
	})
}
