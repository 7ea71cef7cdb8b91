package report

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// patience is how long the test waits for what a browser does at once, if the machine is not busy.
const patience = 2 * time.Minute

// browser returns a page of headless Chromium and everything that the browser complained of.
func browser(t *testing.T) (context.Context, *complaints) {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if found, err := exec.LookPath(name); err == nil && path == "" {
			path = found
		}
	}
	if path == "" {
		t.Skip("there is no Chromium here to look at the page with")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.WindowSize(1400, 900),
		chromedp.WSURLReadTimeout(patience))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	c := &complaints{}
	ctx, cancel = chromedp.NewContext(ctx, chromedp.WithListener(c.listen))
	t.Cleanup(cancel)
	command(t, ctx, log.Enable, cdp.Empty{})
	return ctx, c
}

// complaints is everything that the browser says about a page. It may be used by several goroutines.
type complaints struct {
	mu   sync.Mutex
	list []string
}

func (c *complaints) listen(event any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch e := event.(type) {
	case *log.EventEntryAdded: // violations of the policy are among them
		c.list = append(c.list, e.Entry.Text)
	case *runtime.EventConsoleAPICalled:
		c.list = append(c.list, fmt.Sprintf("console: %s", e.Type))
	case *runtime.EventExceptionThrown:
		c.list = append(c.list, e.ExceptionDetails.Text)
	}
}

func (c *complaints) all() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.list)
}

func command[P, R any](t *testing.T, ctx context.Context, c cdp.Command[P, R], parameters P) {
	t.Helper()
	run(t, ctx, chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, c, parameters)
		return err
	}))
}

// visit opens the sample's page.
func visit(t *testing.T, ctx context.Context) {
	t.Helper()
	dir := t.TempDir()
	if err := WriteFolder(dir, sample(), nil); err != nil {
		t.Fatal(err)
	}
	run(t, ctx, chromedp.Navigate("file://"+filepath.Join(dir, PageName)))
}

func run(t *testing.T, ctx context.Context, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.Fatal(err)
	}
}

// ask returns what an action does.
func ask[T any](t *testing.T, ctx context.Context, action chromedp.Action[T]) T {
	t.Helper()
	value, err := chromedp.Run(ctx, action)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// js returns what an expression is in the page.
func js[T any](t *testing.T, ctx context.Context, expression string) T {
	t.Helper()
	return ask(t, ctx, chromedp.Evaluate[T](expression))
}

func scheme(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	command(t, ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}}})
}

func click(t *testing.T, ctx context.Context, selector string) {
	t.Helper()
	run(t, ctx, chromedp.Click(chromedp.CSS(selector)))
}

// shown are the texts of a column of the rows that are seen.
func shown(table string, column int) string {
	return fmt.Sprintf(`[...document.querySelectorAll("#%s tbody tr")].filter((r) => r.offsetHeight > 0).map((r) => r.cells[%d].textContent).join(" ")`, table, column)
}

func TestPageInABrowser(t *testing.T) {
	ctx, said := browser(t)
	visit(t, ctx)

	t.Run("rows", func(t *testing.T) {
		if got := js[int](t, ctx, `[...document.querySelectorAll("#alerts tbody tr")].filter((r) => r.offsetHeight > 0).length`); got != 12 {
			t.Errorf("%d alerts are seen at first, want 12", got)
		}
		click(t, ctx, "#alerts .more")
		if got := js[int](t, ctx, `[...document.querySelectorAll("#alerts tbody tr")].filter((r) => r.offsetHeight > 0).length`); got != 37 {
			t.Errorf("%d alerts are seen after asking for all, want 37", got)
		}
	})
	t.Run("sorting", func(t *testing.T) {
		for _, want := range []string{
			"1,267,420 11,557 3,981 1,027 26", "26 1,027 3,981 11,557 1,267,420", "1,267,420 11,557 3,981 1,027 26",
		} {
			click(t, ctx, "#ledger th:nth-child(2) button")
			if got := js[string](t, ctx, shown("ledger", 1)); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		}
		click(t, ctx, "#ledger th:nth-child(1) button")
		if got, want := js[string](t, ctx, shown("ledger", 0)), "bad checksum decoded fragment no IP too short"; got != want {
			t.Errorf("by name: got %s, want %s", got, want)
		}
		// Unknown numbers come last, and infinities are where they belong.
		click(t, ctx, "#table th:nth-child(3) button")
		if got, want := js[string](t, ctx, shown("table", 2)), "0.5000 1.00e-09 -1,234 −∞ –"; got != want {
			t.Errorf("falling: got %s, want %s", got, want)
		}
		click(t, ctx, "#table th:nth-child(3) button")
		if got, want := js[string](t, ctx, shown("table", 2)), "−∞ -1,234 1.00e-09 0.5000 –"; got != want {
			t.Errorf("rising: got %s, want %s", got, want)
		}
	})
	t.Run("filter", func(t *testing.T) {
		run(t, ctx, chromedp.SendKeys(chromedp.CSS("input[aria-label*=Countries]"), "united KING"))
		got := js[string](t, ctx, `[...document.querySelector("input[aria-label*=Countries]").closest(".table").querySelectorAll("tbody tr")].filter((r) => r.offsetHeight > 0).map((r) => r.cells[0].textContent).join()`)
		if got != "United Kingdom" {
			t.Errorf("got %q", got)
		}
	})
	t.Run("links", func(t *testing.T) {
		click(t, ctx, `a[href="#flow-252"]`)
		ask(t, ctx, chromedp.Poll[bool](`document.querySelector("tr.at") !== null`, chromedp.WithPollingTimeout(patience)))
		if got := js[string](t, ctx, `document.querySelector("tr.at").cells[0].textContent`); got != "flow-252" {
			t.Errorf("the link leads to %q", got)
		}
		ask(t, ctx, chromedp.Poll[bool](`(() => { const r = document.querySelector("tr.at").getBoundingClientRect(); return r.top > 0 && r.bottom < innerHeight; })()`, chromedp.WithPollingTimeout(patience)))
		if got := js[int](t, ctx, `[...document.querySelectorAll('main a[href^="#"]')].filter((a) => !document.getElementById(a.hash.slice(1))).length`); got != 0 {
			t.Errorf("%d links lead nowhere", got)
		}
	})
	t.Run("tooltip", func(t *testing.T) {
		js[bool](t, ctx, `document.querySelector("svg[aria-label='Flows by hour of day']").scrollIntoView({block: "center", behavior: "instant"}), true`)
		got := js[string](t, ctx, `(() => {
			const svg = document.querySelector("svg[aria-label='Flows by hour of day']"), bar = svg.querySelectorAll("rect.bar")[12].getBoundingClientRect();
			svg.dispatchEvent(new PointerEvent("pointermove", { clientX: bar.x + 2, clientY: bar.y + 2 }));
			const tip = document.getElementById("tip");
			return tip.hidden ? "" : tip.textContent;
		})()`)
		if !strings.HasPrefix(got, "12: ") {
			t.Errorf("got %q", got)
		}
	})
	t.Run("cards", func(t *testing.T) {
		run(t, ctx, chromedp.EmulateViewport(390, 900))
		if got := js[string](t, ctx, `getComputedStyle(document.querySelector("#alerts tbody td:nth-child(5)"), "::before").content`); got != `"evidence"` {
			t.Errorf("on a phone, evidence has the name %s", got)
		}
		run(t, ctx, chromedp.EmulateViewport(1400, 900))
	})
	t.Run("light and dark", func(t *testing.T) {
		colours := map[string]bool{}
		for _, name := range []string{"light", "dark"} {
			scheme(t, ctx, name)
			for _, what := range []string{"backgroundColor", "color"} {
				colours[js[string](t, ctx, "getComputedStyle(document.body)."+what)] = true
			}
			colours[js[string](t, ctx, `getComputedStyle(document.querySelector("rect.bar")).fill`)] = true
		}
		if len(colours) != 6 {
			t.Errorf("light and dark share colours: %v", colours)
		}
	})
	t.Run("widths", func(t *testing.T) {
		for _, width := range []int64{390, 820, 1400} {
			run(t, ctx, chromedp.EmulateViewport(width, 900))
			if got := js[int64](t, ctx, "document.documentElement.scrollWidth"); got > width {
				t.Errorf("the page is %d wide where the window is %d", got, width)
			}
			if js[bool](t, ctx, `[...document.querySelectorAll(".filter input, nav a, figure")].some((e) => e.offsetHeight === 0)`) {
				t.Errorf("something is not seen where the window is %d wide", width)
			}
		}
	})
	if list := said.all(); len(list) > 0 {
		t.Errorf("the browser complains: %q", list)
	}
	t.Run("policy", func(t *testing.T) { policyForbids(t, ctx, said) })
}

// policyForbids makes sure that the policy forbids what it is there for.
func policyForbids(t *testing.T, ctx context.Context, said *complaints) {
	js[bool](t, ctx, `(() => {
		const s = document.createElement("script");
		s.textContent = "window.evil = 1";
		document.body.append(s);
		const i = new Image();
		i.src = "file:///nothing.png";
		document.body.append(i);
		document.body.setAttribute("style", "color: red");
		return true;
	})()`)
	if js[bool](t, ctx, `"evil" in window`) {
		t.Error("an inline script of somebody else runs")
	}
	if got := js[string](t, ctx, "getComputedStyle(document.body).color"); got == "rgb(255, 0, 0)" {
		t.Error("a style attribute counts")
	}
	for end := time.Now().Add(patience); len(said.all()) < 3; js[bool](t, ctx, "true") { // it complains a little later
		if time.Now().After(end) {
			t.Fatalf("the browser complains of %d things, want a script, an image and a style: %q", len(said.all()), said.all())
		}
	}
}

// WEIR_SCREENSHOTS names a folder for pictures of the page at three widths, light and dark, for a person to look at;
// WEIR_PAGE names another page than the sample's.
func TestScreenshots(t *testing.T) {
	dir := os.Getenv("WEIR_SCREENSHOTS")
	if dir == "" {
		t.Skip("WEIR_SCREENSHOTS names no folder")
	}
	ctx, _ := browser(t)
	if page := os.Getenv("WEIR_PAGE"); page != "" {
		run(t, ctx, chromedp.Navigate("file://"+page))
	} else {
		visit(t, ctx)
	}
	for _, width := range []int64{390, 820, 1400} {
		for _, name := range []string{"light", "dark"} {
			scheme(t, ctx, name)
			run(t, ctx, chromedp.EmulateViewport(width, 900))
			picture := ask(t, ctx, chromedp.FullScreenshot(100))
			if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d-%s.png", width, name)), picture, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}
