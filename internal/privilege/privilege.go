package privilege

import (
	"errors"
	"fmt"
	"os/user"
	"strconv"
	"strings"
)

// Config is the section privileges of the configuration.
type Config struct {
	User     string `mapstructure:"user"`     // name or number of the user to become; empty: stay who we are
	Landlock string `mapstructure:"landlock"` // auto, on or off
}

// What is done about Landlock, the kernel's way for a program to shut itself out of the file system.
const (
	Auto = "auto" // where the kernel has it
	On   = "on"   // or not go on
	Off  = "off"
)

const maxUser = 256 // bytes; LOGIN_NAME_MAX of Linux

// DefaultConfig returns the defaults of config.yaml.
func DefaultConfig() Config { return Config{Landlock: Auto} }

// Validate returns nil or all problems joined, each as "key: got X, want Y". Whether there is such a user is Find's to say.
func (c Config) Validate() error {
	var problems []error
	if len(c.User) > maxUser || strings.ContainsFunc(c.User, func(r rune) bool { return r <= ' ' || r == ':' || r == '/' || r == 0x7f }) {
		problems = append(problems, fmt.Errorf("user: got %q, want a user's name or number; empty: stay who one is", c.User))
	}
	if c.Landlock != Auto && c.Landlock != On && c.Landlock != Off {
		problems = append(problems, fmt.Errorf("landlock: got %q, want auto, on or off", c.Landlock))
	}
	return errors.Join(problems...)
}

// Identity is a user with the groups to have as that user. nil is whoever runs the process.
type Identity struct {
	Name   string
	UID    int
	GID    int
	Groups []int // supplementary ones, the user's own among them
}

// Find looks up the user to become, before anything is opened. It returns nil where the process stays who it is. The
// error names the key and says what would be right.
func Find(c Config) (*Identity, error) {
	if c.User == "" {
		return nil, nil
	}
	u, err := user.Lookup(c.User)
	if _, bad := strconv.ParseUint(c.User, 10, 32); err != nil && bad == nil {
		if u, err = user.LookupId(c.User); err != nil {
			return nil, fmt.Errorf("user: got %s, want the name or number of a user of this system", c.User)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("user: got %q, want a user of this system; 'useradd --system %s' makes one", c.User, c.User)
	}
	id := &Identity{Name: u.Username}
	groups, err := u.GroupIds()
	if err != nil {
		return nil, fmt.Errorf("user: find the groups of %s: %w", u.Username, err)
	}
	if id.UID, err = strconv.Atoi(u.Uid); err == nil {
		id.GID, err = strconv.Atoi(u.Gid)
	}
	for _, group := range groups {
		n, bad := strconv.Atoi(group)
		err = errors.Join(err, bad)
		id.Groups = append(id.Groups, n)
	}
	if err != nil {
		return nil, fmt.Errorf("user: the numbers of %s make no sense: %w", u.Username, err)
	}
	if id.UID == 0 {
		return nil, fmt.Errorf("user: got %q, want another user than root; empty: stay who one is", c.User)
	}
	return id, id.reachable()
}

// Paths are the directories and files that are opened after Drop, with what is below them. What is open already stays open.
type Paths struct {
	Read  []string // those that are not there are left out
	Write []string // directories for files to make, rename and remove; made where they are not there
	Nest  []string // likewise, also for directories to make and remove
}

// Report is what Drop has done.
type Report struct {
	User     string // who the process has become, "" where it stayed who it was
	Kept     bool   // root has CAP_DAC_OVERRIDE still; else there is no capability
	Landlock int    // version of the kernel's interface that restricts the process; 0 where none does
	Missing  string // why files are not restricted, "" where they are
}
