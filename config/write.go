package config

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
)

// YAML returns c as a file that Load reads back to the same configuration.
func YAML(c Config) []byte { return writeYAML(c, false) }

// Reference returns config.yaml: the defaults, each with its unit, its range and its reason.
func Reference() []byte {
	return append([]byte(`# The configuration of weir: every key with its default. Copy what you change and name the file with --config.
# Environment variables (WEIR_FLOW_IDLE_TCP=10s) go before this file, --set flow.idle.tcp=10s before those, and a
# command's own flags before all. Durations need a unit: 300ms, 30s, 5m, 1h. docs/CONFIG.md has the same as tables.
# Made from the code; 'weir config explain' says what is in force and why.
`), writeYAML(Default(), true)...)
}

func writeYAML(c Config, explained bool) []byte {
	var b bytes.Buffer
	all := values(c)
	var open []string // the sections we are in
	for _, key := range Keys() {
		words := strings.Split(key.Name, ".")
		sections := words[:len(words)-1]
		for len(open) > len(sections) || !slices.Equal(open, sections[:len(open)]) {
			open = open[:len(open)-1]
		}
		for len(open) < len(sections) {
			indent := strings.Repeat("  ", len(open))
			open = sections[:len(open)+1]
			if explained {
				fmt.Fprintf(&b, "\n%s# %s\n", indent, sectionWhy(strings.Join(open, ".")))
			}
			fmt.Fprintf(&b, "%s%s:\n", indent, open[len(open)-1])
		}
		indent := strings.Repeat("  ", len(open))
		if explained {
			fmt.Fprintf(&b, "%s# %s\n", indent, key.Why)
		}
		fmt.Fprintf(&b, "%s%s: %s", indent, words[len(words)-1], format(all[key.Name]))
		if explained {
			fmt.Fprintf(&b, "  # %s: %s", key.Unit, key.Range)
		}
		b.WriteByte('\n')
	}
	return b.Bytes()
}

func sectionWhy(name string) string {
	for _, s := range Sections() {
		if s.Name == name {
			return s.Why
		}
	}
	panic("bug: section " + name + " is not described")
}

// Explain returns what there is to know about a key, about all keys of a section, or about every key where name is
// "". An unknown name is an *Error.
func (l *Loaded) Explain(name string) (string, error) {
	var chosen []Key
	for _, key := range Keys() {
		if key.Name == name {
			return l.explainKey(key), nil
		}
		if name == "" || strings.HasPrefix(key.Name, name+".") {
			chosen = append(chosen, key)
		}
	}
	if chosen == nil {
		return "", &Error{[]Problem{{Key: show(name), Text: newLoader().notAKey(name)}}}
	}
	var b strings.Builder
	all := values(l.Config)
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "KEY\tVALUE\tFROM\tMEANING")
	for _, key := range chosen {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", key.Name, format(all[key.Name]), l.Origin(key.Name), key.Why)
	}
	table.Flush()
	return b.String(), nil
}

func (l *Loaded) explainKey(key Key) string {
	return fmt.Sprintf("%s\n\n%s\n\nunit      %s\nrange     %s\nvariable  %s\nchanges   %s\ndefault   %s\nvalue     %s\nfrom      %s\n",
		key.Name, key.Why, key.Unit, key.Range, key.Variable(), key.changes(),
		format(values(Default())[key.Name]), format(values(l.Config)[key.Name]), l.Origin(key.Name))
}

// changes says when a live run takes over another value.
func (k Key) changes() string {
	if k.Reloads() {
		return "while a live run captures, by SIGHUP"
	}
	return "with the next start"
}

// Markdown returns docs/CONFIG.md.
func Markdown() []byte {
	var b bytes.Buffer
	b.WriteString(markdownHead)
	defaults := values(Default())
	for _, section := range Sections() {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n| key | default | unit | range | meaning |\n| --- | --- | --- | --- | --- |\n",
			section.Name, section.Why)
		for _, key := range Keys() {
			if rest, ok := strings.CutPrefix(key.Name, section.Name+"."); ok && !strings.Contains(rest, ".") {
				fmt.Fprintf(&b, "| `%s` | `%s` | %s | %s | %s |\n",
					key.Name, format(defaults[key.Name]), key.Unit, key.Range, key.Why)
			}
		}
	}
	return b.Bytes()
}

const markdownHead = `# Configuration

Made from the code (` + "`go test ./config -update`" + ` rewrites it); config.yaml is the same as a file to start from.

A value comes from the strongest source that names its key:

1. the defaults below;
2. the YAML file that ` + "`--config FILE`" + ` names;
3. environment variables: ` + "`WEIR_` and the key in capitals, dots as underscores (`WEIR_FLOW_IDLE_TCP=10s`)" + `;
4. ` + "`--set key=value`" + `, which may be repeated; the last one for a key wins;
5. a command's own flags, such as ` + "`--log-level`" + `.

Lists are written ` + "`[8080, 8443]` in the file and `8080,8443`" + ` elsewhere. Durations need a unit: 300ms, 30s, 5m, 1h. What weir
does not understand it refuses, before anything starts: unknown keys and variables, bare numbers for durations, values
of the wrong type or out of range. All problems are reported at once, one per line, each as
` + "`key: got X, want Y`" + ` and where it was found; the exit status is 2.

` + "`weir config print`" + ` shows the configuration in force, ` + "`weir config explain KEY`" + ` one key and where its value came from, and
` + "`weir config check FILE`" + ` says whether a file is right.

A live run reads the file again on SIGHUP. Which keys it can change while it captures, and what comes of it, is in
[LIVE.md](LIVE.md#reload).
`
