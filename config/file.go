package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
)

// file takes the settings of a YAML file. Its nodes are walked instead of being decoded into maps: that keeps the
// line of every value, sees keys that stand twice or differ in case, and never follows an alias.
func (l *loader) file(path string, data []byte) {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var document, second yaml.Node
	switch err := decoder.Decode(&document); {
	case errors.Is(err, io.EOF): // empty, or comments alone
		return
	case err != nil:
		l.problem(path, "got "+syntax(err)+", want YAML", "")
		return
	}
	if err := decoder.Decode(&second); !errors.Is(err, io.EOF) {
		l.problem(path, "got a second document or text after the end, want one YAML document", "")
	}
	root := document.Content[0]
	switch {
	case root.Kind == yaml.MappingNode:
		w := &walk{loader: l, path: path, lines: map[string]int{}}
		w.mapping(root, "")
	case root.ShortTag() != "!!null":
		l.problem(path, "got "+nodeText(root)+", want sections such as flow:", "")
	}
}

// syntax returns a parser's error as one line without its prefix.
func syntax(err error) string {
	return show(strings.TrimPrefix(err.Error(), "yaml: "))
}

// walk is the state of one pass over a file.
type walk struct {
	*loader
	path  string
	lines map[string]int // where each key and section stands
}

func (w *walk) mapping(n *yaml.Node, prefix string) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, value := n.Content[i], n.Content[i+1]
		where := fmt.Sprintf("%s:%d", w.path, name.Line)
		if name.Kind != yaml.ScalarNode {
			w.problem(where, "got "+nodeText(name)+" for a name, want a key", "")
			continue
		}
		key := prefix + name.Value
		if line, ok := w.lines[key]; ok {
			w.problem(show(key), fmt.Sprintf("got it twice, first in line %d, want it once", line), where)
			continue
		}
		w.lines[key] = name.Line
		w.entry(key, value, where)
	}
}

func (w *walk) entry(key string, n *yaml.Node, where string) {
	if t, ok := w.types[key]; ok {
		value, ok := fromYAML(t, n)
		if !ok {
			w.problem(key, "got "+nodeText(n)+", want "+want(key, t), where)
			return
		}
		w.set(key, value, where)
		return
	}
	switch {
	case !w.isSection(key):
		w.problem(show(key), w.notAKey(key), where)
	case n.Kind == yaml.MappingNode:
		w.mapping(n, key+".")
	case n.Kind != yaml.ScalarNode || n.ShortTag() != "!!null": // a section may be empty
		w.problem(key, "got "+nodeText(n)+", want a section with keys such as "+w.firstIn(key), where)
	}
}
