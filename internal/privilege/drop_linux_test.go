package privilege

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"

	llsys "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"
	capability "kernel.org/pub/linux/libs/security/libcap/cap"
)

// stranger is nobody whom the system knows.
var stranger = Identity{Name: "stranger", UID: 4711, GID: 4712, Groups: []int{4720, 4712}}

// The environment of a test that was started again: its name, and a directory of root's that everybody can read.
const again, there = "WEIR_TEST_PRIVILEGE", "WEIR_TEST_DIR"

// alone reports whether the test runs in a process of its own, which it may ruin. Where not, it runs the test again in one
// and hands the outcome to t.
func alone(t *testing.T, attr *syscall.SysProcAttr) bool {
	t.Helper()
	if os.Getenv(again) == t.Name() {
		return true
	}
	for _, c := range []capability.Value{capability.SETUID, capability.SETGID, capability.DAC_OVERRIDE, capability.NET_RAW} {
		if has, err := capability.GetProc().GetFlag(capability.Effective, c); err != nil || !has || os.Geteuid() != 0 {
			t.Skipf("needs root with %v", c)
		}
	}
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/proc/self/exe", "-test.run=^"+regexp.QuoteMeta(t.Name())+"$", "-test.v")
	cmd.Env, cmd.Dir, cmd.SysProcAttr = append(os.Environ(), again+"="+t.Name(), there+"="+dir), "/", attr
	out, err := cmd.CombinedOutput()
	switch {
	case err != nil:
		t.Fatalf("in its process: %v\n%s", err, out)
	case strings.Contains(string(out), "--- SKIP"):
		t.Skipf("in its process:\n%s", out)
	case !strings.Contains(string(out), "--- PASS: "+t.Name()+" "):
		t.Fatalf("the test did not run in its process:\n%s", out)
	}
	return false
}

// status returns the distinct values of a line of the threads' status, and fails where there are few threads.
func status(t *testing.T, key string) string {
	t.Helper()
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil || len(threads) < 5 {
		t.Fatalf("got %d threads, %v", len(threads), err)
	}
	values := map[string]bool{}
	for _, thread := range threads {
		text, err := os.ReadFile("/proc/self/task/" + thread.Name() + "/status")
		if err != nil {
			continue // it has ended
		}
		_, rest, _ := strings.Cut(string(text), "\n"+key+":")
		line, _, _ := strings.Cut(rest, "\n")
		values[strings.Join(strings.Fields(line), " ")] = true
	}
	var all []string
	for value := range values {
		all = append(all, value)
	}
	return strings.Join(all, " and ")
}

func wantStatus(t *testing.T, want map[string]string) {
	t.Helper()
	for key, value := range want {
		if got := status(t, key); got != value {
			t.Errorf("%s of the threads: got %q, want %q", key, got, value)
		}
	}
}

// threads starts threads that stay; the function that it returns calls f on each and waits.
func threads(n int) func(f func()) {
	work, done := make([]chan func(), n), make(chan bool)
	for i := range work {
		work[i] = make(chan func())
		go func() {
			runtime.LockOSThread()
			done <- true
			for f := range work[i] {
				f()
				done <- true
			}
		}()
		<-done
	}
	return func(f func()) {
		for _, w := range work {
			w <- f
			<-done
		}
	}
}

// needLandlock skips the test where the kernel has none.
func needLandlock(t *testing.T) {
	t.Helper()
	if v, err := llsys.LandlockGetABIVersion(); err != nil || v < leastLandlock {
		t.Skipf("needs a kernel with Landlock of version %d: got %d, %v", leastLandlock, v, err)
	}
}

func TestDropFromRoot(t *testing.T) {
	if !alone(t, nil) {
		return
	}
	each := threads(6)
	out := filepath.Join(os.Getenv(there), "new", "out")
	report, err := Drop(Config{Landlock: Off}, &stranger, Paths{Write: []string{out}})
	if err != nil {
		t.Fatal(err)
	}
	if report.User != "stranger" || report.Kept || report.Landlock != 0 || report.Missing == "" {
		t.Errorf("got %+v", report)
	}
	none := "0000000000000000"
	wantStatus(t, map[string]string{"Uid": "4711 4711 4711 4711", "Gid": "4712 4712 4712 4712", "Groups": "4712 4720",
		"CapInh": none, "CapPrm": none, "CapEff": none, "CapAmb": none, "NoNewPrivs": "1"})
	each(func() {
		// Go's own Setuid would end the program where only some threads fail.
		if _, _, errno := unix.RawSyscall(unix.SYS_SETUID, 0, 0, 0); errno != unix.EPERM {
			t.Errorf("way back to root: got %v, want EPERM", errno)
		}
		if fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, 0); err != unix.EPERM {
			t.Errorf("open packet socket: got %d, %v, want EPERM", fd, err)
		}
	})
	if err := os.WriteFile(filepath.Join(out, "file"), nil, 0o644); err != nil {
		t.Error(err) // in a directory that root has made for it
	}
}

// Root that stays root can still write where it could.
func TestDropStayingRoot(t *testing.T) {
	if !alone(t, nil) {
		return
	}
	threads(6)
	dir := filepath.Join(os.Getenv(there), "theirs")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(dir, stranger.UID, stranger.GID); err != nil {
		t.Fatal(err)
	}
	report, err := Drop(Config{Landlock: Auto}, nil, Paths{Write: []string{dir}})
	if err != nil || report.User != "" || !report.Kept {
		t.Fatalf("got %+v, %v", report, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o644); err != nil {
		t.Error(err)
	}
	if fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, 0); err != unix.EPERM {
		t.Errorf("open packet socket: got %d, %v, want EPERM", fd, err)
	}
}

// With setcap, or from systemd, a user has CAP_NET_RAW.
func TestDropFromCapability(t *testing.T) {
	attr := &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 4711, Gid: 4712}, AmbientCaps: []uintptr{unix.CAP_NET_RAW}}
	if !alone(t, attr) {
		return
	}
	each := threads(6)
	wantStatus(t, map[string]string{"CapEff": "0000000000002000", "CapAmb": "0000000000002000", "NoNewPrivs": "0"})
	open, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, 0)
	if err != nil {
		t.Fatal(err)
	}
	report, err := Drop(Config{Landlock: Off}, nil, Paths{})
	if err != nil || report.User != "" || report.Kept {
		t.Fatalf("got %+v, %v", report, err)
	}
	none := "0000000000000000"
	wantStatus(t, map[string]string{"CapInh": none, "CapPrm": none, "CapEff": none, "CapAmb": none, "NoNewPrivs": "1"})
	each(func() {
		if fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, 0); err != unix.EPERM {
			t.Errorf("open packet socket: got %d, %v, want EPERM", fd, err)
		}
	})
	if err := unix.Bind(open, &unix.SockaddrLinklayer{Protocol: 0}); err != nil {
		t.Errorf("the socket from before: %v", err)
	}
	if err := stranger.reachable(); err != nil {
		t.Errorf("the user that one is: %v", err)
	}
	other := Identity{Name: "other", UID: 4713}
	if err := other.reachable(); err == nil || !strings.HasPrefix(err.Error(), `user: got "other", want it empty, or weir run as root`) {
		t.Errorf("another user: got %v", err)
	}
}

func TestLandlock(t *testing.T) {
	if !alone(t, nil) {
		return
	}
	needLandlock(t)
	each := threads(6)
	root := os.Getenv(there)
	in, out, other, nest := filepath.Join(root, "in"), filepath.Join(root, "out"), filepath.Join(root, "other"), filepath.Join(root, "nest")
	for _, dir := range []string{in, out, other, nest} {
		if err := errors.Join(os.Mkdir(dir, 0o777), os.Chmod(dir, 0o777), os.WriteFile(filepath.Join(dir, "file"), []byte("x"), 0o666)); err != nil {
			t.Fatal(err)
		}
	}
	report, err := Drop(Config{Landlock: On}, nil, Paths{Read: []string{in, filepath.Join(root, "not-there")}, Write: []string{out}, Nest: []string{nest}})
	if err != nil || report.Landlock < leastLandlock || report.Missing != "" {
		t.Fatalf("got %+v, %v", report, err)
	}
	open := func(path string, flags int) error {
		f, err := os.OpenFile(path, flags, 0o644)
		if err == nil {
			f.Close()
		}
		return err
	}
	try := func(what string, err, want error) {
		if !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", what, err, want)
		}
	}
	each(func() {
		try("read outside", open(filepath.Join(other, "file"), os.O_RDONLY), unix.EACCES)
		try("read /etc/passwd", open("/etc/passwd", os.O_RDONLY), unix.EACCES)
		try("make outside", open(filepath.Join(other, "new"), os.O_WRONLY|os.O_CREATE), unix.EACCES)
		try("cut outside", os.Truncate(filepath.Join(other, "file"), 0), unix.EACCES)
		try("write what is to read", open(filepath.Join(in, "file"), os.O_WRONLY), unix.EACCES)
		try("run", exec.Command("/bin/true").Run(), unix.EACCES)
		try("read", open(filepath.Join(in, "file"), os.O_RDONLY), nil)
		made := filepath.Join(out, "made")
		try("make", open(made, os.O_RDWR|os.O_CREATE|os.O_EXCL), nil)
		try("cut", os.Truncate(made, 0), nil)
		try("rename", os.Rename(made, made+"2"), nil)
		try("list", open(out, os.O_RDONLY), nil)
		try("remove", os.Remove(made+"2"), nil)
		try("make a directory where files are made", os.Mkdir(filepath.Join(out, "dir"), 0o755), unix.EACCES)
		dir := filepath.Join(nest, "dir")
		try("make a directory", os.Mkdir(dir, 0o755), nil)
		try("make in it", open(filepath.Join(dir, "made"), os.O_RDWR|os.O_CREATE|os.O_EXCL), nil)
		try("rename in it", os.Rename(filepath.Join(dir, "made"), filepath.Join(dir, "made2")), nil)
		try("remove it", os.RemoveAll(dir), nil)
	})
}

// A directory that the user cannot write to, and one that it cannot get to.
func TestDropNamesTheDirectory(t *testing.T) {
	if !alone(t, nil) {
		return
	}
	roots, barred := filepath.Join(os.Getenv(there), "roots"), filepath.Join(os.Getenv(there), "barred")
	if err := errors.Join(os.Mkdir(roots, 0o755), os.Mkdir(barred, 0o700)); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(roots, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Readable(file, nil); err != nil {
		t.Errorf("read as root: got %v", err)
	}
	_, err := Drop(Config{Landlock: Off}, &stranger, Paths{Write: []string{file}})
	if want := "create " + file + ": it exists and is not a directory"; err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
	inside := filepath.Join(barred, "out")
	_, err = Drop(Config{Landlock: Off}, &stranger, Paths{Write: []string{inside}})
	want := "write into " + inside + " as user stranger: " + barred + " keeps that user out; 'chmod a+x " + barred + "' mends it"
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
	_, err = Drop(Config{Landlock: Off}, &stranger, Paths{Write: []string{roots}})
	want = "write into " + roots + " as user stranger: permission denied; 'chown -R stranger " + roots + "' mends it"
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
	_, err = Drop(Config{Landlock: Off}, nil, Paths{Write: []string{roots}})
	want = "write into " + roots + " as user 4711: permission denied; 'chown -R 4711 " + roots + "' mends it"
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
	want = "read " + file + " as user stranger: permission denied; 'chmod a+r " + file + "' mends it"
	if err := Readable(file, &stranger); err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

// What has not been given up is found out.
func TestVerifyFinds(t *testing.T) {
	all := expected(&stranger, true, false)
	for _, key := range []string{"Uid", "Gid", "Groups"} {
		err := verify(map[string]string{key: all[key]})
		if err == nil || !strings.Contains(err.Error(), ": "+key+" is ") || !strings.HasSuffix(err.Error(), "want \""+all[key]+"\"") {
			t.Errorf("got %v, want it to name %s %s", err, key, all[key])
		}
	}
	if all["CapEff"] != "0000000000000000" || all["NoNewPrivs"] != "1" || expected(nil, false, true)["CapEff"] != "0000000000000002" {
		t.Errorf("expected %v", all)
	}
}
