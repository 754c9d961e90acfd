package scenario

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// everything has every line and every operation of the language.
const everything = Header + `
# a comment
title what is asked
cpus 4
rt on
mutant PO-01
memory weak
nested true
faults 3
migrations 2
hotplugs 4
kills 1
zone pages 9 min 2 low 3 high 4 rules 2016 lists irqoff kill A kill B writes-take m writes-need p

allocator p mempool:mainline-page items 2 room 4 bytes 64 over zone timeout direct=1
mutex m
spin s
raw r
event e
task A cpu 0 rights memalloc rights victim
  alloc p
  alloc p NOIO x3
  alloc p x2
  fill zone
  fill zone ATOMIC|NOMEMALLOC
  nolocks p x2
  free p
  free p all
  free p x2
  hand p 1
  dirty zone all
  reserve p 2 NOIO
  draw p
  cancel p 1
  lock m
  trylock s
  unlock s
  unlock m
  irqoff
  irqon
  wait e
  signal e
  queue w
  flush w
  yield
  unplug 1
  plug 1
task B cpu 1
interrupt i cpu 2
  alloc p 0
nmi n cpu 3
work w cpu 0
expect livelock lockdep:order deadlock
reach wait pool
`

// What is written is read as the same, and written as the same again.
func TestScenariosSurviveARoundTrip(t *testing.T) {
	texts := map[string]string{"everything": everything}
	files, err := filepath.Glob(filepath.Join("..", "testdata", "*.scn"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		texts[path] = string(data)
	}
	for name, text := range texts {
		first, err := Read(name, []byte(text))
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		second, err := Read(name, []byte(first.String()))
		if err != nil {
			t.Errorf("what was written of %s is refused: %v\n%s", name, err, first)
			continue
		}
		if first.String() != second.String() {
			t.Errorf("%s is written as\n%s\nand that as\n%s", name, first, second)
		}
	}
	f, err := Read("everything", []byte(everything))
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(everything) {
		line = strings.TrimSpace(line)
		if line != "" && line[0] != '#' {
			lines = append(lines, line)
		}
	}
	written := f.String()
	for _, line := range lines {
		switch {
		case strings.HasPrefix(line, "expect"):
			line = "expect deadlock livelock lockdep:order"
		case strings.HasPrefix(line, "allocator"), strings.HasPrefix(line, "zone"):
		}
		if !strings.Contains(written, line+"\n") {
			t.Errorf("the line %q is lost in\n%s", line, written)
		}
	}
}

// A file that cannot be used is refused in one line that names the file, the line and what to do.
func TestBadScenariosAreRefusedByLine(t *testing.T) {
	const good = Header + "\ncpus 2\nmutex m\nallocator p mempool:mainline items 1\nevent e\nzone pages 6 min 2\n"
	for _, c := range []struct {
		lines string // behind those of good
		line  int
		says  string
	}{
		{"", 1, "no task"},
		{"task A cpu 0\n", 1, "expect is missing"},
		{"task A cpu 2\nexpect nothing", 7, "machine of 2"},
		{"task A\nexpect nothing", 7, "on which CPU"},
		{"task A cpu 0\ntask A cpu 1\nexpect nothing", 8, `a second "A"`},
		{"task KERNEL cpu 0\n", 7, "word of the language"},
		{"task 3 cpu 0\n", 7, "a name is a letter"},
		{"task A cpu 0 rights all\n", 7, "there are memalloc, victim"},
		{"interrupt I cpu 0 rights victim\n", 7, "only a task"},
		{"lock m\n", 7, "before any task"},
		{"task A cpu 0\nlock n\nexpect nothing", 8, "not the name of a lock"},
		{"task A cpu 0\nunlock m\nexpect nothing", 8, "has not taken it"},
		{"task A cpu 0\nirqon\nexpect nothing", 8, "has not masked"},
		{"task A cpu 0\nalloc m\nexpect nothing", 8, "not the name of an allocator"},
		{"task A cpu 0\nalloc p SOON\nexpect nothing", 8, "no allocation flag"},
		{"task A cpu 0\nalloc p x0\nexpect nothing", 8, "no count"},
		{"task A cpu 0\nalloc p x99999999999999999999\nexpect nothing", 8, "no count"},
		{"task A cpu 0\nalloc p KERNEL x2 more\nexpect nothing", 8, "too much"},
		{"task A cpu 0\nalloc\nexpect nothing", 8, "an allocator is missing"},
		{"task A cpu 0\nfill p KERNEL\nexpect nothing", 8, "is not refused"},
		{"task A cpu 0\nhand p 2\nexpect nothing", 8, "machine of 2"},
		{"task A cpu 0\nhand p -1\nexpect nothing", 8, "a CPU is a number"},
		{"task A cpu 0\nunplug\nexpect nothing", 8, "a CPU is missing"},
		{"task A cpu 0\ndirty p\nexpect nothing", 8, "only pages of the zone"},
		{"task A cpu 0\nwait m\nexpect nothing", 8, "not the name of an event"},
		{"task A cpu 0\nqueue A\nexpect nothing", 8, "not the name of work"},
		{"task A cpu 0\njump\nexpect nothing", 8, "unknown word"},
		{"task A cpu 0\nexpect happiness", 8, "there are nothing, or"},
		{"task A cpu 0\nexpect", 8, "expect what"},
		{"task A cpu 0\nexpect nothing\nexpect nothing", 9, "a second line"},
		{"cpus 3\n", 7, "a second line"},
		{"zone pages 6\n", 7, "a second line"},
		{"rt off\n", 7, "write rt on"},
		{"title\n", 7, "without words"},
		{"reach\n", 7, "reach what"},
		{"mutex\n", 7, "give one name"},
		{"allocator q\n", 7, "write it as"},
		{"allocator q mempool:mainline\n", 7, "items is missing"},
		{"allocator q mempool:mainline items 0\n", 7, "a number from 1"},
		{"allocator q mempool:mainline items 1 items 1\n", 7, "a second items"},
		{"allocator q mempool:mainline items 1 max=1 max=2\n", 7, "a second max"},
		{"allocator q mempool:mainline items 1 over p\n", 7, "the zone only"},
		{"allocator q mempool:mainline items 1 soon 3\n", 7, `unknown word "soon"`},
		{"allocator q mempool:mainline items\n", 7, "without a value"},
		{"task A cpu 0\xff\n", 7, "plain text"},
	} {
		_, err := Read("f.scn", []byte(good+c.lines))
		want := fmt.Sprintf("f.scn:%d: ", c.line)
		if err == nil || !strings.HasPrefix(err.Error(), want) || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v; want %s... %s", c.lines, err, want, c.says)
		}
	}
}

// So are files that are wrong as a whole, or whose zone is.
func TestBadFilesAreRefused(t *testing.T) {
	for _, c := range []struct{ text, says string }{
		{"", "f.scn:1: not a scenario"},
		{"headroom scenario 2\n", "f.scn:1: not a scenario"},
		{Header + "\nallocator p mempool:mainline items 1 over zone\ntask A cpu 0\nexpect nothing", "f.scn:2: allocator p is over a zone, and there is none"},
		{Header + "\nzone min 2\n", "f.scn:2: zone: pages or min is missing"},
		{Header + "\nzone pages 2 min 3\n", "f.scn:2: zone of 2 pages"},
		{Header + "\nzone pages 6 min 2 kill A\ntask B cpu 0\nexpect nothing", "f.scn:2: zone: kill A"},
		{Header + "\nzone pages 6 min 2 writes-take m\nspin m\ntask B cpu 0\nexpect nothing", "f.scn:2: zone: writes-take m"},
		{Header + "\nzone pages 6 min 2 writes-need m\nspin m\ntask B cpu 0\nexpect nothing", "f.scn:2: zone: writes-need m"},
		{Header + "\nzone pages 6 min 2 rules 1999\n", "f.scn:2: rules 1999: there are 2024"},
	} {
		if _, err := Read("f.scn", []byte(c.text)); err == nil || !strings.HasPrefix(err.Error(), c.says) {
			t.Errorf("%q: %v; want %s", c.text, err, c.says)
		}
	}
}

// Operations are not without bound.
func TestTooLargeScenariosAreRefused(t *testing.T) {
	head := Header + "\nexpect nothing\nevent e\n"
	if _, err := Read("f.scn", []byte(head+"task A cpu 0\n"+strings.Repeat("yield\n", maxOps+1))); err == nil || !strings.Contains(err.Error(), "more than 400 operations") {
		t.Errorf("%v", err)
	}
	many := head
	for i := range maxActors + 1 {
		many += fmt.Sprintf("task t%d cpu 0\n", i)
	}
	if _, err := Read("f.scn", []byte(many)); err == nil || !strings.Contains(err.Error(), "more than 24 tasks") {
		t.Errorf("%v", err)
	}
}
