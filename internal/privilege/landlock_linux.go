package privilege

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/landlock-lsm/go-landlock/landlock"
	llsys "github.com/landlock-lsm/go-landlock/landlock/syscall"
)

// leastLandlock is the version that also keeps files from being truncated, Linux 6.2's.
const leastLandlock = 3

// What may be done below a path: to read, and to make, write, rename within a directory and remove files, to make
// and remove directories, too.
const (
	reading = landlock.AccessFSSet(llsys.AccessFSReadFile | llsys.AccessFSReadDir)
	writing = reading | landlock.AccessFSSet(llsys.AccessFSWriteFile|llsys.AccessFSMakeReg|llsys.AccessFSRemoveFile|llsys.AccessFSTruncate)
	nesting = writing | landlock.AccessFSSet(llsys.AccessFSMakeDir|llsys.AccessFSRemoveDir)
)

// shut shuts the process out of all files but those of paths, those that are open, and those whose names alone matter
// (stat). It returns the version of Landlock that does it, or 0 and why none does.
func shut(mode string, paths Paths) (version int, missing string, err error) {
	if mode == Off {
		return 0, "privileges.landlock is off", nil
	}
	version, err = llsys.LandlockGetABIVersion()
	switch {
	case err != nil || version < 1:
		missing = "this kernel has no Landlock, or it is not among those of the kernel parameter lsm="
	case version < leastLandlock:
		missing = fmt.Sprintf("this kernel's Landlock has version %d, want %d (Linux 6.2)", version, leastLandlock)
	}
	if missing != "" && mode == On {
		return 0, "", errors.New("privileges.landlock: got on, want auto or off: " + missing)
	}
	if missing != "" {
		return 0, missing, nil
	}
	// What later versions restrict beyond the eighth, such as connecting to systemd's socket, is not files.
	err = landlock.V8.BestEffort().RestrictPaths(
		landlock.PathAccess(reading, paths.Read...).IgnoreIfMissing(),
		landlock.PathAccess(writing, paths.Write...),
		landlock.PathAccess(nesting, paths.Nest...))
	if err != nil {
		return 0, "", fmt.Errorf("restrict files: %w", err)
	}
	return version, "", probe(paths)
}

// probe looks whether a directory that is not among the paths can be opened.
func probe(paths Paths) error {
	if slices.ContainsFunc(slices.Concat(paths.Read, paths.written()), func(p string) bool { return filepath.Clean(p) == "/" }) {
		return nil
	}
	f, err := os.Open("/")
	if errors.Is(err, os.ErrPermission) {
		return nil
	}
	if err == nil {
		err = errors.Join(errors.New("it opened all the same"), f.Close())
	}
	return fmt.Errorf("look whether files are restricted: open /: %w", err)
}
