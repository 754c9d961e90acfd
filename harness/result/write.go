package result

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
)

// format is the form of cells.json that this program writes; a higher one was written by a later headroom.
const format = 1

// cellsForm is cells.json: the run, with the number of its form in front.
type cellsForm struct {
	Format int `json:"format"`
	*Run
}

// File is a file to be written: its name inside the folder and its bytes.
type File struct {
	Name string
	Data []byte
}

// Write puts a run into the folder dir, making the folder when there is none: env.txt, raw.txt and cells.json.
//
// Either all three files are written or, with an error, none and nothing is left behind. Control characters in values
// of the environment become blanks. Write returns an error for a name that the benchmark format cannot hold and for a
// figure that is infinite or not a number; the error names the cell.
func Write(dir string, env Env, run *Run) error {
	files, err := marshal(dir, env, run)
	if err != nil {
		return err
	}
	return WriteFiles(dir, files[:])
}

// marshal gives env.txt, raw.txt and cells.json, in this order. dir is for the error only.
func marshal(dir string, env Env, run *Run) (files [3]File, err error) {
	write := func(i int, name string, data []byte, failed error) {
		if failed != nil && err == nil {
			err = fmt.Errorf("write %s: %w", filepath.Join(dir, name), failed)
		}
		files[i] = File{name, data}
	}
	data, failed := marshalEnv(env)
	write(0, EnvFile, data, failed)
	data, failed = marshalRaw(env, run)
	write(1, RawFile, data, failed)
	data, failed = marshalCells(run)
	write(2, CellsFile, data, failed)
	return files, err
}

func marshalCells(run *Run) ([]byte, error) {
	for i := range run.Cells {
		c := &run.Cells[i]
		for _, samples := range [][]Sample{c.Kept, c.Dropped} {
			for j := range samples {
				if field := samples[j].notFinite(); field != "" {
					return nil, fmt.Errorf("cell %s, sample %d: %s is infinite or not a number", c.Name(), j+1, field)
				}
			}
		}
	}
	r := *run
	r.Started = r.Started.UTC().Round(0)
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	err := enc.Encode(cellsForm{format, &r})
	return b.Bytes(), err
}

// notFinite names the first figure of s that JSON cannot hold, "" when there is none.
func (s *Sample) notFinite() string {
	for _, f := range []struct {
		name  string
		value float64
	}{
		{"wallNs", s.WallNs}, {"nsPerOp", s.NsPerOp}, {"casNs", s.CASNs}, {"loopNs", s.LoopNs},
		{"opsPerSec", s.OpsPerSec}, {"rttNs", s.RTTNs[0]}, {"rttNs", s.RTTNs[1]},
	} {
		if math.IsInf(f.value, 0) || math.IsNaN(f.value) {
			return f.name
		}
	}
	for name, v := range s.Counters {
		if math.IsInf(v, 0) || math.IsNaN(v) {
			return "counter " + name
		}
	}
	return ""
}

// WriteFiles puts files into the folder dir, making the folder when there is none: all of them or, with an error, none.
// Each is written beside its place and then renamed into it, so that no reader ever sees half a file.
func WriteFiles(dir string, files []File) (err error) {
	_, statErr := os.Stat(dir)
	made := errors.Is(statErr, os.ErrNotExist)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	var undo []string // paths to remove when something fails
	defer func() {
		if err == nil {
			return
		}
		for _, path := range undo {
			os.Remove(path)
		}
		if made {
			os.Remove(dir) // succeeds only when empty
		}
	}()
	temps := make([]string, len(files))
	for i, f := range files {
		temps[i], err = writeTemp(dir, f)
		if err != nil {
			return err
		}
		undo = append(undo, temps[i])
	}
	for i, f := range files {
		path := filepath.Join(dir, f.Name)
		if err = os.Rename(temps[i], path); err != nil {
			return err
		}
		undo = append(undo, path)
	}
	return nil
}

// writeTemp writes f under a passing name in dir and returns its path; on an error it leaves nothing.
func writeTemp(dir string, f File) (path string, err error) {
	t, err := os.CreateTemp(dir, "."+f.Name+".*")
	if err != nil {
		return "", err
	}
	_, err = t.Write(f.Data)
	err = errors.Join(err, t.Chmod(0o644), t.Sync(), t.Close())
	if err != nil {
		os.Remove(t.Name())
		return "", err
	}
	return t.Name(), nil
}
