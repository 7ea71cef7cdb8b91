package output

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// present returns those of the names of which there is a file.
func (d *Dir) present(names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		info, err := os.Lstat(filepath.Join(d.path, name))
		return err != nil || info.IsDir()
	})
}

// SetAside gives files of an earlier run, named as every run's are, the time at which that run began: NAME.EXT becomes
// NAME-20060102T150405Z.EXT; where one of these names is taken, each becomes NAME-20060102T150405Z_0001.EXT and so on. They
// are renamed in their order; those that are not there are left out. Nothing is replaced. aside has the new names, also
// where there is an error.
func (d *Dir) SetAside(began time.Time, names ...string) (aside []string, err error) {
	there := d.present(names)
	var to []string
	for n := 0; to == nil || slices.ContainsFunc(to, taken); n++ {
		to = []string{}
		for _, name := range there {
			ext := filepath.Ext(name)
			to = append(to, livePath(filepath.Join(d.path, strings.TrimSuffix(name, ext)), began.UnixNano(), n, ext[1:]))
		}
	}
	for i, name := range there {
		if err := os.Rename(filepath.Join(d.path, name), to[i]); err != nil {
			return aside, fmt.Errorf("set aside %s: %w", filepath.Join(d.path, name), cause(err))
		}
		aside = append(aside, filepath.Base(to[i]))
	}
	if len(aside) == 0 {
		return nil, nil
	}
	return aside, syncDir(d.path, (*os.File).Sync) // before others get their names
}

// MoveAside moves files of an earlier run, in their order, into a directory beside them, run-20060102T150405Z after the time
// at which that began (with _0001 and so on where it has one of them), which belongs to whom this one does. Nothing is
// replaced. It returns the directory's name, "" where none of the files is there.
func (d *Dir) MoveAside(began time.Time, names ...string) (to string, err error) {
	there := d.present(names)
	if len(there) == 0 {
		return "", nil
	}
	for n := 0; to == "" || slices.ContainsFunc(there, func(name string) bool { return taken(filepath.Join(d.path, to, name)) }); n++ {
		to = strings.TrimSuffix(livePath("run", began.UnixNano(), n, ""), ".")
	}
	path := filepath.Join(d.path, to)
	if err := d.makeAside(path); err != nil {
		return "", fmt.Errorf("create %s: %w", path, cause(err))
	}
	for _, name := range there {
		if err := os.Rename(filepath.Join(d.path, name), filepath.Join(path, name)); err != nil {
			return "", fmt.Errorf("move %s: %w", filepath.Join(d.path, name), cause(err))
		}
	}
	return to, nil
}

// makeAside makes a directory that belongs to whom d does.
func (d *Dir) makeAside(path string) error {
	if err := os.Mkdir(path, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := os.Stat(d.path)
	if err != nil {
		return err
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); ok && os.Geteuid() == 0 {
		return os.Lchown(path, int(owner.Uid), int(owner.Gid))
	}
	return nil
}
