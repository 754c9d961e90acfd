package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// coverage is the compiler's flag with which the go command has a package instrumented for its fuzzer.
const coverage = "-d=libfuzzer"

// toolexec is what the go command is told to start its tools with when it builds for Go's fuzzer, which has no flag for what go-fuzz calls preserve.
func toolexec() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("'%s' tool", self), nil
}

func toolCommand() *cobra.Command {
	return &cobra.Command{Use: "tool TOOL [ARGUMENT...]", Hidden: true, DisableFlagParsing: true, Args: cobra.MinimumNArgs(1),
		Short:             "Run a tool of the go command, the compiler without instrumentation of the machinery (go build -toolexec)",
		PersistentPreRunE: func(*cobra.Command, []string) error { return nil },
		RunE:              func(_ *cobra.Command, args []string) error { return runTool(args[0], args[1:]) }}
}

// runTool becomes the tool. The compiler's version, by which the go command knows what it has built already, tells this one apart.
func runTool(tool string, args []string) error {
	if filepath.Base(tool) == "compile" {
		if slices.Equal(args, []string{"-V=full"}) {
			version, err := exec.Command(tool, args...).Output()
			if err != nil {
				return fmt.Errorf("%s -V=full: %w", tool, err)
			}
			fmt.Println(strings.TrimSpace(string(version)), "uninstrumented="+strings.Join(notInstrumented, ","))
			return nil
		}
		args = uninstrumented(args)
	}
	return syscall.Exec(tool, append([]string{tool}, args...), os.Environ())
}

// uninstrumented are the compiler's arguments without the flag for coverage, if they are for a package of the machinery.
func uninstrumented(args []string) []string {
	at := slices.Index(args, "-p")
	if at < 0 || at+1 == len(args) || !slices.Contains(notInstrumented, args[at+1]) {
		return args
	}
	return slices.DeleteFunc(slices.Clone(args), func(a string) bool { return a == coverage })
}
