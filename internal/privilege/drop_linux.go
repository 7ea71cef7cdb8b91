package privilege

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"

	llsys "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"
	capability "kernel.org/pub/linux/libs/security/libcap/cap"
)

// reachable says whether the process can become the user.
func (id *Identity) reachable() error {
	if os.Geteuid() != 0 && os.Geteuid() != id.UID {
		return fmt.Errorf("user: got %q, want it empty, or weir run as root, which alone can become somebody else", id.Name)
	}
	return nil
}

// Drop gives up, for all threads of the process and for good, and looks whether it has worked:
//
//   - root becomes the user id, with that user's groups; nil: the process stays who it is;
//   - the capabilities go. Root that stays root keeps CAP_DAC_OVERRIDE, if it has it, or it could not write where it
//     could before;
//   - no program that the process starts gets any of it back (PR_SET_NO_NEW_PRIVS in prctl(2));
//   - of the file system, only paths can be opened (landlock(7)), as c.Landlock says.
//
// What takes a privilege is opened before: sockets, ports below 1024, files of others. After an error the process is
// in between and has to end. Drop is called once, and while no other goroutine opens anything.
func Drop(c Config, id *Identity, paths Paths) (Report, error) {
	for _, dir := range paths.written() {
		if err := prepare(dir, id); err != nil {
			return Report{}, err
		}
	}
	became, err := id.become()
	if err != nil {
		return Report{}, fmt.Errorf("become user %s: %w; it takes CAP_SETUID and CAP_SETGID", id.Name, err)
	}
	kept, err := limit()
	if err != nil {
		return Report{}, fmt.Errorf("give up capabilities: %w", err)
	}
	if err := llsys.AllThreadsPrctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return Report{}, fmt.Errorf("give up new privileges: %w", err)
	}
	if err := verify(expected(id, became, kept)); err != nil {
		return Report{}, fmt.Errorf("look whether privileges are gone: %w", err)
	}
	for _, dir := range paths.written() {
		if err := writable(dir, id); err != nil {
			return Report{}, err
		}
	}
	report := Report{Kept: kept}
	if became {
		report.User = id.Name
	}
	report.Landlock, report.Missing, err = shut(c.Landlock, paths)
	return report, err
}

// written returns the directories to write to.
func (p Paths) written() []string { return slices.Concat(p.Write, p.Nest) }

// prepare makes a directory to write to where it is not there, and gives it to the user.
func prepare(dir string, id *Identity) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return fmt.Errorf("create %s: %w", dir, err)
	}
	err := os.Mkdir(dir, 0o755)
	if errors.Is(err, os.ErrExist) {
		if info, err := os.Stat(dir); err == nil && !info.IsDir() {
			return fmt.Errorf("create %s: it exists and is not a directory", dir)
		}
		return nil
	}
	if err == nil && id != nil && os.Geteuid() == 0 {
		err = give(dir, id)
	}
	if err != nil {
		return fmt.Errorf("create %s: %w", dir, err)
	}
	return nil
}

// give makes a user the owner of a directory, and of nothing that somebody has put into its place meanwhile.
func give(dir string, id *Identity) error {
	f, err := os.OpenFile(dir, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Chown(id.UID, id.GID), f.Close())
}

// become switches all threads, as syscall's functions do, and says whether there was anything to switch.
func (id *Identity) become() (bool, error) {
	if id == nil || os.Geteuid() == id.UID {
		return false, nil
	}
	if err := syscall.Setgroups(id.Groups); err != nil {
		return false, fmt.Errorf("set groups: %w", err)
	}
	if err := syscall.Setresgid(id.GID, id.GID, id.GID); err != nil {
		return false, fmt.Errorf("set group: %w", err)
	}
	if err := syscall.Setresuid(id.UID, id.UID, id.UID); err != nil {
		return false, fmt.Errorf("set user: %w", err)
	}
	return true, nil
}

// limit gives up the capabilities of all threads, and says whether one is kept: CAP_DAC_OVERRIDE, for root.
func limit() (kept bool, err error) {
	set := capability.NewSet()
	if os.Geteuid() == 0 {
		if kept, err = capability.GetProc().GetFlag(capability.Permitted, capability.DAC_OVERRIDE); err != nil {
			return false, err
		}
		for _, flag := range []capability.Flag{capability.Permitted, capability.Effective} {
			if err := set.SetFlag(flag, kept, capability.DAC_OVERRIDE); err != nil {
				return false, err
			}
		}
	}
	return kept, set.SetProc()
}

// writable says whether files can be made in a directory, and what mends it.
func writable(dir string, id *Identity) error {
	err := unix.Access(dir, unix.R_OK|unix.W_OK|unix.X_OK)
	switch {
	case err == nil:
		return nil
	case err != unix.EACCES: // a disk that is read-only, say
		return fmt.Errorf("write into %s: %w", dir, err)
	}
	id = orSelf(id)
	return refused("write into "+dir, dir, id, err, "chown -R "+id.Name)
}

// orSelf returns the user who runs the process where none was become.
func orSelf(id *Identity) *Identity {
	if id == nil {
		return &Identity{Name: strconv.Itoa(os.Geteuid())}
	}
	return id
}

// Readable says whether the user that the process has become can read a file, and what mends it where not. nil is whoever
// runs the process. A file that is not there is left to whoever reads it.
func Readable(file string, id *Identity) error {
	err := unix.Access(file, unix.R_OK)
	if !errors.Is(err, unix.EACCES) {
		return nil
	}
	return refused("read "+file, file, orSelf(id), err, "chmod a+r")
}

// refused says why a user cannot do something with a path, and that a command, with the path behind it, mends it.
func refused(do, path string, id *Identity, err error, mend string) error {
	if abs, bad := filepath.Abs(path); bad == nil {
		path = abs
	}
	if _, hidden := os.Stat(path); hidden != nil {
		for above := filepath.Dir(path); ; above = filepath.Dir(above) {
			if _, err := os.Stat(above); err == nil { // it can be seen, but not entered
				return fmt.Errorf("%s as user %s: %s keeps that user out; 'chmod a+x %s' mends it", do, id.Name, above, above)
			}
			if above == filepath.Dir(above) {
				break
			}
		}
	}
	return fmt.Errorf("%s as user %s: %w; '%s %s' mends it", do, id.Name, err, mend, path)
}
