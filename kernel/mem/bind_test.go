//go:build linux && !race

package mem_test

import (
	"strings"
	"testing"

	"headroom/kernel/mem"
)

// A region that the system refuses to bind works all the same, and is told of: here it is to lie on a node that no system has. (That bound regions lie
// where they should is shown on a machine of several nodes, by the guest tests of internal/numaboot.)
func TestRefusedBindingIsTold(t *testing.T) {
	for _, nodes := range [][]int{{1023}, {1024}, {-1}, {1023, 1024}} {
		m, err := mem.Make(len(nodes), regionBytes, nodes)
		if err != nil {
			t.Fatalf("nodes %v: %v", nodes, err)
		}
		if err := m.Unbound(); err == nil || !strings.HasPrefix(err.Error(), "mem: bind region 0 to node ") {
			t.Errorf("nodes %v: refused with %v", nodes, err)
		}
		for node := range nodes {
			word, err := mem.New[mem.Plain64](m, node)
			if err != nil {
				t.Fatal(err)
			}
			word.Store(7)
			if word.Load() != 7 {
				t.Errorf("nodes %v: the word on node %d was not kept", nodes, node)
			}
		}
		m.Release()
	}
	m, err := mem.Make(2, regionBytes, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Release()
	if err := m.Unbound(); err != nil {
		t.Errorf("nothing was to be bound, and was refused: %v", err)
	}
}
