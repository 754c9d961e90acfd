package lockdep

import (
	"fmt"
	"reflect"
	"strings"
	"unsafe"

	"headroom/kernel"
	"headroom/kernel/lock"
)

// kind says what a class stands for.
type kind uint8

const (
	aLock kind = iota
	aScope
	anElement
)

// anyInstance stands for whichever element will be free.
const anyInstance = ^uintptr(0)

// class is a set of locks that obey the same rules.
type class struct {
	name  string
	kind  kind
	wait  lock.WaitType
	after []int // classes that were asked for under it, in the order of finding
	inIRQ use   // where an interrupt first waited for one of them
	open  use   // where one was first held while interrupts may arrive
	order map[[2]uintptr]*edge
	inner map[uintptr][]uintptr // by instance: those of the class that were asked for under it, in the order of finding
	// LD-03 only: the first interrupt's lock.
	irqLock, openLock uintptr
}

// use is where something was done first.
type use struct {
	is   bool
	site site
	who  string
}

func (g *Graph) addClass(c class) int {
	c.order, c.inner = map[[2]uintptr]*edge{}, map[uintptr][]uintptr{}
	g.classes = append(g.classes, c)
	return len(g.classes) - 1
}

// Name gives a class of its own to one lock, under a name.
func (g *Graph) Name(at unsafe.Pointer, name string, wait lock.WaitType) {
	offset, _ := g.memory.Offset(at)
	g.at[offset] = g.addClass(class{name: name, wait: wait})
}

// lockAt is the class of a lock, and which of the class it is.
func (g *Graph) lockAt(at unsafe.Pointer, wait lock.WaitType) (c int, instance uintptr) {
	offset, _ := g.memory.Offset(at)
	c, ok := g.at[offset]
	if !ok {
		name := g.nameOf(offset)
		if c = g.find(aLock, name); c < 0 {
			c = g.addClass(class{name: name, wait: wait})
		}
		g.at[offset] = c
	}
	return c, offset
}

// find is the class of a name, -1 if there is none yet.
func (g *Graph) find(k kind, name string) int {
	for i := range g.classes {
		if g.classes[i].kind == k && g.classes[i].name == name {
			return i
		}
	}
	return -1
}

// nameOf names the field that an offset is in: its type's name, and the path to the lock.
func (g *Graph) nameOf(offset uintptr) string {
	t, within, ok := g.memory.ObjectAt(offset)
	if !ok {
		return fmt.Sprintf("lock +%#x", offset)
	}
	return t.String() + fieldPath(t, within)
}

// lockPackage is where the descent into a type ends.
var lockPackage = reflect.TypeFor[lock.Mutex]().PkgPath()

// fieldPath is the way from a type to the lock that lies so far within.
func fieldPath(t reflect.Type, within uintptr) string {
	switch {
	case t.PkgPath() == lockPackage && within == 0 && t.Name() != "WaitQueue":
		return ""
	case t.Kind() == reflect.Array && t.Elem().Size() > 0:
		return "[]" + fieldPath(t.Elem(), within%t.Elem().Size())
	case t.Kind() == reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			if f.Type.Size() > 0 && within >= f.Offset && within < f.Offset+f.Type.Size() {
				return "." + f.Name + fieldPath(f.Type, within-f.Offset)
			}
		}
	}
	return ""
}

// scope is the class of what is waited for like a lock.
func (g *Graph) scope(s *kernel.Scope) int {
	c, ok := g.scopes[s]
	if !ok {
		c = g.addClass(class{name: s.Name, kind: aScope, wait: lock.WaitSleep})
		g.scopes[s] = c
	}
	return c
}

// element is the class of a pool's elements.
func (g *Graph) element(pool string) int {
	name := "element of " + pool
	c := g.find(anElement, name)
	if c < 0 {
		c = g.addClass(class{name: name, kind: anElement, wait: lock.WaitSleep})
	}
	return c
}

// typeName is how a lock waits, for reports.
func (c *class) typeName() string {
	switch {
	case c.kind != aLock:
		return "sleeps"
	case c.wait == lock.WaitSpin:
		return "raw spinlock"
	case c.wait == lock.WaitConfig:
		return "spinlock"
	}
	return "mutex"
}

// label names a class with how it waits.
func (c *class) label() string {
	if c.kind != aLock || strings.HasPrefix(c.name, c.typeName()+" ") {
		return c.name
	}
	return fmt.Sprintf("%s (%s)", c.name, c.typeName())
}
