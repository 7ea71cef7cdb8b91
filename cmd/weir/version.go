package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

// version and commit are set by the linker (-X main.version=v1.2.3) and by nothing else.
var version, commit string

func newVersion(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version of weir and of what it was built with",
		Args:  atMost(0),
		RunE: func(*cobra.Command, []string) error {
			info, _ := debug.ReadBuildInfo()
			return a.print([]byte(versionText(version, commit, info)))
		},
	}
}

// identity completes what the linker set with what the build information (which may be nil) says.
func identity(version, commit string, info *debug.BuildInfo) (string, string) {
	if info == nil {
		info = &debug.BuildInfo{}
	}
	if version == "" {
		version = info.Main.Version
	}
	if version == "" {
		version = "(devel)"
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	if commit == "" {
		commit = settings["vcs.revision"]
		if settings["vcs.modified"] == "true" {
			commit += " and local changes"
		}
	}
	return version, commit
}

// versionText describes a build. What the build information (which may be nil) does not say is left out.
func versionText(version, commit string, info *debug.BuildInfo) string {
	var b strings.Builder
	version, commit = identity(version, commit, info)
	if info == nil {
		info = &debug.BuildInfo{}
	}
	fmt.Fprintf(&b, "weir      %s\n", version)
	if commit != "" {
		fmt.Fprintf(&b, "commit    %s\n", commit)
	}
	fmt.Fprintf(&b, "go        %s %s/%s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH)
	for _, dep := range info.Deps {
		if dep.Path == "github.com/google/gopacket" {
			fmt.Fprintf(&b, "gopacket  %s\n", dep.Version)
		}
	}
	return b.String()
}
