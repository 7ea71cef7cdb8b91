package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/weir-sensor/weir/config"
)

func newConfig(a *app) *cobra.Command {
	group := &cobra.Command{
		Use:   "config",
		Short: "Print, check or explain the configuration",
		Args:  subcommandsOnly,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	group.AddCommand(newConfigPrint(a), newConfigCheck(a), newConfigExplain(a))
	return group
}

func newConfigPrint(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "print",
		Short: "Print the configuration in force as YAML",
		Long:  "Print the configuration in force (file, environment, --set and flags together) as YAML that --config reads.",
		Args:  atMost(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			loaded, err := a.load(cmd)
			if err != nil {
				return err
			}
			return a.print(config.YAML(loaded.Config))
		},
	}
}

func newConfigCheck(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "check [FILE]",
		Short: "Say whether a configuration is right",
		Long: "Check FILE, or that of --config, together with the environment and --set. All problems are listed,\n" +
			"one per line; the exit status is 2 where there is one.",
		Args: atMost(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			path := a.configFile
			if len(args) == 1 {
				if path != "" {
					return usagef("got --config %s and %s, want one file to check", path, args[0])
				}
				path = args[0]
			}
			if _, err := a.loadFile(cmd, path); err != nil {
				return err
			}
			if path == "" {
				path = "configuration"
			}
			return a.print(fmt.Appendf(nil, "%s: ok\n", path))
		},
	}
}

func newConfigExplain(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "explain [KEY]",
		Short: "Explain a key, a section, or all keys: value, origin, meaning",
		Args:  atMost(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			loaded, err := a.load(cmd)
			if err != nil {
				return err
			}
			key := ""
			if len(args) == 1 {
				key = args[0]
			}
			text, err := loaded.Explain(key)
			if err != nil {
				return usageError{err}
			}
			return a.print([]byte(text))
		},
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			var names []string
			for _, key := range config.Keys() {
				if len(args) == 0 {
					names = append(names, key.Name)
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
	}
}

// print writes a command's whole answer to stdout.
func (a *app) print(text []byte) error {
	if _, err := a.stdout.Write(text); err != nil {
		return fmt.Errorf("write answer: %w", err)
	}
	return nil
}
