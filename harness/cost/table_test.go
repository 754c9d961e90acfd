package cost

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

var update = flag.Bool("update", false, "write the golden tables anew")

func TestVerdicts(t *testing.T) {
	six := func(median float64) Spread {
		return Spread{Median: median, Low: median - 1, High: median + 1, Samples: 6}
	}
	for name, c := range map[string]struct {
		s    Spread
		bar  float64
		want Verdict
	}{
		"below":       {six(3.1), 3.2, OK},
		"at the bar":  {six(3.2), 3.2, OK},
		"above":       {six(3.21), 3.2, Miss},
		"no bar":      {six(9), 0, NoBar},
		"too few":     {Spread{Median: 9, Samples: 5}, 3.2, TooFew},
		"no sample":   {Spread{}, 3.2, TooFew},
		"a low bound": {Spread{Median: 3.3, Low: 1, High: 4, Samples: 10}, 3.2, Miss}, // the median decides, not the interval
	} {
		if got := judge(c.s, c.bar); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// fixed are samples of a few cells over six rounds: ours at 1.0, 1.1 ... times the figure, a compare-and-swap of 5 ns.
func fixed() samples {
	s := samples{}
	for name, ns := range map[string]float64{
		"percpu_tags:lock": 15, "percpu_tags:lock on 2 CPUs": 15.3, "percpu_tags:xchg": 21, "percpu_tags:xchg on 2 CPUs": 24,
		"sbitmap": 16, "page": 24, "mempool:mainline-page": 26, "mempool:mainline-page direct=1": 25,
		"original sbitmap": 14, "original mempool": 3.5, "original backing": 2, "original objpool": 17,
	} {
		for round := range 6 {
			v := ns * (1 + float64(round)/100)
			s[name] = append(s[name], &value{ns: v, cas: v / 5})
		}
	}
	s["page"][2] = nil // set aside: the layer above it has five rounds left
	s["original sbitmap"][5].ns = 100
	return s
}

func rowsNamed(names ...string) (rows []Row) {
	for _, r := range allRows {
		if slices.Contains(names, r.Name) {
			rows = append(rows, r)
		}
	}
	return rows
}

var few = rowsNamed("percpu_tags:lock", "percpu_tags:xchg", "sbitmap", "page", "mempool, beyond its backing", "mempool, its pointer's share", "objpool (reference)")

func golden(t *testing.T, name string, table *Table) {
	t.Helper()
	var got bytes.Buffer
	if err := table.Print(&got); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("%s differs; with -update it is written anew. Got\n%s", path, got.Bytes())
	}
}

func TestTableOfMeasuredOriginals(t *testing.T) {
	table := &Table{SetAside: 1}
	table.fill(few, fixed(), Options{TwoCPUs: true, Tree: &Tree{Name: "Linux 1.2.3 in somewhere", Compiler: "cc 4", Flags: []string{"-O2"}, Lacking: []string{"ida: the tree has no lib/idr.c"}}})
	golden(t, "measured.txt", table)
	if table.Misses() != 2 { // xchg over its bar, and on two CPUs
		t.Errorf("%d misses", table.Misses())
	}
	for i := range table.Lines {
		if l := &table.Lines[i]; l.OriginalNs.Samples == 0 && l.Ratio.Samples != 0 { // I1: no published figure stands in for a missing one
			t.Errorf("%s has a ratio, and no original was measured", l.Name)
		}
	}
}

func TestTableOfPublishedFigures(t *testing.T) {
	taken := fixed()
	taken["sbitmap"][0].allocs = 1
	table := &Table{}
	table.fill(few, taken, Options{})
	golden(t, "published.txt", table)
	if table.Misses() != 2 { // xchg over its bar, and sbitmap allocates
		t.Errorf("%d misses", table.Misses())
	}
	if len(table.Scales) != 0 {
		t.Errorf("one CPU gives %d rows of two", len(table.Scales))
	}
}

// Slower is said when the whole interval lies above 1, and not when it holds 1.
func TestSlowerThanTheOriginal(t *testing.T) {
	row := rowsNamed("sbitmap")[0]
	taken := fixed()
	if l := lineOf(row, taken, true); l.Slower || l.Ratio.Low >= 1 { // one round in which the original was slow
		t.Errorf("%+v", l.Ratio)
	}
	taken["original sbitmap"][5].ns = 14
	if l := lineOf(row, taken, true); !l.Slower {
		t.Errorf("%+v", l.Ratio)
	}
}

// What the rows name exists: each original is a program, each stands for a design that has a loop, and no row is there twice.
func TestRows(t *testing.T) {
	rows, absent := Rows()
	if len(rows)+len(absent) != len(allRows) {
		t.Errorf("%d rows and %d absent, of %d", len(rows), len(absent), len(allRows))
	}
	seen := map[string]bool{"": true}
	for _, r := range rows {
		if seen[r.Name] {
			t.Errorf("%q is there twice", r.Name)
		}
		seen[r.Name] = true
		for _, o := range []string{r.Original, r.OriginalUnder} {
			if o != "" && !slices.ContainsFunc(programs, func(p program) bool { return p.name == o }) {
				t.Errorf("%s: no program is called %s", r.Name, o)
			}
		}
		if r.Ours == nil && (r.Original == "" || r.BarCAS != 0) {
			t.Errorf("%s: a row without a design is a reference to an original, and has no bar", r.Name)
		}
	}
	var names []string
	for _, c := range cells(rows, true, []string{"mempool", "backing"}) {
		if slices.Contains(names, c.name()) {
			t.Errorf("%s is sampled twice a round", c.name())
		}
		names = append(names, c.name())
		if c.part != nil {
			if spec, err := c.spec(); err != nil || spec.Check() != nil {
				t.Errorf("%s: %v, %v", c.name(), err, spec.Check())
			}
		}
	}
	for _, want := range []string{"percpu_tags:lock on 2 CPUs", "mempool:mainline-page direct=1", "original backing"} {
		if !slices.Contains(names, want) {
			t.Errorf("%s is not sampled, of %v", want, names)
		}
	}
}
