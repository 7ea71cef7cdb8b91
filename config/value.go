package config

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

var durationType = reflect.TypeFor[time.Duration]()

// want says what a key of type t accepts: how its value is written and, of a number, which ones.
func want(key string, t reflect.Type) string {
	text := typeText(t)
	if strings.HasSuffix(text, "number") {
		for _, k := range Keys() {
			if k.Name == key {
				text += ": " + k.Range
			}
		}
	}
	return text
}

// typeText says how a value of type t is written.
func typeText(t reflect.Type) string {
	switch {
	case t == durationType:
		return "a duration such as 30s"
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint16:
		return "a list of whole numbers from 0 to 65535 such as [8080, 8443]"
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.String:
		return "a list of words such as [one, two]"
	case t.Kind() == reflect.Int, t.Kind() == reflect.Uint16, t.Kind() == reflect.Uint32:
		return "a whole number"
	case t.Kind() == reflect.Float64:
		return "a number"
	case t.Kind() == reflect.Bool:
		return "true or false"
	case t.Kind() == reflect.String:
		return "a word, or text in quotes"
	}
	panic("bug: no configuration values of type " + t.String())
}

// fromText reads a value of type t as a variable or a flag gives it; ok is false where it is none.
func fromText(t reflect.Type, text string) (value any, ok bool) {
	switch {
	case t == durationType:
		// A unit is a must: ParseDuration alone would take a bare 0.
		if text == "" || text[len(text)-1] < 'a' {
			return nil, false
		}
		d, err := time.ParseDuration(text)
		return d, err == nil
	case t.Kind() == reflect.Slice:
		if text == "" {
			return reflect.Zero(t).Interface(), true
		}
		list := reflect.Zero(t)
		for part := range strings.SplitSeq(text, ",") {
			element, ok := fromText(t.Elem(), strings.TrimSpace(part))
			if !ok {
				return nil, false
			}
			list = reflect.Append(list, reflect.ValueOf(element))
		}
		return list.Interface(), true
	case t.Kind() == reflect.Int:
		n, err := strconv.Atoi(text)
		return n, err == nil
	case t.Kind() == reflect.Uint16, t.Kind() == reflect.Uint32:
		n, err := strconv.ParseUint(text, 10, t.Bits())
		return reflect.ValueOf(n).Convert(t).Interface(), err == nil
	case t.Kind() == reflect.Float64:
		x, err := strconv.ParseFloat(text, 64)
		return x, err == nil
	case t.Kind() == reflect.Bool:
		return text == "true", text == "true" || text == "false"
	}
	return text, utf8.ValidString(text)
}

// fromYAML reads a value of type t from a node of a file; ok is false where it is none. Unlike fromText it insists
// on the YAML type: "30" in quotes is no number, 443 no list.
func fromYAML(t reflect.Type, n *yaml.Node) (value any, ok bool) {
	if t.Kind() == reflect.Slice {
		if n.Kind != yaml.SequenceNode {
			return nil, false
		}
		list := reflect.Zero(t)
		for _, item := range n.Content {
			element, ok := fromYAML(t.Elem(), item)
			if !ok {
				return nil, false
			}
			list = reflect.Append(list, reflect.ValueOf(element))
		}
		return list.Interface(), true
	}
	if n.Kind != yaml.ScalarNode {
		return nil, false
	}
	tag := n.ShortTag()
	switch {
	case t == durationType:
		if tag != "!!str" {
			return nil, false
		}
		return fromText(t, n.Value)
	case t.Kind() == reflect.Int && tag == "!!int":
		var i int
		err := n.Decode(&i)
		return i, err == nil
	case (t.Kind() == reflect.Uint16 || t.Kind() == reflect.Uint32) && tag == "!!int":
		value := reflect.New(t)
		err := n.Decode(value.Interface())
		return value.Elem().Interface(), err == nil
	case t.Kind() == reflect.Float64 && (tag == "!!float" || tag == "!!int"):
		var x float64
		err := n.Decode(&x)
		return x, err == nil
	case t.Kind() == reflect.Bool && tag == "!!bool":
		var b bool
		err := n.Decode(&b)
		return b, err == nil
	case t.Kind() == reflect.String && tag == "!!str":
		return n.Value, utf8.ValidString(n.Value)
	}
	return nil, false
}

// nodeText names a node in a message.
func nodeText(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a section"
	case n.Kind == yaml.SequenceNode && len(n.Content) > 0 && n.Content[0].Kind == yaml.ScalarNode:
		return "a list beginning with " + show(n.Content[0].Value)
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Kind == yaml.AliasNode:
		return "an alias"
	case n.ShortTag() == "!!null":
		return "nothing"
	case n.ShortTag() == "!!str":
		return strconv.Quote(shorten(n.Value))
	}
	return show(n.Value)
}

// show returns a value as it may stand in a one-line message: as it is where it is a plain word, else quoted; the
// beginning where it is long.
func show(text string) string {
	text = shorten(text)
	if text == "" || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '"' }) {
		return strconv.Quote(text)
	}
	return text
}

func shorten(text string) string {
	if len(text) > 60 {
		return text[:57] + "..."
	}
	return text
}

// format returns a value as config.yaml has it.
func format(v reflect.Value) string {
	switch {
	case v.Type() == durationType:
		return formatDuration(time.Duration(v.Int()))
	case v.Kind() == reflect.Slice:
		parts := make([]string, v.Len())
		for i := range parts {
			parts[i] = format(v.Index(i))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case v.Kind() == reflect.String:
		return formatString(v.String())
	}
	return fmt.Sprint(v.Interface())
}

// formatDuration returns d without the zero minutes and seconds that Duration.String ends with: 5m, not 5m0s.
func formatDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// formatString returns s as a YAML scalar: as it is where no reader could take it for something else, else quoted.
// The escapes of Go's quotes mean the same in YAML's.
func formatString(s string) string {
	plain := s != "" && s[0] >= 'a' && s[0] <= 'z' &&
		!strings.ContainsFunc(s, func(r rune) bool { return r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') })
	switch s {
	case "true", "false", "null", "yes", "no", "on", "off", "y", "n":
		plain = false
	}
	if plain {
		return s
	}
	return strconv.Quote(s)
}
