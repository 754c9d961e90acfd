//go:build browser

package report_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"headroom/harness/report"
	"headroom/harness/result"
)

// shots is where pictures of the rendered pages go, relative to this folder.
const shots = "../../build"

// browserLimit ends a browser that hangs.
const browserLimit = 2 * time.Minute

// The pages of both golden runs, rendered by a browser: nothing is fetched but the page, nothing is complained of, every picture is drawn, and
// nothing is wider than a laptop's window or a narrow one, in either colour scheme. Screenshots and a print are left in build/. Run by
// make test-report.
func TestBrowserRendersTheReport(t *testing.T) {
	if err := os.MkdirAll(shots, 0o755); err != nil {
		t.Fatal(err)
	}
	ctx := browser(t)
	for name, run := range map[string]*result.Run{"full": full(), "timed": timed()} {
		dir := filepath.Join(t.TempDir(), name)
		if err := result.Write(dir, env, run); err != nil {
			t.Fatal(err)
		}
		if _, err := report.Write(dir); err != nil {
			t.Fatal(err)
		}
		// Alone: a page that needs another file of the run's folder shows it here.
		alone := filepath.Join(t.TempDir(), result.PageFile)
		if err := os.Rename(filepath.Join(dir, result.PageFile), alone); err != nil {
			t.Fatal(err)
		}
		for _, view := range []struct {
			name, scheme string
			width        int64
		}{{"1280", "light", 1280}, {"800", "light", 800}, {"1280-dark", "dark", 1280}} {
			t.Run(name+"-"+view.name, func(t *testing.T) {
				render(t, ctx, alone, view.width, view.scheme, filepath.Join(shots, "report-"+name+"-"+view.name+".png"))
			})
		}
		var print []byte
		err := chromedp.Run(ctx, chromedp.Navigate("file://"+alone), chromedp.ActionFunc(func(ctx context.Context) (err error) {
			print, _, err = page.PrintToPDF().WithPreferCSSPageSize(true).WithPrintBackground(true).Do(ctx)
			return err
		}))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(shots, "report-"+name+".pdf"), print, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// browser starts a headless browser that ends with the test.
func browser(t *testing.T) context.Context {
	t.Helper()
	var program string
	for _, name := range []string{"chromium", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			program = path
			break
		}
	}
	if program == "" {
		t.Fatal("no Chromium: install it with make report-tools")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program), chromedp.DisableGPU)
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // Chromium refuses its sandbox to root
	}
	limit, cancel := context.WithTimeout(context.Background(), browserLimit)
	t.Cleanup(cancel)
	allocated, cancel := chromedp.NewExecAllocator(limit, options...)
	t.Cleanup(cancel)
	ctx, cancel := chromedp.NewContext(allocated)
	t.Cleanup(cancel)
	if err := chromedp.Run(ctx); err != nil {
		t.Fatalf("%s does not start: %v", program, err)
	}
	return ctx
}

// render opens a page and looks at it in one size and colour scheme.
func render(t *testing.T, ctx context.Context, file string, width int64, scheme, shot string) {
	t.Helper()
	tab, cancel := chromedp.NewContext(ctx)
	defer cancel()
	var complaints, fetched []string
	chromedp.ListenTarget(tab, func(event any) {
		switch e := event.(type) {
		case *log.EventEntryAdded:
			complaints = append(complaints, e.Entry.Text)
		case *runtime.EventConsoleAPICalled:
			complaints = append(complaints, "console: "+string(e.Type))
		case *runtime.EventExceptionThrown:
			complaints = append(complaints, e.ExceptionDetails.Error())
		case *network.EventRequestWillBeSent:
			fetched = append(fetched, e.Request.URL)
		}
	})
	var seen struct {
		Width, Pictures, Drawn, Tables, Links, Dead int
		Paper, Picture                              string
	}
	var png []byte
	err := chromedp.Run(tab,
		network.Enable(), log.Enable(), runtime.Enable(),
		emulation.SetDeviceMetricsOverride(width, 900, 1, false),
		emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}),
		chromedp.Navigate("file://"+file),
		chromedp.Evaluate(`(() => {
			const pictures = [...document.querySelectorAll(".picture > svg")];
			return {
				Width: document.documentElement.scrollWidth,
				Pictures: pictures.length,
				Drawn: pictures.filter(s => s.getBBox().width > 100 && s.clientWidth > 100 && s.getAttribute("aria-label")).length,
				Tables: document.querySelectorAll(".wide > table").length,
				Links: document.querySelectorAll("nav a").length,
				Dead: [...document.querySelectorAll("a[href]")].filter(a => !document.getElementById(decodeURIComponent(a.hash.slice(1)))).length,
				Paper: getComputedStyle(document.body).backgroundColor,
				Picture: getComputedStyle(document.querySelector(".picture")).backgroundColor,
			};
		})()`, &seen),
		chromedp.FullScreenshot(&png, 100),
	)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(shot, png, 0o644); err != nil {
		t.Fatal(err)
	}
	if len(complaints) > 0 {
		t.Errorf("the browser complains: %s", strings.Join(complaints, "; "))
	}
	for _, url := range fetched {
		if !strings.HasPrefix(url, "data:") && url != "file://"+file {
			t.Errorf("the page fetched %s", url)
		}
	}
	if int64(seen.Width) > width {
		t.Errorf("the page is %d pixels wide in a window of %d", seen.Width, width)
	}
	if seen.Pictures < 3 || seen.Drawn != seen.Pictures || seen.Tables < 8 || seen.Links < 12 || seen.Dead > 0 {
		t.Errorf("%+v: too few, or pictures that are not drawn, or links that lead nowhere", seen)
	}
	if dark := seen.Paper != "rgb(255, 255, 255)"; dark != (scheme == "dark") || seen.Picture != "rgb(255, 255, 255)" {
		t.Errorf("the paper is %s in the %s scheme, that of pictures %s", seen.Paper, scheme, seen.Picture)
	}
}
