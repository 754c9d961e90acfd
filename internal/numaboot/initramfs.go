package numaboot

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/cavaliergopher/cpio"
)

// Paths inside the guest. The kernel starts initPath by itself.
const (
	initPath    = "init"
	programPath = "program"
	orderPath   = "order.json"
)

// order tells Init what to run.
type order struct {
	Layout string
	Args   []string
}

// writeInitramfs writes the guest's first and only file system, in the format the kernel unpacks.
func writeInitramfs(path string, g Guest) error {
	text, err := json.Marshal(order{Layout: g.Layout.String(), Args: g.Args})
	if err != nil {
		return err
	}
	starter, err := os.ReadFile(g.Init)
	if err != nil {
		return err
	}
	program, err := os.ReadFile(g.Program)
	if err != nil {
		return err
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	archive := cpio.NewWriter(file)
	// The kernel opens /dev/console for init before anything is mounted; without it init would have no place to complain to.
	entries := []struct {
		name string
		mode cpio.FileMode
		data []byte
	}{
		{"dev", cpio.TypeDir | 0o755, nil}, {"proc", cpio.TypeDir | 0o755, nil}, {"sys", cpio.TypeDir | 0o755, nil}, {"tmp", cpio.TypeDir | 0o777, nil},
		{initPath, cpio.TypeReg | 0o755, starter}, {programPath, cpio.TypeReg | 0o755, program}, {orderPath, cpio.TypeReg | 0o644, text},
	}
	for _, e := range entries {
		if err := archive.WriteHeader(&cpio.Header{Name: e.name, Mode: e.mode, Size: int64(len(e.data)), Links: 1}); err != nil {
			return fmt.Errorf("%s: %s: %w", path, e.name, err)
		}
		if _, err := archive.Write(e.data); err != nil {
			return fmt.Errorf("%s: %s: %w", path, e.name, err)
		}
	}
	if err := archive.Close(); err != nil {
		return err
	}
	return file.Close()
}
