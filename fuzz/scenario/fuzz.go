package scenario

import (
	"fmt"
	"strings"
)

// Fuzz is the fuzz target of the readers of scenarios and of their replay files; the first line says which. Whatever the data, reading it must not panic;
// an error must be one line that names the file and a line of it, and what reads must be written as a file that reads as the same. It returns 1 for data
// that reads, so that go-fuzz prefers it.
func Fuzz(data []byte) int {
	if IsReplay(data) {
		return fuzzReplay(data)
	}
	f, err := Read("fuzz", data)
	if err != nil {
		mustExplain(err, f != nil)
		return 0
	}
	again, err := Read("fuzz", []byte(f.String()))
	if err != nil {
		panic(fmt.Sprintf("what was written is refused: %v", err))
	}
	if again.String() != f.String() {
		panic(fmt.Sprintf("it is written as\n%s\nand that as\n%s", f, again))
	}
	return 1
}

func fuzzReplay(data []byte) int {
	r, err := ParseReplay("fuzz", string(data))
	if err != nil {
		mustExplain(err, r != nil)
		return 0
	}
	again, err := ParseReplay("fuzz", r.String())
	if err != nil {
		panic(fmt.Sprintf("what was written is refused: %v", err))
	}
	if again.String() != r.String() {
		panic(fmt.Sprintf("it is written as\n%s\nand that as\n%s", r, again))
	}
	return 1
}

// mustExplain panics at an error that is not one line with a place, or that came beside a result.
func mustExplain(err error, beside bool) {
	if says := err.Error(); beside || strings.Contains(says, "\n") || !strings.HasPrefix(says, "fuzz:") {
		panic(fmt.Sprintf("error %q beside a result, or without file and line, or of several lines", err))
	}
}
