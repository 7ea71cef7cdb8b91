package main

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/weir-sensor/weir/capture"
	"github.com/weir-sensor/weir/config"
	"github.com/weir-sensor/weir/internal/logging"
	"github.com/weir-sensor/weir/internal/privilege"
)

// app is what every command has: the streams, the environment, and the values of the global flags. Commands use these
// and never os.Stdout or os.Environ, so that a test can run the whole command line within the process.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	environ        []string

	// drop gives up privileges for good. nil keeps them, for a process that has more to do than one command.
	drop func(privilege.Config, *privilege.Identity, privilege.Paths) (privilege.Report, error)

	// wrap puts something around a live source, by its number; nil leaves them as they are. It is for tests.
	wrap func(shard int, src capture.Live) capture.Live

	lookEvery time.Duration // how often a live run looks at its blocklists' files: watchEvery, but in tests

	minute time.Duration // how often a live run says and writes its ledger: a minute, but in tests

	configFile string
	set        []string
	logLevel   string // a copy of log.level, for a panic before or after the configuration is there
}

// load returns the configuration that is in force for cmd: the defaults, then the file of --config, then WEIR_
// variables, then --set, then the flags that configFlag made, where they were given. A command calls it first:
//
//	loaded, err := a.load(cmd)
//	if err != nil {
//		return err
//	}
//	log := a.logger(loaded.Config)
//
// The error is a usage error (exit status 2) and is returned as it is.
func (a *app) load(cmd *cobra.Command) (*config.Loaded, error) {
	return a.loadFile(cmd, a.configFile)
}

// loadFile is load with another file than that of --config.
func (a *app) loadFile(cmd *cobra.Command, path string) (*config.Loaded, error) {
	sources := config.Sources{File: path, Environ: a.environ, Set: a.set}
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if keys := f.Annotations[configKey]; len(keys) == 1 {
			sources.Flags = append(sources.Flags, config.Setting{Key: keys[0], Value: f.Value.String(), Where: "--" + f.Name})
		}
	})
	loaded, err := config.Load(sources)
	if err != nil {
		return nil, usageError{err}
	}
	a.logLevel = loaded.Config.Log.Level
	return loaded, nil
}

// logger returns the program's logger, which writes to stderr.
func (a *app) logger(c config.Config) *slog.Logger {
	log, _ := logging.New(a.stderr, c.Log)
	return log
}

// configKey is the annotation that names the configuration key of a flag.
const configKey = "weir.config.key"

// configFlag adds a flag that sets one key of the configuration and goes before all its other sources: after
//
//	configFlag(cmd.Flags(), "shards", "sensor.shards")
//
// --shards 2 is sensor.shards=2 in what load returns. Its help is the key's own, its value is checked as the key's
// is, so the command never reads the flag itself. A switch may be given without a value.
func configFlag(flags *pflag.FlagSet, name, key string) *pflag.Flag {
	for _, k := range config.Keys() {
		if k.Name != key {
			continue
		}
		flags.Var(&keyValue{unit: k.Unit}, name, fmt.Sprintf("%s (%s: %s)", strings.TrimSuffix(k.Why, "."), key, k.Range))
		flag := flags.Lookup(name)
		flag.Annotations = map[string][]string{configKey: {key}}
		if k.Unit == "switch" {
			flag.NoOptDefVal = "true"
		}
		return flag
	}
	panic("bug: flag --" + name + " for a key that does not exist: " + key)
}

// keyValue is the value of a flag that configFlag made: text, which config.Load reads as the key's type.
type keyValue struct{ text, unit string }

func (v *keyValue) String() string        { return v.text }
func (v *keyValue) Set(text string) error { v.text = text; return nil }
func (v *keyValue) Type() string          { return v.unit } // stands for the value in the help
