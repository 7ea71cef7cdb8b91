package arch

import (
	"go/ast"
	"go/token"
	"path"
	"strings"
	"testing"
)

// Calls of the standard library that have one place.
func TestCallsHaveTheirPlace(t *testing.T) {
	for _, rule := range []struct {
		pkg   string
		names []string
		only  []string
		why   string
	}{
		{"time", []string{"Now", "Since", "Until", "After", "AfterFunc", "Tick", "NewTicker", "NewTimer", "Sleep"},
			[]string{"cmd", "capture", "internal/telemetry"},
			"packet time drives all logic, or the same capture gives different records from run to run"},
		{"os", []string{"Exit"}, []string{"cmd"}, "an exit skips what others have to finish; return an error"},
		{"os", []string{"Getenv", "LookupEnv", "Environ"}, []string{"cmd"},
			"settings come from the configuration, which names every source"},
		{"syscall", []string{"Exit"}, []string{}, "an exit skips what others have to finish; return an error"},
	} {
		for _, s := range sources(t) {
			if s.test || s.inside(rule.only) {
				continue
			}
			local := localName(s, rule.pkg)
			for _, name := range rule.names {
				for _, node := range selections(s.file, local, name) {
					t.Errorf("%s: %s.%s may be used only in %s and in tests: %s", s.at(node), rule.pkg, name, places(rule.only), rule.why)
				}
			}
		}
	}
}

// localName is the name by which a file knows an import, "" where it does not import it.
func localName(s source, imported string) string {
	for _, spec := range s.file.Imports {
		if strings.Trim(spec.Path.Value, "\"`") != imported {
			continue
		}
		if spec.Name != nil {
			return spec.Name.Name
		}
		return path.Base(imported)
	}
	return ""
}

// selections returns the uses of pkg.name.
func selections(file *ast.File, pkg, name string) []ast.Node {
	var found []ast.Node
	ast.Inspect(file, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok && pkg != "" && sel.Sel.Name == name {
			if id, ok := sel.X.(*ast.Ident); ok && id.Name == pkg {
				found = append(found, sel)
			}
		}
		return true
	})
	return found
}

func TestGoroutinesHaveTheirPlace(t *testing.T) {
	// Those of detect/judge.go end within the call that begins them.
	only := []string{"sensor", "cmd", "output", "internal/telemetry", "detect/judge.go"}
	for _, s := range sources(t) {
		if s.test || s.inside(only) {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if startsGoroutine(n) {
				t.Errorf("%s: goroutines are started only in %s and in tests: every mutable thing has one owner, and the pipeline "+
					"is where the owners are", s.at(n), places(only))
			}
			return true
		})
	}
}

// startsGoroutine says whether this is a go statement or a call of a method Go, such as that of sync.WaitGroup.
func startsGoroutine(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.GoStmt:
		return true
	case *ast.CallExpr:
		sel, ok := n.Fun.(*ast.SelectorExpr)
		return ok && sel.Sel.Name == "Go" && len(n.Args) == 1
	}
	return false
}

func TestNoInit(t *testing.T) {
	for _, s := range sources(t) {
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s: no init functions: what an import does by itself nobody finds, orders or tests", s.at(f))
			}
		}
	}
}

// Variables of a package may be set where they are declared and nowhere else.
func TestNoMutablePackageState(t *testing.T) {
	variables := map[string]map[string]bool{} // by directory
	all := sources(t)
	for _, s := range all {
		if variables[s.dir] == nil {
			variables[s.dir] = map[string]bool{}
		}
		for _, name := range packageVariables(s.file) {
			variables[s.dir][name] = true
		}
	}
	for _, s := range all {
		if s.test {
			continue
		}
		for _, d := range s.file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Body == nil {
				continue
			}
			local := declared(f)
			for name, node := range written(f) {
				if variables[s.dir][name] && !local[name] {
					t.Errorf("%s: package variable %s is written to: state belongs to a value with one owner", s.at(node), name)
				}
			}
		}
	}
}

func packageVariables(file *ast.File) []string {
	var names []string
	for _, d := range file.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.VAR {
			continue
		}
		for _, spec := range g.Specs {
			for _, name := range spec.(*ast.ValueSpec).Names {
				names = append(names, name.Name)
			}
		}
	}
	return names
}

// written returns the names that are assigned to, incremented, or whose address is taken in f, also by way of an
// element or a field.
func written(f *ast.FuncDecl) map[string]ast.Node {
	found := map[string]ast.Node{}
	add := func(e ast.Expr) {
		if id := rootOf(e); id != nil && id.Name != "_" {
			found[id.Name] = id
		}
	}
	ast.Inspect(f.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			if n.Tok != token.DEFINE {
				for _, e := range n.Lhs {
					add(e)
				}
			}
		case *ast.IncDecStmt:
			add(n.X)
		case *ast.UnaryExpr:
			if id, ok := n.X.(*ast.Ident); ok && n.Op == token.AND {
				add(id)
			}
		}
		return true
	})
	return found
}

// rootOf returns the x of x, x.a, x[i], *x and of any combination.
func rootOf(e ast.Expr) *ast.Ident {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x
		case *ast.SelectorExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		default:
			return nil
		}
	}
}

// declared returns every name that f declares anywhere: receiver, parameters, results, variables.
func declared(f *ast.FuncDecl) map[string]bool {
	names := map[string]bool{}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Field:
			for _, id := range n.Names {
				names[id.Name] = true
			}
		case *ast.ValueSpec:
			for _, id := range n.Names {
				names[id.Name] = true
			}
		case *ast.AssignStmt:
			if n.Tok == token.DEFINE {
				addIdents(names, n.Lhs...)
			}
		case *ast.RangeStmt:
			if n.Tok == token.DEFINE {
				addIdents(names, n.Key, n.Value)
			}
		}
		return true
	})
	return names
}

func addIdents(names map[string]bool, exprs ...ast.Expr) {
	for _, e := range exprs {
		if id, ok := e.(*ast.Ident); ok {
			names[id.Name] = true
		}
	}
}

// The checks above must find what they look for.
func TestChecksFind(t *testing.T) {
	s := parseText(t, `package p
import clock "time"
var state, other = map[string]int{}, 0
func a() { state["x"]++; clock.Now() }
func b(state map[string]int) { state["x"] = 1; p := &other; _ = p }`)
	if got := localName(s, "time"); got != "clock" {
		t.Errorf("local name of time: got %q", got)
	}
	if got := len(selections(s.file, "clock", "Now")); got != 1 {
		t.Errorf("uses of time.Now: got %d, want 1", got)
	}
	if got := strings.Join(packageVariables(s.file), " "); got != "state other" {
		t.Errorf("package variables: got %q", got)
	}
	var found []string
	for _, d := range s.file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok {
			local := declared(f)
			for name := range written(f) {
				if !local[name] {
					found = append(found, f.Name.Name+" "+name)
				}
			}
		}
	}
	if got := strings.Join(found, ", "); got != "a state, b other" {
		t.Errorf("written: got %q, want a state, b other", got)
	}
}
