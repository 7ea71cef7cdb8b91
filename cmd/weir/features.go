package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/weir-sensor/weir/features"
)

func newFeatures(a *app) *cobra.Command {
	group := &cobra.Command{
		Use:   "features",
		Short: "List the window features, or find clusters of payload lengths",
		Args:  subcommandsOnly,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	group.AddCommand(newFeaturesList(a), newFeaturesClusters(a))
	return group
}

func newFeaturesList(a *app) *cobra.Command {
	var format answerFormat
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the features of a window: name, group, unit, range, formula, edge rule",
		Long: "List all features of a window in the order of their columns: name, group (see window.groups), unit, range,\n" +
			"formula, and what the value is where the formula says nothing.",
		Args: atMost(0),
		RunE: func(*cobra.Command, []string) error {
			if err := format.check(); err != nil {
				return err
			}
			if format == "json" {
				return a.printJSON(listedFeatures())
			}
			return a.print(featuresText(listedFeatures()))
		},
	}
	format.flag(cmd)
	return cmd
}

// listedFeature is a feature as weir features list shows it.
type listedFeature struct {
	Name    string `json:"name"`
	Group   string `json:"group"` // "always": whatever window.groups says
	Unit    string `json:"unit"`
	Range   string `json:"range"`
	Formula string `json:"formula"`
	Edge    string `json:"edge"`
}

func listedFeatures() []listedFeature {
	var list []listedFeature
	for _, f := range features.Features() {
		f.Group = cmp.Or(f.Group, "always")
		list = append(list, listedFeature(f))
	}
	return list
}

func featuresText(list []listedFeature) []byte {
	var b bytes.Buffer
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "name\tgroup\tunit\trange\tformula\tedge rule")
	for _, f := range list {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", f.Name, f.Group, f.Unit, f.Range, f.Formula, f.Edge)
	}
	_ = t.Flush() // into memory: it cannot fail
	return b.Bytes()
}

// answerFormat is the value of --format of the commands that answer with a table or with JSON.
type answerFormat string

func (f *answerFormat) flag(cmd *cobra.Command) {
	cmd.Flags().StringVar((*string)(f), "format", "text", "How the answer is written: `text or json`")
}

func (f answerFormat) check() error {
	if f != "text" && f != "json" {
		return usagef("--format: got %q, want text or json", string(f))
	}
	return nil
}

// printJSON writes a command's whole answer to stdout as indented JSON.
func (a *app) printJSON(answer any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(answer); err != nil {
		panic("bug: " + err.Error())
	}
	return a.print(b.Bytes())
}
