package netnstest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// inside is the environment variable that says that a process was started by Inside.
const inside = "WEIR_TEST_NETNS"

// Inside reports whether the test runs in a network namespace of its own, where it may do what it likes: it is empty but
// for a loopback interface that is up, without IPv6, and has a /sys and a /run of its own. Where not, it runs the test again in
// one, by starting the test binary anew, and hands the outcome to t:
//
//	if !netnstest.Inside(t) {
//		return
//	}
//
// The test is skipped where namespaces may not be made. It must be a top-level test, and over in five minutes, which is
// many times what any of them takes on a busy machine.
func Inside(t *testing.T) bool {
	t.Helper()
	return InsideFor(t, 5*time.Minute)
}

// InsideFor is Inside for a test that takes that long at most.
func InsideFor(t *testing.T, limit time.Duration) bool {
	t.Helper()
	if os.Getenv(inside) == t.Name() {
		prepare(t)
		return true
	}
	if os.Geteuid() != 0 {
		t.Skip("needs CAP_SYS_ADMIN, CAP_NET_ADMIN and CAP_NET_RAW: run as root")
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+regexp.QuoteMeta(t.Name())+"$", "-test.v", "-test.timeout="+limit.String())
	cmd.Env = append(os.Environ(), inside+"="+t.Name())
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: unix.CLONE_NEWNET | unix.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	out, err := cmd.CombinedOutput()
	switch {
	case err == nil && strings.Contains(string(out), "--- SKIP"):
		t.Skipf("in its namespace:\n%s", out)
	case err == nil && !strings.Contains(string(out), "--- PASS: "+t.Name()+" "):
		t.Fatalf("the test did not run in its namespace:\n%s", out)
	case err == nil:
		t.Logf("in its namespace:\n%s", out)
	case strings.Contains(err.Error(), "operation not permitted"):
		t.Skipf("needs CAP_SYS_ADMIN to make a network namespace: %v", err)
	default:
		t.Fatalf("in its namespace: %v\n%s", err, out)
	}
	return false
}

// prepare makes what is special in a new namespace usual.
func prepare(t *testing.T) {
	t.Helper()
	if err := unix.Mount("weirtest", "/sys", "sysfs", 0, ""); err != nil {
		t.Fatalf("mount /sys of the namespace: %v", err)
	}
	// What ip netns names, it names here alone.
	if err := unix.Mount("weirtest", "/run", "tmpfs", 0, ""); err != nil {
		t.Fatalf("mount /run of the namespace: %v", err)
	}
	quiet(t)
	Run(t, "ip link set lo up")
}

// quiet switches IPv6 off: the kernel would send packets of its own, which a test that counts would find.
func quiet(t testing.TB) {
	t.Helper()
	for _, which := range []string{"all", "default"} {
		err := os.WriteFile("/proc/sys/net/ipv6/conf/"+which+"/disable_ipv6", []byte("1"), 0)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
}

// Thread moves the calling goroutine, which must be the test's or the benchmark's own, into a new network namespace,
// with a loopback interface that is down, without IPv6, and with the /sys of before. It is skipped where namespaces may
// not be made.
//
// The goroutine keeps its thread to itself, and the namespace ends with it and with the sockets that were opened in it.
// Other goroutines are not in it, those of subtests included, but can use what was opened there. Inside costs a process,
// and has everything in the namespace.
func Thread(t testing.TB) {
	t.Helper()
	runtime.LockOSThread() // for good: a locked thread ends with its goroutine
	if err := unix.Unshare(unix.CLONE_NEWNET); err == unix.EPERM {
		t.Skip("needs CAP_SYS_ADMIN to make a network namespace")
	} else if err != nil {
		t.Fatalf("make network namespace: %v", err)
	}
	quiet(t)
}

// Run runs a command, given as words with blanks between them, which must succeed. The test is skipped where the program
// is missing.
func Run(t testing.TB, command string) {
	t.Helper()
	words := strings.Fields(command)
	if _, err := exec.LookPath(words[0]); err != nil {
		t.Skipf("needs the program %s: %v (Debian: apt-get install iproute2)", words[0], err)
	}
	if out, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", command, err, out)
	}
}

// Pair makes two interfaces, both up, and connects them with each other: what is sent into one comes out of the other.
func Pair(t testing.TB, a, b string) {
	t.Helper()
	Run(t, fmt.Sprintf("ip link add %s type veth peer name %s", a, b))
	Run(t, "ip link set "+a+" up")
	Run(t, "ip link set "+b+" up")
	Carries(t, a)
	Carries(t, b)
}

// Carries waits until an interface, which is up, sends what it is given. When its other end has come up, the kernel has it
// begin a little later, or much later where the machine is busy, and drops without a word what it is given until then.
func Carries(t testing.TB, name string) {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; runtime.Gosched() {
		i, err := net.InterfaceByName(name)
		if err != nil {
			t.Fatal(err)
		}
		if i.Flags&net.FlagRunning != 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s carries nothing", name)
		}
	}
}

// In calls f in a namespace that 'ip netns add' made. A socket that f opens stays in it.
func In(t *testing.T, name string, f func()) {
	t.Helper()
	there, err := os.Open("/run/netns/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer there.Close()
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		err := unix.Setns(int(there.Fd()), unix.CLONE_NEWNET)
		if err == nil {
			f()
		}
		done <- err
	}()
	if err := <-done; err != nil {
		t.Fatalf("enter namespace %s: %v", name, err)
	}
}

// Sender sends whole frames.
type Sender struct{ fd int }

// NewSender returns a sender of frames on an interface. It is closed with the test.
func NewSender(t testing.TB, name string) *Sender {
	t.Helper()
	iface, err := net.InterfaceByName(name)
	if err != nil {
		t.Fatal(err)
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0) // protocol 0: it receives nothing
	if err != nil {
		t.Fatalf("open raw socket: %v", err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Ifindex: iface.Index}); err != nil {
		t.Fatalf("bind raw socket: %v", err)
	}
	return &Sender{fd: fd}
}

// Send sends a frame, link header included. It does not allocate.
func (s *Sender) Send(t testing.TB, frame []byte) {
	for {
		_, err := unix.Write(s.fd, frame)
		switch err {
		case nil:
			return
		case unix.EAGAIN, unix.ENOBUFS, unix.EINTR: // no room just now
		default:
			t.Fatalf("send frame of %d bytes: %v", len(frame), err)
		}
	}
}

// The offloads of an interface that Offload sets: ethtool's commands (ETHTOOL_S... in the kernel's ethtool.h).
const (
	TSO uint32 = 0x1f
	GSO uint32 = 0x24
	GRO uint32 = 0x2c
)

// Offload switches an offload of an interface on or off, as ethtool -K does.
func Offload(t *testing.T, name string, which uint32, on bool) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	value := struct{ command, data uint32 }{command: which}
	if on {
		value.data = 1
	}
	request := struct {
		name [unix.IFNAMSIZ]byte
		data unsafe.Pointer
		_    [16]byte
	}{data: unsafe.Pointer(&value)}
	copy(request.name[:unix.IFNAMSIZ-1], name)
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&request))); errno != 0 {
		t.Fatalf("set offload %#x of %s: %v", which, name, errno)
	}
}
