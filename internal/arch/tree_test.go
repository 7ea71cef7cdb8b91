package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/weir-sensor/weir"

// source is one Go file of the module.
type source struct {
	path string // from the module's root, with slashes
	dir  string // its package's directory, "." for the root
	test bool   // a _test file, or of a package that only tests import
	fset *token.FileSet
	file *ast.File
}

func (s source) at(n ast.Node) string {
	return s.path + ":" + strconv.Itoa(s.fset.Position(n.Pos()).Line)
}

// imports returns the imported paths, each with its node.
func (s source) imports() map[string]ast.Node {
	paths := map[string]ast.Node{}
	for _, spec := range s.file.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			panic("bug: the parser let an import through that is no string: " + spec.Path.Value)
		}
		paths[p] = spec
	}
	return paths
}

// inside says whether the package is one of dirs, or below one, or the file is one of them.
func (s source) inside(dirs []string) bool {
	for _, dir := range dirs {
		if s.dir == dir || s.path == dir || strings.HasPrefix(s.dir, dir+"/") {
			return true
		}
	}
	return false
}

// sources parses every Go file of the module, whatever its build constraints say.
func sources(t *testing.T) []source {
	t.Helper()
	root := moduleRoot(t)
	var all []source
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && name != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "bin") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(name, ".go") {
			return nil
		}
		s, err := parse(root, name)
		all = append(all, s)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		t.Fatal("no Go files below " + root)
	}
	return all
}

func parse(root, name string) (source, error) {
	rel, err := filepath.Rel(root, name)
	if err != nil {
		return source{}, err
	}
	rel = filepath.ToSlash(rel)
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, nil, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return source{}, err
	}
	dir := path.Dir(rel)
	return source{
		path: rel, dir: dir, fset: fset, file: file,
		test: strings.HasSuffix(rel, "_test.go") || strings.HasSuffix(dir, "test"),
	}, nil
}

// moduleRoot is the nearest directory above with a go.mod.
func moduleRoot(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above the test's directory")
		}
		dir = filepath.Dir(dir)
	}
}
