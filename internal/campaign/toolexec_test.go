package main

import (
	"slices"
	"testing"
)

// The machinery is compiled without coverage for Go's fuzzer, what it is to find faults in with it.
func TestMachineryIsNotInstrumented(t *testing.T) {
	for _, c := range []struct {
		args, want []string
	}{
		{[]string{"-o", "x", "-p", "headroom/kernel/sim", "-d=libfuzzer", "a.go"}, []string{"-o", "x", "-p", "headroom/kernel/sim", "a.go"}},
		{[]string{"-o", "x", "-p", "headroom/designs/ida", "-d=libfuzzer", "a.go"}, []string{"-o", "x", "-p", "headroom/designs/ida", "-d=libfuzzer", "a.go"}},
		{[]string{"-V=full"}, []string{"-V=full"}},
		{[]string{"-p"}, []string{"-p"}},
	} {
		if got := uninstrumented(c.args); !slices.Equal(got, c.want) {
			t.Errorf("%v becomes %v, want %v", c.args, got, c.want)
		}
	}
}
