package fuzz

import (
	"fmt"
	"reflect"
	"strings"
)

// FuzzReplayData is the fuzz target of the replay reader. Whatever the data, reading it must not panic, an error must be one line that names the file
// and a line of it, and what reads must print as a file that reads as the same. It returns 1 for data that reads, so that go-fuzz prefers it.
func FuzzReplayData(data []byte) int {
	r, err := ParseReplay("fuzz", string(data))
	if err != nil {
		if r != nil || !strings.HasPrefix(err.Error(), "fuzz:") || strings.Contains(err.Error(), "\n") {
			panic(fmt.Sprintf("error %q beside a replay, or without file and line, or of several lines", err))
		}
		return 0
	}
	back, err := ParseReplay("printed", r.String())
	if err != nil {
		panic(err)
	}
	if !reflect.DeepEqual(back, r) {
		panic(fmt.Sprintf("prints as\n%sand reads as\n%s", r, back))
	}
	return 1
}
