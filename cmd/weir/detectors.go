package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/weir-sensor/weir/config"
	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/detect/detectors"
)

func newDetectors(a *app) *cobra.Command {
	group := &cobra.Command{
		Use:   "detectors",
		Short: "List the detectors, or explain one",
		Args:  subcommandsOnly,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	group.AddCommand(newDetectorsList(a), newDetectorsExplain(a))
	return group
}

func newDetectorsList(a *app) *cobra.Command {
	var format answerFormat
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the detectors: name, whether it is among the default ones, what it looks at, kinds of alerts",
		Args:  atMost(0),
		RunE: func(*cobra.Command, []string) error {
			if err := format.check(); err != nil {
				return err
			}
			all := detectors.Describe()
			if format == "json" {
				return a.printJSON(listDetectors(all))
			}
			return a.print(detectorsText(all))
		},
	}
	format.flag(cmd)
	return cmd
}

// listedDetector is a detector as weir detectors list shows it.
type listedDetector struct {
	Name    string       `json:"name"`
	Default bool         `json:"default"`
	Watches string       `json:"watches"`
	Idea    string       `json:"idea"`
	Kinds   []listedKind `json:"kinds"`
}

type listedKind struct {
	Name     string `json:"name"`
	Severity string `json:"severity"`
	Doc      string `json:"doc"`
}

func listDetectors(all []detectors.Description) []listedDetector {
	list := []listedDetector{}
	for _, d := range all {
		l := listedDetector{d.Name, d.Default, d.Watches, d.Idea, []listedKind{}}
		for _, k := range d.Kinds {
			l.Kinds = append(l.Kinds, listedKind{k.Name, k.Severity.String(), k.Doc})
		}
		list = append(list, l)
	}
	return list
}

func detectorsText(all []detectors.Description) []byte {
	var b bytes.Buffer
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "name\tdefault\tlooks at\talerts")
	for _, d := range all {
		on := "yes"
		if !d.Default {
			on = "no"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", d.Name, on, d.Watches, kindNames(d.Kinds))
	}
	_ = t.Flush() // into memory: it cannot fail
	return b.Bytes()
}

func kindNames(kinds []detect.Kind) string {
	var names []string
	for _, k := range kinds {
		names = append(names, k.Name)
	}
	return strings.Join(names, ", ")
}

func newDetectorsExplain(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "explain NAME",
		Short: "Explain a detector: idea, formula, alerts, settings, cost, memory, when it is wrong",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("want one detector of: %s; usage: %s", strings.Join(detectors.Names(), ", "), cmd.UseLine())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			loaded, err := a.load(cmd)
			if err != nil {
				return err
			}
			i := slices.Index(detectors.Names(), args[0])
			if i < 0 {
				return usagef("unknown detector %q, want one of: %s", args[0], strings.Join(detectors.Names(), ", "))
			}
			settings, err := loaded.Explain("detect." + args[0])
			if err != nil {
				settings = "none\n" // a detector without settings
			}
			return a.print(explainDetector(detectors.Describe()[i], settings))
		},
	}
}

// explainDetector returns what there is to know about a detector as plain text.
func explainDetector(d detectors.Description, settings string) []byte {
	var b bytes.Buffer
	on := "on"
	if !d.Default {
		on = "off"
	}
	fmt.Fprintf(&b, "%s (%s by default), looks at %s\n", d.Name, on, d.Watches)
	section := func(title, text string) { fmt.Fprintf(&b, "\n%s\n%s\n", title, indent(text)) }
	section("Idea", d.Idea)
	section("Formula", d.Formula)
	var kinds strings.Builder
	t := tabwriter.NewWriter(&kinds, 0, 0, 2, ' ', 0)
	for _, k := range d.Kinds {
		fmt.Fprintf(t, "%s\t%s\t%s\n", k.Name, k.Severity, k.Doc)
	}
	_ = t.Flush() // into memory: it cannot fail
	section("Alerts", kinds.String())
	section("Settings", settings)
	section("Cost", d.Cost)
	section("Memory", d.Memory)
	section("When it is wrong", d.Wrong)
	section("What to do about it", d.Remedy)
	return b.Bytes()
}

func indent(text string) string {
	return "  " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n  ")
}

// detectorsMarkdown is the part of docs/DETECTORS.md that is made from the code.
func detectorsMarkdown() string {
	var b strings.Builder
	b.WriteString("| detector | by default | looks at | alerts |\n| --- | --- | --- | --- |\n")
	all := detectors.Describe()
	for _, d := range all {
		on := "on"
		if !d.Default {
			on = "off"
		}
		fmt.Fprintf(&b, "| [%s](#%s) | %s | %s | %s |\n", d.Name, d.Name, on, d.Watches, kindNames(d.Kinds))
	}
	for _, d := range all {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n", d.Name, strings.TrimSpace(d.Idea))
		fmt.Fprintf(&b, "\n**Formula.**\n\n```text\n%s\n```\n\n", strings.TrimSpace(d.Formula))
		b.WriteString("| alert | severity | meaning |\n| --- | --- | --- |\n")
		for _, k := range d.Kinds {
			fmt.Fprintf(&b, "| %s | %s | %s |\n", k.Name, k.Severity, cell(k.Doc))
		}
		writeSettings(&b, "detect."+d.Name+".")
		for _, part := range [][2]string{{"Cost", d.Cost}, {"Memory", d.Memory}, {"When it is wrong", d.Wrong}, {"What to do about it", d.Remedy}} {
			fmt.Fprintf(&b, "\n**%s.** %s\n", part[0], strings.TrimSpace(part[1]))
		}
	}
	return b.String()
}

// writeSettings writes the table of the keys that begin with prefix.
func writeSettings(b *strings.Builder, prefix string) {
	any := false
	for _, k := range config.Keys() {
		name, ok := strings.CutPrefix(k.Name, prefix)
		if !ok {
			continue
		}
		if !any {
			fmt.Fprintf(b, "\n| %s... | unit | range | meaning |\n| --- | --- | --- | --- |\n", prefix)
			any = true
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s |\n", name, k.Unit, cell(k.Range), cell(k.Why))
	}
}

// cell returns text as it stands in a cell of a Markdown table.
func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
