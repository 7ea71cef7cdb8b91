package main

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const rootHelp = `weir measures what flows through a network: it reads packets, from capture files or a network interface, and
writes bidirectional flow records (who talked to whom, when, how much, and how it ended) as JSON, CSV or Parquet.

  weir replay capture.pcap                   a summary to read: top talkers, top ports, longest flows
  weir replay --out records capture.pcap     all records, as files in the directory records
  weir live -i eth0 --out records            the same from a network interface, in files that rotate
  weir report -o report capture.pcap         what happened on the network, on one page
  weir config explain                        every setting, its value, and where the value came from

A command tells more about itself with --help. SIGINT (Ctrl-C) and SIGTERM ask it to end in order, which may take
a while; another one that comes a second later, or more, ends it at once.`

// newRoot returns the whole tree of commands.
func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:           "weir",
		Short:         "Turn packets into bidirectional flow records",
		Long:          rootHelp,
		Args:          subcommandsOnly,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		SilenceErrors: true, // run reports them
		SilenceUsage:  true,
	}
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		var invalid *pflag.InvalidValueError
		if errors.As(err, &invalid) {
			if want := valuesOf(invalid.GetFlag()); want != "" {
				return usagef("--%s: got %q, want %s", invalid.GetFlag().Name, invalid.GetValue(), want)
			}
		}
		return usagef("%s; '%s --help' lists the flags", oneLine(err), cmd.CommandPath())
	})
	flags := root.PersistentFlags()
	flags.StringVar(&a.configFile, "config", "", "Read the configuration from this YAML `file`")
	flags.StringArrayVar(&a.set, "set", nil, "Set one key of the configuration, as `key=value`; may be repeated")
	configFlag(flags, "log-level", "log.level")
	configFlag(flags, "log-format", "log.format")
	root.PersistentPreRun = func(cmd *cobra.Command, _ []string) { a.logLevel = cmd.Flag("log-level").Value.String() }

	root.AddCommand(newReplay(a), newLive(a), newDetect(a), newReport(a), newExplain(a), newInterfaces(a), newDoctor(a), newParity(a), newBench(a), newConfig(a), newFeatures(a), newBlocklist(a), newDetectors(a), newTrain(a), newEval(a), newVersion(a))
	return root
}

// wantsKey is the annotation of a flag that says which numbers it accepts.
const wantsKey = "weir.wants"

// wants says which numbers a flag accepts, for the error about what is no number.
func wants(flags *pflag.FlagSet, name, text string) {
	flags.Lookup(name).Annotations = map[string][]string{wantsKey: {text}}
}

// valuesOf says what a flag accepts, "" where that is text.
func valuesOf(f *pflag.Flag) string {
	numbers := ""
	if texts := f.Annotations[wantsKey]; len(texts) > 0 {
		numbers = ": " + texts[0]
	}
	switch f.Value.Type() {
	case "bool":
		return "true or false"
	case "float64":
		return "a number" + numbers
	case "int", "uint32":
		return "a whole number" + numbers
	case "uint64":
		return fmt.Sprintf("a whole number: 0 to %d", uint64(math.MaxUint64))
	case "stringSlice":
		return "a list such as one,two, whose quotes come in pairs"
	}
	return ""
}

// subcommandsOnly are the Args of a command that only groups others: whatever stands there is no command of it.
func subcommandsOnly(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if cmd.SuggestionsMinimumDistance <= 0 {
		cmd.SuggestionsMinimumDistance = 2
	}
	want := fmt.Sprintf("'%s --help' lists the commands", cmd.CommandPath())
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		want = "did you mean " + strings.Join(near, " or ") + "?"
	}
	return usagef("unknown command %q for %q; %s", args[0], cmd.CommandPath(), want)
}

// someCaptures are the Args of a command that reads captures.
func someCaptures(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return usagef("no capture given; usage: %s", cmd.UseLine())
	}
	return nil
}

// atMost are the Args of a command that takes up to n arguments.
func atMost(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > n {
			return usagef("unexpected argument %q; usage: %s", args[n], cmd.UseLine())
		}
		return nil
	}
}

func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }
