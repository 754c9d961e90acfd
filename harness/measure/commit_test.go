package measure

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"testing"
)

// What the toolchain stamped into the program is its revision, in short; without a stamp there is none.
func TestStampedRevision(t *testing.T) {
	setting := func(key, value string) debug.BuildSetting { return debug.BuildSetting{Key: key, Value: value} }
	for _, c := range []struct {
		info  *debug.BuildInfo
		hash  string
		dirty bool
	}{
		{nil, "", false},
		{&debug.BuildInfo{}, "", false},
		{&debug.BuildInfo{Settings: []debug.BuildSetting{setting("vcs.revision", "0123456789abcdef"), setting("vcs.modified", "false")}}, "0123456789", false},
		{&debug.BuildInfo{Settings: []debug.BuildSetting{setting("vcs.revision", "01234567"), setting("vcs.modified", "true")}}, "01234567", true},
	} {
		if hash, dirty := stamped(c.info); hash != c.hash || dirty != c.dirty {
			t.Errorf("%v: %q, %v", c.info, hash, dirty)
		}
	}
}

// A checkout tells its revision, and whether files differ from it, from any of its folders; one of another project says nothing about headroom.
func TestCheckedOutRevision(t *testing.T) {
	folder := t.TempDir()
	git := func(arguments ...string) {
		t.Helper()
		arguments = append([]string{"-C", folder, "-c", "user.name=test", "-c", "user.email=test@localhost"}, arguments...)
		if out, err := exec.Command("git", arguments...).CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v: %s", arguments, err, out)
		}
	}
	write := func(name, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(filepath.Join(folder, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	expect := func(known, dirty bool) {
		t.Helper()
		hash, changed := checkedOut(filepath.Join(folder, "deep"))
		if (hash != "none") != known || changed != dirty || known && len(hash) != commitDigits {
			t.Errorf("%q, %v", hash, changed)
		}
	}
	write("go.mod", "module headroom\n\ngo 1.26\n")
	write("deep/file", "1")
	expect(false, false) // no checkout
	git("init", "-q")
	expect(false, false) // no revision
	git("add", ".")
	git("commit", "-q", "-m", "first")
	expect(true, false)
	write("deep/file", "2")
	expect(true, true)
	write("go.mod", "module another\n")
	expect(false, false)
}
