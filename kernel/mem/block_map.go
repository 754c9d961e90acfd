//go:build linux && !race

package mem

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// block is one mapping outside the Go heap. Pages are touched by their first user; nothing is reserved up front.
type block struct {
	base  unsafe.Pointer
	size  uintptr
	bytes []byte
}

func mapBlock(size uintptr) (block, error) {
	b, err := unix.Mmap(-1, 0, int(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_NORESERVE)
	if err != nil {
		return block{}, err
	}
	return block{base: unsafe.Pointer(&b[0]), size: size, bytes: b}, nil
}

// mpolBind is MPOL_BIND of set_mempolicy(2): pages come from the named node or not at all.
const mpolBind = 2

func (b block) bind(start, size uintptr, node int) error {
	var mask [16]uint64 // room for 1024 nodes, the kernel's own limit
	if node < 0 || node/64 >= len(mask) {
		return unix.EINVAL
	}
	mask[node/64] = 1 << (node % 64)
	_, _, errno := unix.Syscall6(unix.SYS_MBIND, uintptr(unsafe.Add(b.base, start)), size, mpolBind,
		uintptr(unsafe.Pointer(&mask[0])), uintptr(len(mask)*64+1), 0)
	if errno != 0 {
		return errno
	}
	return nil
}

func (b block) release() { _ = unix.Munmap(b.bytes) }
