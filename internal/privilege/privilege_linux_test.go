package privilege

import (
	"os/user"
	"testing"
)

func TestFind(t *testing.T) {
	if id, err := Find(Config{}); id != nil || err != nil {
		t.Errorf("no user: got %v, %v, want nobody", id, err)
	}
	for name, want := range map[string]string{
		"no-such-user": `user: got "no-such-user", want a user of this system; 'useradd --system no-such-user' makes one`,
		"987654321":    "user: got 987654321, want the name or number of a user of this system",
		"root":         `user: got "root", want another user than root; empty: stay who one is`,
		"0":            `user: got "0", want another user than root; empty: stay who one is`,
	} {
		if id, err := Find(Config{User: name}); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, %v, want %s", name, id, err, want)
		}
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	if me.Uid == "0" {
		if me, err = user.Lookup("nobody"); err != nil {
			t.Skip("needs a user nobody")
		}
	}
	for _, name := range []string{me.Username, me.Uid} {
		if id, err := Find(Config{User: name}); err != nil || id.Name != me.Username || id.UID == 0 || len(id.Groups) == 0 {
			t.Errorf("%s: got %+v, %v", name, id, err)
		}
	}
}

func TestValidateNamesEveryProblem(t *testing.T) {
	err := Config{User: "a b", Landlock: "yes"}.Validate()
	want := "user: got \"a b\", want a user's name or number; empty: stay who one is\nlandlock: got \"yes\", want auto, on or off"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
