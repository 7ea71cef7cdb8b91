package main

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// commandLine is the environment variable with the arguments, a JSON array, for which the test binary is the program weir.
const commandLine = "WEIR_TEST_COMMAND"

// The first files of exec.Cmd.ExtraFiles, through which the program is asked for its goroutines: see process.goroutines.
const (
	askFD    = 3
	answerFD = 4
)

func TestMain(m *testing.M) {
	text := os.Getenv(commandLine)
	if text == "" {
		os.Exit(m.Run())
	}
	var args []string
	if err := json.Unmarshal([]byte(text), &args); err != nil {
		panic(err)
	}
	os.Unsetenv(commandLine) // weir refuses variables of WEIR_ that it does not know
	os.Args = append(os.Args[:1], args...)
	go answerGoroutines(os.NewFile(askFD, "ask"), os.NewFile(answerFD, "answer"))
	main()
}

// answerGoroutines answers each byte with the stacks of all goroutines, ended by a byte 0.
func answerGoroutines(ask, answer *os.File) {
	stacks := make([]byte, 1<<20)
	for {
		if _, err := ask.Read(stacks[:1]); err != nil {
			return
		}
		n := runtime.Stack(stacks[:len(stacks)-1], true)
		if _, err := answer.Write(append(stacks[:n], 0)); err != nil {
			return
		}
	}
}

// process is weir in a process of its own.
type process struct {
	*exec.Cmd
	stderr  lockedBuffer
	ask     *os.File
	answers *bufio.Reader
}

// startWeir starts weir live and waits until it captures.
func startWeir(t *testing.T, args ...string) *process {
	t.Helper()
	p := newProcess(t, args...)
	p.start(t)
	until(t, "the capture to begin: "+strings.Join(args, " "), func() bool {
		if strings.Contains(p.stderr.String(), "weir: ") {
			t.Fatal(p.stderr.String())
		}
		return strings.Contains(p.stderr.String(), "capturing")
	})
	return p
}

// newProcess returns weir, to be started.
func newProcess(t *testing.T, args ...string) *process {
	t.Helper()
	line, err := json.Marshal(args)
	if err != nil {
		t.Fatal(err)
	}
	p := &process{Cmd: exec.Command(os.Args[0])}
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "WEIR_") {
			p.Env = append(p.Env, v)
		}
	}
	p.Env, p.Stderr = append(p.Env, commandLine+"="+string(line)), &p.stderr
	p.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return p
}

// start starts the process, which ends with the test.
func (p *process) start(t *testing.T) {
	t.Helper()
	asked, ask := pipe(t)
	answers, answer := pipe(t)
	defer asked.Close()
	defer answer.Close()
	p.ask, p.answers, p.ExtraFiles = ask, bufio.NewReader(answers), []*os.File{asked, answer}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Process.Kill() }) // where the test fails before its end
}

// pipe returns the two ends of a pipe, which are closed with the test.
func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	return r, w
}

var creator = regexp.MustCompile(`(?m)^created by (\S+)`)

// goroutines returns how many goroutines there are now, by the functions that began them.
func (p *process) goroutines(t *testing.T) map[string]int {
	t.Helper()
	if _, err := p.ask.Write([]byte{0}); err != nil {
		t.Fatal(err)
	}
	stacks, err := p.answers.ReadString(0)
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, by := range creator.FindAllStringSubmatch(stacks, -1) { // all but that of main
		count[by[1]]++
	}
	return count
}

// interrupt asks the process to end, which it must do without an error.
func (p *process) interrupt(t *testing.T) {
	t.Helper()
	if err := p.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := p.Wait(); err != nil {
		t.Fatalf("%v: %s", err, p.stderr.String())
	}
}

var servingAt = regexp.MustCompile(`serving metrics.*"?listen"?[=:]"?([0-9.:]+)`)

// address waits until the process serves metrics, and returns the address of them.
func (p *process) address(t *testing.T) string {
	t.Helper()
	until(t, "the server", func() bool { return servingAt.MatchString(p.stderr.String()) })
	return "http://" + servingAt.FindStringSubmatch(p.stderr.String())[1]
}
