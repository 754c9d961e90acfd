package measure

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
)

// commitDigits is how much of a hash is given: enough to be unique.
const commitDigits = 10

// Commit is the short hash of the revision this program was built from, and whether the tree differed from it. A program that the toolchain did not
// stamp takes the revision checked out in the current folder, if that is one of headroom. Otherwise the hash is "none".
func Commit() (hash string, dirty bool) {
	info, _ := debug.ReadBuildInfo()
	if hash, dirty := stamped(info); hash != "" {
		return hash, dirty
	}
	return checkedOut(".")
}

// stamped reads the revision from what the toolchain left in the program.
func stamped(info *debug.BuildInfo) (hash string, dirty bool) {
	if info == nil {
		return "", false
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			hash = s.Value[:min(commitDigits, len(s.Value))]
		case "vcs.modified":
			dirty = s.Value == "true"
		}
	}
	return hash, dirty
}

// checkedOut asks git. A folder of another project says nothing about this program.
func checkedOut(folder string) (hash string, dirty bool) {
	git := func(arguments ...string) string {
		out, err := exec.Command("git", append([]string{"-C", folder}, arguments...)...).Output()
		if err != nil {
			return ""
		}
		return strings.TrimSpace(string(out))
	}
	module, _ := os.ReadFile(filepath.Join(git("rev-parse", "--show-toplevel"), "go.mod"))
	hash = git("rev-parse", "--short=10", "HEAD")
	if name, _, _ := strings.Cut(string(module), "\n"); name != "module headroom" || hash == "" {
		return "none", false
	}
	return hash, git("status", "--porcelain", "--untracked-files=no") != ""
}
