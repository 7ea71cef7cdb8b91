package privilege

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// verify reads what each thread of the process is and may (proc_pid_status(5)).
func verify(want map[string]string) error {
	threads, err := filepath.Glob("/proc/self/task/*/status")
	if err != nil || len(threads) == 0 {
		return errors.New("no threads in /proc/self/task: /proc has to be mounted")
	}
	for _, path := range threads {
		text, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH) {
			continue // the thread has ended
		}
		if err != nil {
			return err
		}
		got := fields(string(text))
		for key, value := range want {
			if got[key] != value {
				return fmt.Errorf("%s: %s is %q, want %q", path, key, got[key], value)
			}
		}
	}
	return nil
}

// expected returns what the status of each thread has to say.
func expected(id *Identity, became, kept bool) map[string]string {
	mask := func(bits uint64) string { return fmt.Sprintf("%016x", bits) }
	left := mask(0)
	if kept {
		left = mask(1 << unix.CAP_DAC_OVERRIDE)
	}
	want := map[string]string{"CapInh": mask(0), "CapPrm": left, "CapEff": left, "CapAmb": mask(0), "NoNewPrivs": "1"}
	if id != nil {
		want["Uid"] = numbers(id.UID, id.UID, id.UID, id.UID) // real, effective, saved, the file system's
	}
	if became {
		want["Gid"] = numbers(id.GID, id.GID, id.GID, id.GID)
		want["Groups"] = numbers(slices.Sorted(slices.Values(id.Groups))...) // the kernel sorts them
	}
	return want
}

// numbers returns numbers with a blank between them.
func numbers(all ...int) string { return strings.Trim(fmt.Sprint(all), "[]") }

// fields returns the lines "Key: value" of a status, with a blank between the words of the value.
func fields(status string) map[string]string {
	m := map[string]string{}
	for line := range strings.Lines(status) {
		key, value, _ := strings.Cut(line, ":")
		m[key] = strings.Join(strings.Fields(value), " ")
	}
	return m
}
