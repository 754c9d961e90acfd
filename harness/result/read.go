package result

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Read gives back what Write put into the folder dir.
//
// It reads env.txt and cells.json, and holds raw.txt against them. A file that is missing, damaged or at odds with
// another gives an error of one line that names the file, the line and the remedy.
func Read(dir string) (Env, *Run, error) {
	var files [3]File
	for i, name := range []string{EnvFile, RawFile, CellsFile} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil, missing(dir, name)
		}
		if err != nil {
			return nil, nil, err
		}
		files[i] = File{name, data}
	}
	return parse(dir, files)
}

// parse reads env.txt, raw.txt and cells.json, in this order. dir is for errors only.
func parse(dir string, files [3]File) (Env, *Run, error) {
	env, err := parseEnv(filepath.Join(dir, EnvFile), files[0].Data)
	if err != nil {
		return nil, nil, err
	}
	run, err := parseCells(filepath.Join(dir, CellsFile), files[2].Data)
	if err != nil {
		return nil, nil, err
	}
	if err := checkRaw(filepath.Join(dir, RawFile), files[1].Data, run); err != nil {
		return nil, nil, err
	}
	return env, run, nil
}

func parseCells(path string, data []byte) (*Run, error) {
	run := new(Run)
	form := cellsForm{Run: run}
	const remedy = "copy the folder again, or repeat the run"
	if err := json.Unmarshal(data, &form); err != nil {
		var syntax *json.SyntaxError
		var kind *json.UnmarshalTypeError
		switch {
		case len(bytes.TrimSpace(data)) == 0:
			return nil, damaged(path, 1, "the file is empty", remedy)
		case errors.As(err, &syntax) && syntax.Offset >= int64(len(bytes.TrimRight(data, "\n"))):
			return nil, damaged(path, lineAt(data, syntax.Offset), "the file ends in the middle of a value", remedy)
		case errors.As(err, &syntax):
			return nil, damaged(path, lineAt(data, syntax.Offset), "not JSON: "+syntax.Error(), remedy)
		case errors.As(err, &kind):
			return nil, damaged(path, lineAt(data, kind.Offset), fmt.Sprintf("%s is a %s, not a %s", strings.TrimPrefix(kind.Field, "Run."), kind.Value, kind.Type), remedy)
		}
		return nil, damaged(path, 1, err.Error(), remedy)
	}
	if form.Format > format {
		return nil, damaged(path, 1, fmt.Sprintf("form %d, this headroom reads up to %d", form.Format, format), "build a newer headroom")
	}
	if form.Format < 1 {
		return nil, damaged(path, 1, "no \"format\" in it, so it is not a run of headroom", remedy)
	}
	return run, nil
}

// lineAt is the line, from 1, that holds the byte at offset.
func lineAt(data []byte, offset int64) int {
	return bytes.Count(data[:min(max(offset-1, 0), int64(len(data)))], []byte("\n")) + 1
}

// missing says which file a run's folder lacks, or that the folder itself is not there.
func missing(dir, name string) error {
	if _, err := os.Stat(dir); err != nil {
		return fmt.Errorf("%s: no such run folder; give a folder that has %s, %s and %s", dir, EnvFile, RawFile, CellsFile)
	}
	return fmt.Errorf("%s: missing; a run folder has %s, %s and %s: copy the folder again, or repeat the run",
		filepath.Join(dir, name), EnvFile, RawFile, CellsFile)
}

// damaged is the one line said about a file that cannot be used.
func damaged(path string, line int, what, remedy string) error {
	return fmt.Errorf("%s:%d: %s; %s", path, max(line, 1), strings.ReplaceAll(what, "\n", " "), remedy)
}
