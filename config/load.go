package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/spf13/viper"
)

// Sources are where settings come from besides the defaults, weakest first.
type Sources struct {
	File    string    // path of a YAML file; "": none
	Environ []string  // NAME=value, as os.Environ returns them; only names that begin with WEIR_ matter
	Set     []string  // key=value; the last one for a key wins
	Flags   []Setting // a command's own flags, where they were given
}

// Setting is one value for one key, as text.
type Setting struct {
	Key, Value string
	Where      string // what gave it, for messages: --shards
}

// Loaded is a valid configuration and where each of its values came from.
type Loaded struct {
	Config  Config
	Empty   bool // there is a file and nothing in it, not even a comment
	origins map[string]string
}

// Origin says where the value of a key came from: "default", FILE:LINE, a variable's name, "--set" or a flag's name.
func (l *Loaded) Origin(key string) string {
	if origin, ok := l.origins[key]; ok {
		return origin
	}
	return "default"
}

// maxFile is the size in bytes up to which a file is taken for a configuration.
const maxFile = 1 << 20

// Load reads all sources and returns the configuration they add up to, or an *Error with every problem of every
// source. A file that cannot be read is an error by itself.
func Load(s Sources) (*Loaded, error) {
	var file []byte
	if s.File != "" {
		var err error
		if file, err = readFile(s.File); err != nil {
			return nil, fmt.Errorf("read configuration: %w", err)
		}
	}
	return load(s, file)
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = &os.PathError{Op: "read", Path: path, Err: errors.New("larger than 1 MiB, no configuration")}
	}
	return data, err
}

// load is Load with the bytes of s.File at hand.
func load(s Sources, file []byte) (*Loaded, error) {
	l := newLoader()
	l.file(s.File, file)
	l.environ(s.Environ)
	for _, text := range s.Set {
		key, value, ok := strings.Cut(text, "=")
		if !ok {
			l.problem("--set", "got "+show(text)+", want key=value", "")
			continue
		}
		l.text(Setting{Key: key, Value: value, Where: "--set"})
	}
	for _, setting := range s.Flags {
		l.text(setting)
	}
	loaded, err := l.finish()
	if err != nil {
		return nil, err
	}
	loaded.Empty = s.File != "" && len(bytes.TrimSpace(file)) == 0
	return loaded, nil
}

// loader collects values, their origins and the problems of all sources.
type loader struct {
	viper    *viper.Viper
	types    map[string]reflect.Type // of every key
	names    []string                // of every key, in order
	origins  map[string]string
	problems []Problem
}

func newLoader() *loader {
	l := &loader{viper: viper.New(), types: map[string]reflect.Type{}, origins: map[string]string{}}
	leaves(reflect.ValueOf(Default()), "", func(key string, leaf reflect.Value) {
		l.viper.SetDefault(key, leaf.Interface())
		l.types[key] = leaf.Type()
		l.names = append(l.names, key)
	})
	return l
}

func (l *loader) problem(key, text, where string) {
	l.problems = append(l.problems, Problem{Key: key, Text: text, Where: where})
}

// set puts a value of the key's type over whatever weaker sources said.
func (l *loader) set(key string, value any, where string) {
	l.viper.Set(key, value)
	l.origins[key] = where
}

// text takes a setting whose value is text.
func (l *loader) text(s Setting) {
	t, ok := l.types[s.Key]
	if !ok {
		l.problem(show(s.Key), l.notAKey(s.Key), s.Where)
		return
	}
	value, ok := fromText(t, s.Value)
	if !ok {
		l.problem(s.Key, "got "+show(s.Value)+", want "+want(s.Key, t), s.Where)
		return
	}
	l.set(s.Key, value, s.Where)
}

// notAKey describes a name that is no key, perhaps a section.
func (l *loader) notAKey(name string) string {
	if l.isSection(name) {
		return "got a section, want a key in it such as " + l.firstIn(name)
	}
	known := slices.Clone(l.names)
	for _, section := range Sections() {
		known = append(known, section.Name)
	}
	return unknown("key", name, known)
}

func (l *loader) isSection(name string) bool { return l.firstIn(name) != "" }

// firstIn returns the first key of a section, "" where there is no such section.
func (l *loader) firstIn(section string) string {
	i := slices.IndexFunc(l.names, func(key string) bool { return strings.HasPrefix(key, section+".") })
	if i < 0 {
		return ""
	}
	return l.names[i]
}

// environ takes the variables that begin with WEIR_, in alphabetical order. WEIR_SHARED is not ours: it tells the
// project's tests where their captures are.
func (l *loader) environ(environ []string) {
	keys := map[string]string{}
	var variables []string
	for _, name := range l.names {
		variable := Key{Name: name}.Variable()
		keys[variable] = name
		variables = append(variables, variable)
	}
	for _, entry := range slices.Sorted(slices.Values(environ)) {
		variable, value, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(variable, "WEIR_") || variable == "WEIR_SHARED" {
			continue
		}
		key, ok := keys[variable]
		if !ok {
			l.problem(show(variable), unknown("variable", variable, variables), "")
			continue
		}
		l.text(Setting{Key: key, Value: value, Where: variable})
	}
}

// finish decodes and judges what was collected.
func (l *loader) finish() (*Loaded, error) {
	var c Config
	if err := l.viper.UnmarshalExact(&c); err != nil {
		panic(fmt.Sprintf("bug: values that were read do not fit the configuration: %v", err))
	}
	var invalid *Error
	if errors.As(c.Validate(), &invalid) {
		for _, p := range invalid.Problems {
			l.problem(p.Key, p.Text, l.origins[p.Key])
		}
	}
	if l.problems != nil {
		return nil, &Error{l.problems}
	}
	return &Loaded{Config: c, origins: l.origins}, nil
}
