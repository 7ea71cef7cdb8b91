package arch

import (
	"go/parser"
	"go/token"
	"strings"
	"testing"
)

func parseText(t *testing.T, text string) source {
	t.Helper()
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "text.go", text, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	return source{path: "text.go", dir: ".", fset: fset, file: file}
}

// Every package earns its place with one sentence, and it stands in doc.go, where everybody looks.
func TestPackagesAreDescribed(t *testing.T) {
	described := map[string]bool{}
	for _, s := range sources(t) {
		if strings.HasSuffix(s.path, "_test.go") {
			continue
		}
		text := s.file.Doc.Text() // "" where there is none
		has := strings.HasPrefix(text, "Package "+s.file.Name.Name+" ") ||
			s.file.Name.Name == "main" && strings.HasPrefix(text, "Command ")
		described[s.dir] = described[s.dir] || has && strings.HasSuffix(s.path, "/doc.go")
	}
	for dir, ok := range described {
		if !ok {
			t.Errorf("%s: no doc.go with a comment that begins with \"Package\" and its name: say in a sentence what it is for", dir)
		}
	}
}

// No package is named after what everything is.
func TestPackageNames(t *testing.T) {
	for _, s := range sources(t) {
		switch s.file.Name.Name {
		case "utils", "util", "common", "base", "helpers", "helper", "types", "misc":
			t.Errorf("%s: a package named %s collects whatever nobody placed", s.path, s.file.Name.Name)
		}
	}
}
