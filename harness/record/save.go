package record

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"headroom/harness/trace"
)

// Writable reports, before the effort, whether Save could write the file. It leaves nothing behind.
func Writable(path string) error {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%s: not a plain file: name another", path)
	}
	f, err := fresh(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// fresh makes a file beside path that is to become it.
func fresh(path string) (*os.File, error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".headroom-*")
	if err != nil {
		return nil, fmt.Errorf("%s cannot be written: %w; make the folder, or name another file", path, err)
	}
	return f, nil
}

// Save writes the recording as a stream file, whole or not at all; a file of that name is replaced.
func Save(path string, r *trace.Recording) error {
	f, err := fresh(path)
	if err != nil {
		return err
	}
	const readable = 0o644
	err = errors.Join(r.WriteStream(f), f.Chmod(readable), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return fmt.Errorf("%s cannot be written: %w", path, err)
	}
	return nil
}
