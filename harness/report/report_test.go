package report_test

import (
	"bytes"
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"headroom/harness/report"
	"headroom/harness/result"
)

var update = flag.Bool("update", false, "rewrite the golden files in testdata")

// written puts a run into a folder of its own and writes its report there; it gives the folder and the report.
func written(t *testing.T, env result.Env, run *result.Run) (dir, text string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "run")
	if err := result.Write(dir, env, run); err != nil {
		t.Fatal(err)
	}
	path, err := report.Write(dir)
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(dir, result.ReportFile); path != want {
		t.Errorf("path %s, want %s", path, want)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return dir, string(data)
}

// markdown is the report of a run without its pictures.
func markdown(t *testing.T, env result.Env, run *result.Run) string {
	t.Helper()
	var b strings.Builder
	if err := report.Markdown(&b, env, run, nil); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// The golden files are a run with everything, the same stopped early without a control, one of distributions and layers, and a run of nothing.
func TestReportIsTheGoldenOne(t *testing.T) {
	stopped := full()
	stopped.Interrupted, stopped.Control = true, result.Control{}
	stopped.Cells = stopped.Cells[:2]
	stopped.Cells[1].Kept = stopped.Cells[1].Kept[:2]
	for name, c := range map[string]struct {
		env result.Env
		run *result.Run
	}{
		"full.md":        {env, full()},
		"interrupted.md": {env[:3], stopped},
		"timed.md":       {env, timed()},
		"nothing.md":     {nil, &result.Run{}},
	} {
		_, have := written(t, c.env, c.run)
		golden := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(golden, []byte(have), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if have != string(want) {
			t.Errorf("%s differs; after review: go test ./harness/report -update\n%s", golden, have)
		}
	}
}

// I1, for the report and its pictures; writing again over the same folder changes nothing and leaves nothing else.
func TestSameFolderGivesTheSameBytes(t *testing.T) {
	dir, _ := written(t, env, full())
	first := contents(t, dir)
	if _, err := report.Write(dir); err != nil {
		t.Fatal(err)
	}
	second := contents(t, dir)
	if len(first) != len(second) {
		t.Errorf("%d files became %d", len(first), len(second))
	}
	for name, data := range first {
		if !bytes.Equal(data, second[name]) {
			t.Errorf("%s changed", name)
		}
	}
}

func contents(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	out := make(map[string][]byte)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if out[e.Name()], err = os.ReadFile(filepath.Join(dir, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

var linked = regexp.MustCompile(`\]\(([^)]*)\)`)

// I6: the page holds every table, picture and warning of the report, and nothing that would be fetched.
func TestPageStandsAlone(t *testing.T) {
	dir, text := written(t, env, timed())
	data, err := os.ReadFile(filepath.Join(dir, result.PageFile))
	if err != nil {
		t.Fatal(err)
	}
	page := string(data)
	for what, counts := range map[string][2]int{
		"tables":   {strings.Count(page, "<table>"), len(tablesOf(text))},
		"pictures": {strings.Count(page, `<svg role="img" aria-label="`), strings.Count(text, "![")},
		"warnings": {strings.Count(page, "<blockquote>"), len(regexp.MustCompile(`(?m)^[^>].*\n\n?> |\n\n> `).FindAllString(text, -1))},
		"headings": {strings.Count(page, "<h2 ") + strings.Count(page, "<h3 "), strings.Count(text, "\n## ") + strings.Count(text, "\n### ")},
		"contents": {strings.Count(page[:strings.Index(page, "</nav>")], "<a href="), strings.Count(text, "\n## ") + strings.Count(text, "\n### ")},
	} {
		if counts[0] != counts[1] || counts[0] == 0 {
			t.Errorf("%s: %d in the page, %d in the report", what, counts[0], counts[1])
		}
	}
	outside := strings.NewReplacer(`xmlns="http://www.w3.org/2000/svg"`, "", `xmlns:xlink="http://www.w3.org/1999/xlink"`, "").Replace(page)
	for _, banned := range []string{"http:", "https:", " src=", "<script", "<link rel=\"stylesheet", "@import", "url(", ".png", ".svg"} {
		if strings.Contains(outside, banned) {
			t.Errorf("the page has %q", banned)
		}
	}
}

// A picture that the report shows and nobody drew is an error, not a hole in the page.
func TestPageNamesAMissingPicture(t *testing.T) {
	_, err := report.Page([]byte("# x\n\n![what](gone.png)\n"), nil)
	if err == nil || !strings.Contains(err.Error(), "the report shows gone.png, and there is no SVG of it") {
		t.Errorf("error %v", err)
	}
}

// What stands in names cannot become part of the page.
func TestPageEscapesWhatItShows(t *testing.T) {
	run := full()
	run.Warnings = []string{"<img src=x onerror=alert(1)> [a](javascript:alert(1))"}
	run.Lacking = []result.Lack{{Workload: "window", Design: "</table><script>", Reason: "<b>"}}
	page, err := report.Page([]byte(markdown(t, env, run)), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, banned := range []string{"<img", "<script", "<b>", "href=\"javascript"} {
		if bytes.Contains(page, []byte(banned)) {
			t.Errorf("the page has %s", banned)
		}
	}
}

// Every link leads to a file of the folder, and every picture has a description.
func TestLinksLeadSomewhere(t *testing.T) {
	dir, text := written(t, env, full())
	links := linked.FindAllStringSubmatch(text, -1)
	if len(links) < 6 {
		t.Errorf("%d links", len(links))
	}
	for _, l := range links {
		if _, err := os.Stat(filepath.Join(dir, l[1])); err != nil {
			t.Error(err)
		}
	}
	if strings.Contains(text, "![](") {
		t.Error("a picture without a description")
	}
	if !strings.Contains(text, "> * 1 of the 6 cells shown: need >= 6 samples") {
		t.Error("a picture without the doubt about one of its cells") // I5
	}
}

// Every table has as many cells in each line as in its header, whatever stands in the names.
func TestTablesAreWhole(t *testing.T) {
	run := full()
	run.Lacking = append(run.Lacking, result.Lack{Workload: "window", Design: "odd|`name", Reason: "a | b\n| c <script> *x*"})
	run.Cells[0].Warnings = []string{"first\nsecond | third"}
	text := markdown(t, env, run)
	header := 0
	for i, line := range strings.Split(text, "\n") {
		if !strings.HasPrefix(line, "|") {
			header = 0
			continue
		}
		bars := strings.Count(strings.ReplaceAll(line, `\|`, ""), "|")
		if header == 0 {
			header = bars
		}
		if bars != header {
			t.Errorf("line %d has %d bars, its header %d: %s", i+1, bars, header, line)
		}
	}
	if strings.Contains(text, "<script>") {
		t.Error("a tag went through")
	}
}

// I2 and I5 in the lines of single designs.
func TestFiguresStandWithTheirIntervalsAndDoubts(t *testing.T) {
	text := markdown(t, env, full())
	for what, want := range map[string]string{
		"median, interval":                    "15.26 [15.06, 15.52]",
		"equals share a rank":                 "| `sbitmap` | 2    |    1 |",
		"too few samples":                     "5.900 [no interval]",
		"doubt of a figure":                   "> * a: need >= 6 samples for confidence interval at level 0.95",
		"published figure is marked":          "† published figure added, not measured: irq pairs/op x 9.4 ns.",
		"two pairs of 9.4 ns in CAS of 4.2":   "8.079 [7.971, 8.198]",
		"a cell without samples":              "| `mutex`   | 2    | none |",
		"reason and figures of what was left": "| `Window/hold=32/design=percpu_tags:lock/cpus=2` | distance class far: the run compares class near |         2 |    6 | 47.10, 46.20",
		"lacking designs":                     "| `channel` | its Alloc never waits",
		"loop":                                "The measuring loop** itself costs 0.4100 [0.4100, 0.4100] ns",
		"dispatch":                            "interface** adds +1.87 [",
		"cross-CPU frees":                     "30 (5.0 % of lifetimes)",
		"one table for the sweep":             "| `percpu_tags:lock` | 2    | 0.5           |    1 |",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%s: no %q", what, want)
		}
	}
}

// tableOf is a table of a report under its last heading.
type tableOf struct {
	heading string
	rows    [][]string // the header first
}

// tablesOf reads the tables of a report.
func tablesOf(text string) []tableOf {
	var out []tableOf
	heading := ""
	inside := false
	for _, line := range strings.Split(text, "\n") {
		if strings.HasPrefix(line, "#") {
			heading = strings.TrimLeft(line, "# ")
		}
		if !strings.HasPrefix(line, "|") {
			inside = false
			continue
		}
		if strings.HasPrefix(line, "| --") {
			continue
		}
		var cells []string
		for _, c := range strings.Split(strings.Trim(strings.ReplaceAll(line, `\|`, "/"), "|"), "|") {
			cells = append(cells, strings.TrimSpace(c))
		}
		if !inside {
			out = append(out, tableOf{heading: heading})
			inside = true
		}
		last := &out[len(out)-1]
		last.rows = append(last.rows, cells)
	}
	return out
}

// I3: every table that ranks names one item kind and one guarantee, and holds designs of no other.
func TestNothingIsRankedAcrossKindsOrGuarantees(t *testing.T) {
	for name, run := range map[string]*result.Run{"full": full(), "timed": timed()} {
		ranking := 0
		for _, table := range tablesOf(markdown(t, env, run)) {
			if !slices.Contains(table.rows[0], "rank") {
				continue
			}
			ranking++
			for _, row := range table.rows[1:] {
				for _, c := range run.Cells {
					if "`"+c.DesignName()+"`" != row[0] || !strings.Contains(table.heading, c.ItemKind) {
						continue
					}
					if want := "Cost: " + c.ItemKind + ", " + c.Guarantee; !strings.HasPrefix(table.heading, want) {
						t.Errorf("%s: %s (%s) stands under %q", name, row[0], want, table.heading)
					}
				}
			}
		}
		if ranking < 4 {
			t.Errorf("%s: %d tables that rank", name, ranking)
		}
	}
}

// A layer whose other side the run lacks is named, not left out in silence (I4); one measured while items run out is not in the table.
func TestLayersWithoutTheirOtherSideAreNamed(t *testing.T) {
	lone, scarce := cell("window", "mempool", "molnar", "object", 1, 6, 20, pair("hold", "32")), cell("tag-exhaust", "mempool", "molnar", "object", 1, 6, 900, pair("items-per-cpu", "0.5"))
	lone.Over, scarce.Over = "slab", "slab"
	below := cell("tag-exhaust", "slab", "", "object", 1, 6, 100, pair("items-per-cpu", "0.5"))
	text := markdown(t, env, &result.Run{Cells: []result.Cell{lone, scarce, below}})
	section := text[strings.Index(text, "## What a layer adds"):]
	if !strings.Contains(section, "this run did not measure what is below: `mempool:molnar` over `slab`.") {
		t.Errorf("not named in %s", section)
	}
	if strings.Contains(section, "tag-exhaust, items-per-cpu") {
		t.Error("a cell that runs out of items is taken apart")
	}
}

var (
	figure = regexp.MustCompile(`^(\*\*)?[-+]?[0-9.]+ (ns |us |ms |s )?\[([-+]?[0-9.]+, [-+]?[0-9.]+|no interval)\]( n=[0-9]+)?(\*\*)?$`)
	word   = regexp.MustCompile(`^(none|not counted|not measured|n/a|floor|one CPU|as recorded|no|-)$`)
)

// measured are the columns that hold figures measured; the rest are words, parameters, declarations and counts.
var measured = regexp.MustCompile(`CAS/op|ns/op|op/s|locks/op$|/1000 op|slowest/fastest|^p[0-9.]+$|^max$|held|, mean$|longest$|^fastpath|^window|^bio|^tag-exhaust|%$|a second$|clock$`)

// I2: in every table that counts samples, each measured figure has its interval, or is a word.
func TestNoFigureStandsAlone(t *testing.T) {
	figures, words := 0, 0
	for _, run := range []*result.Run{full(), timed()} {
		for _, table := range tablesOf(markdown(t, env, run)) {
			if !slices.Contains(table.rows[0], "n") {
				continue
			}
			for _, row := range table.rows[1:] {
				for i, cell := range row {
					column := table.rows[0][i]
					switch {
					case !measured.MatchString(column) || strings.HasPrefix(column, "own locks"):
					case figure.MatchString(cell):
						figures++
					case word.MatchString(cell):
						words++
					default:
						t.Errorf("%s: %q under %s in the line of %s", table.heading, cell, column, row[0])
					}
				}
			}
		}
	}
	if figures < 200 || words < 20 {
		t.Errorf("%d figures, %d words", figures, words)
	}
}

// Percentiles that the machine's gaps explain say so, and so do those with too few operations above; an open loop has both its figures.
func TestTailsSayWhatTheyCannotTell(t *testing.T) {
	text := markdown(t, env, timed())
	for _, want := range []string{"floor |", "n/a |", "| alloc, from intended start |", "| alloc, uncorrected ", "### The machine's own gaps"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q", want)
		}
	}
	for _, table := range tablesOf(text) {
		if strings.HasPrefix(table.heading, "Cost") && strings.Contains(table.heading, "latency") {
			t.Errorf("%q has cells with a clock in the operation", table.heading)
		}
	}
}

// A layer of 16 ns over one of 10 adds 6 of 4.2 a compare-and-swap, of which 2 are the call: the pool called directly takes 14.
func TestLayersAreTakenApart(t *testing.T) {
	for _, table := range tablesOf(markdown(t, env, timed())) {
		if table.heading != "What a layer adds" {
			continue
		}
		row := table.rows[1]
		if row[0] != "`mempool:molnar`" || row[1] != "`slab`" || !strings.HasPrefix(row[7], "+1.4") || !strings.HasPrefix(row[8], "+0.48 [") {
			t.Errorf("%q", row)
		}
		return
	}
	t.Error("no table of layers")
}

func TestPlantedSlowdownThatWasMissedIsAWarning(t *testing.T) {
	run := full()
	run.Control.Distinguished = false
	text := markdown(t, env, run)
	for _, want := range []string{"could not tell a planted slowdown of 10.0 % from noise", "**The run did not tell the two apart**"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q", want)
		}
	}
}

// One cell of class far among near ones of the same CPU count: it is ranked by itself, and the report says why.
func TestClassesAreKeptApart(t *testing.T) {
	run := full()
	for i := range run.Cells {
		if c := &run.Cells[i]; c.Design == "channel" && c.CPUs == 2 {
			c.Class = "far"
			for j := range c.Kept {
				c.Kept[j].Class = "far"
			}
		}
	}
	text := markdown(t, env, run)
	for _, want := range []string{
		"| `channel` | 2    | far   |    1 |", "| `sbitmap` | 2    | near  |    1 |",
		`**Not comparable:** the samples of "2 CPUs, hold = 32" fell into the distance classes far and near;`,
	} {
		if strings.Count(text, want) != 1 {
			t.Errorf("%q stands %d times", want, strings.Count(text, want))
		}
	}
}

// A picture that cannot be drawn, here because a cell stands twice, costs nothing but the picture.
func TestReasonStandsInPlaceOfAPicture(t *testing.T) {
	run := full()
	run.Cells = append(run.Cells, run.Cells[0])
	dir, text := written(t, env, run)
	if !strings.Contains(text, "> * No picture: two rows of Window/hold=32/design=percpu_tags:lock/cpus=2") {
		t.Error("no reason")
	}
	var names []string
	for name := range contents(t, dir) {
		names = append(names, name)
	}
	if slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(n, "window") }) || !slices.Contains(names, "tag-exhaust-tag-items-per-cpu.png") {
		t.Errorf("files %q", names)
	}
}

func TestUnreadableFoldersGiveTheReadersError(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "none")
	if _, err := report.Write(dir); err == nil || !strings.HasPrefix(err.Error(), dir+": no such run folder;") {
		t.Errorf("error %v", err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s was made", dir)
	}
}

// The error of the writer comes back.
func TestMarkdownGivesTheWritersError(t *testing.T) {
	if err := report.Markdown(broken{}, env, full(), nil); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("error %v", err)
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, fs.ErrClosed }
