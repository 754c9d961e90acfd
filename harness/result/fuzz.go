package result

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"

	"golang.org/x/tools/txtar"
)

// Fuzz is the fuzz target of the reader of runs. The data is the files of a folder in the form of golang.org/x/tools/txtar, any of which may be
// missing. Whatever they hold, reading must not panic; it gives one line that names the file, the line and the remedy, or what is the same after it is
// written and read again, in the same bytes. It returns 1 for data with an environment and cells that read, so that go-fuzz prefers it.
func Fuzz(data []byte) int {
	files := map[string][]byte{}
	for _, f := range txtar.Parse(data).Files {
		files[f.Name] = f.Data
	}
	env, err := parseEnv(EnvFile, files[EnvFile])
	mustExplain(EnvFile, err)
	run, failed := parseCells(CellsFile, files[CellsFile])
	mustExplain(CellsFile, failed)
	if err != nil || failed != nil {
		return 0
	}
	mustExplain(RawFile, checkRaw(RawFile, files[RawFile], run))
	first, err := marshal("", env, run)
	if err != nil {
		if strings.Contains(err.Error(), "\n") {
			panic(fmt.Sprintf("an error of several lines: %q", err))
		}
		return 0 // what cannot be written was not written by this program
	}
	envAgain, runAgain, err := parse("", first)
	if err != nil {
		panic(fmt.Sprintf("what was written does not read: %v", err))
	}
	second, err := marshal("", envAgain, runAgain)
	if err != nil {
		panic(fmt.Sprintf("what was read is not written: %v", err))
	}
	for i := range first {
		if !bytes.Equal(first[i].Data, second[i].Data) {
			panic(fmt.Sprintf("%s is written in other bytes once it was read", first[i].Name))
		}
	}
	_, third, err := parse("", second)
	if err != nil || !reflect.DeepEqual(third, runAgain) {
		panic(fmt.Sprintf("%s reads as another run, %v", CellsFile, err))
	}
	return 1
}

// mustExplain panics at an error that is not one line with the place and what to do.
func mustExplain(name string, err error) {
	if err == nil {
		return
	}
	says := err.Error()
	if strings.Contains(says, "\n") || !strings.HasPrefix(says, name+":") || !strings.Contains(says, "; ") {
		panic(fmt.Sprintf("an error without place or remedy, or of several lines: %q", says))
	}
}
