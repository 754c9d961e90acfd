package fuzz

import (
	"fmt"
	"reflect"
	"strings"
)

// FuzzReplayData is the fuzz target of the replay reader. Whatever the data, reading it must not
// panic, an error must name the file and a line, and what reads must print as a file that reads as the same. It returns 1 for data that reads,
// so that go-fuzz prefers it.
func FuzzReplayData(data []byte) int {
	r, err := ParseReplay("fuzz", string(data))
	if err != nil {
		if r != nil || !strings.HasPrefix(err.Error(), "fuzz:") {
			panic(fmt.Sprintf("error %q beside replay %v", err, r))
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
