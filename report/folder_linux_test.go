package report

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// held returns what is in a directory, hidden files included, with its text.
func held(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil && !e.IsDir() {
			t.Fatal(err)
		}
		all[e.Name()] = string(text)
	}
	return all
}

// However large a disk is, a report is on it whole, or nothing of it and no folder; an earlier one in the folder stays as it was.
func TestWriteFolderOnFullDisk(t *testing.T) {
	whole := filepath.Join(t.TempDir(), "whole")
	if err := WriteFolder(whole, sample(), nil); err != nil {
		t.Fatal(err)
	}
	want := held(t, whole)
	disk := t.TempDir()
	defer unix.Unmount(disk, unix.MNT_DETACH) // where the test ends early
	statuses := map[bool]int{}
	for _, size := range []string{"4k", "16k", "48k", "64k", "100k", "150k", "200k", "4m"} {
		if err := unix.Mount("weirtest", disk, "tmpfs", 0, "size="+size); err == unix.EPERM {
			t.Skip("mounting a small disk takes CAP_SYS_ADMIN")
		} else if err != nil {
			t.Fatal(err)
		}
		dir := filepath.Join(disk, "report")
		err := WriteFolder(dir, sample(), nil)
		got := map[string]string{}
		if left := held(t, disk); len(left) > 0 {
			got = held(t, dir)
		}
		statuses[err == nil]++
		switch {
		case err == nil && len(got) != len(want):
			t.Errorf("%s: got %d files, want %d", size, len(got), len(want))
		case err != nil && (len(held(t, disk)) > 0 || !strings.HasPrefix(err.Error(), "write report into "+dir+": ") || !strings.HasSuffix(err.Error(), "no space left on device")):
			t.Errorf("%s: got %v, left %d files", size, err, len(got))
		}
		if err := unix.Unmount(disk, 0); err != nil {
			t.Fatal(err)
		}
	}
	if statuses[true] == 0 || statuses[false] < 3 {
		t.Errorf("got %v, want disks that have room and several that have not", statuses)
	}
}

// Whatever stands in the way, at the beginning, in the middle or at the end: the earlier report stays whole, and nothing is left
// of the new one.
func TestWriteFolderLeavesTheEarlierReport(t *testing.T) {
	for _, file := range []string{"table.csv", "points.png", MarkdownName, PageName} {
		for _, obstacle := range []string{file, "." + file + ".partial"} {
			dir := t.TempDir()
			for _, name := range []string{"table.csv", PageName, "other"} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte("earlier"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.RemoveAll(filepath.Join(dir, obstacle)); err != nil {
				t.Fatal(err)
			}
			if err := os.Mkdir(filepath.Join(dir, obstacle), 0o755); err != nil {
				t.Fatal(err)
			}
			before := held(t, dir)
			err := WriteFolder(dir, hostile(), nil)
			if err == nil || !strings.Contains(err.Error(), file) {
				t.Errorf("%s in the way: got %v", obstacle, err)
			}
			after := held(t, dir)
			for name, text := range before {
				if after[name] != text {
					t.Errorf("%s in the way: %s is not as it was", obstacle, name)
				}
			}
			if len(after) != len(before) {
				t.Errorf("%s in the way: got %d files, had %d", obstacle, len(after), len(before))
			}
		}
	}
}
