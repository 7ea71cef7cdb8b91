package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/weir-sensor/weir/config"
	"github.com/weir-sensor/weir/internal/privilege"
	"github.com/weir-sensor/weir/output"
)

// The exit statuses.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// oneRequest is how long signals after the first one ask for the same as it. Coreutils' timeout sends one to the process and one
// to its group, and people press keys twice.
const oneRequest = time.Second

func main() {
	// The first signal asks the commands to finish in order, through their context. A while later the signals have their
	// default meaning again, so that another one kills.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, func() { time.AfterFunc(oneRequest, stop) })
	// A closed pipe is an error of the write, which the commands clean up after, instead of a sudden death.
	signal.Ignore(syscall.SIGPIPE)
	a := &app{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, environ: os.Environ(), drop: privilege.Drop, minute: time.Minute}
	os.Exit(a.run(ctx, os.Args[1:]))
}

// run executes the command line and returns the exit status. Whatever went wrong is on stderr, a line for each
// problem, when it returns.
func (a *app) run(ctx context.Context, args []string) (status int) {
	defer func() {
		if p := recover(); p != nil {
			reportBug(a.stderr, p, a.logLevel == "debug")
			status = exitFailed
		}
	}()
	root := newRoot(a)
	root.SetArgs(args)
	return reportError(a.stderr, root.ExecuteContext(ctx))
}

// reportError writes err for the user and returns the exit status that goes with it.
func reportError(w io.Writer, err error) int {
	var usage usageError
	var invalid *config.Error
	err = besidesPipe(err)
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &usage), errors.As(err, &invalid):
		printLines(w, err.Error())
		return exitUsage
	}
	// An error that came out of a library may have several lines; ours has one.
	printLines(w, strings.ReplaceAll(err.Error(), "\n", "; "))
	return exitFailed
}

// besidesPipe returns what is left of an error, or of several that were joined, without those that say that the reader has had
// enough; nil where there is no other.
func besidesPipe(err error) error {
	if !errors.Is(err, output.ErrClosedPipe) && !errors.Is(err, syscall.EPIPE) {
		return err
	}
	var others []error
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			others = append(others, besidesPipe(e))
		}
	}
	return errors.Join(others...)
}

// reportBug writes one line about a panic, and where it happened when asked to.
func reportBug(w io.Writer, panicked any, stack bool) {
	text := strings.ReplaceAll(strings.TrimPrefix(fmt.Sprint(panicked), "bug: "), "\n", " ")
	printLines(w, "bug: "+text+" (please report it with the command line and the output of 'weir version'; "+
		"--log-level debug adds the stack)")
	if stack {
		w.Write(debug.Stack())
	}
}

func printLines(w io.Writer, text string) {
	for line := range strings.SplitSeq(text, "\n") {
		fmt.Fprintf(w, "weir: %s\n", line)
	}
}

// usageError is a mistake on the command line or in the configuration: exit status 2, nothing was started.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// usagef returns a usageError. The text is one line: what is wrong, and what would be right.
func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }
