package output

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// SetAside gives files of an earlier run, named as every run's are, the time at which that run began: NAME.EXT becomes
// NAME-20060102T150405Z.EXT; where one of these names is taken, each becomes NAME-20060102T150405Z_0001.EXT and so on. They
// are renamed in their order; those that are not there are left out. Nothing is replaced. aside has the new names, also
// where there is an error.
func (d *Dir) SetAside(began time.Time, names ...string) (aside []string, err error) {
	there := slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		info, err := os.Lstat(filepath.Join(d.path, name))
		return err != nil || info.IsDir()
	})
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
	return aside, nil
}
