//go:build amd64 && !sim && !race

package atomic_test

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"headroom/kernel/atomic"
	"headroom/kernel/mem"
)

// Every operation of a word compiles, in a package that imports only ours, to the instructions that sync/atomic or an ordinary variable gives;
// StoreRelease and StoreRelaxed to a MOV where sync/atomic has an XCHG. Shown on the disassembly, function by function.
func TestWordsCompileToBareInstructions(t *testing.T) {
	words, reference := disassemble(t, "words"), disassemble(t, "reference")
	if len(words) != len(reference) || len(words) == 0 {
		t.Fatalf("%d functions in package words, %d in package reference", len(words), len(reference))
	}
	for name, want := range reference {
		if strings.HasPrefix(name, "StoreRe") {
			for i := range want {
				want[i] = strings.Replace(want[i], "XCHG", "MOV", 1)
			}
		}
		if got := words[name]; !slices.Equal(got, want) {
			t.Errorf("%s compiles to\n\t%s\nwant\n\t%s", name, strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
		}
	}
	for name, code := range words {
		if name == "Pop" {
			continue // the bounds check of its slice calls the runtime's panic
		}
		if slices.ContainsFunc(code, func(s string) bool { return strings.HasPrefix(s, "CALL") }) {
			t.Errorf("%s calls a function: the word was not inlined\n\t%s", name, strings.Join(code, "\n\t"))
		}
	}
}

// The list of compared functions leaves out no method of a word but AwaitNot, which is a loop.
func TestEveryOperationIsCompared(t *testing.T) {
	words := disassemble(t, "words")
	for suffix, word := range map[string]any{"32": new(atomic.Uint32), "64": new(atomic.Uint64)} {
		for method := range reflect.TypeOf(word).Methods() {
			if _, ok := words[method.Name+suffix]; !ok && method.Name != "AwaitNot" {
				t.Errorf("package words does not use Uint%s.%s", suffix, method.Name)
			}
		}
	}
	for suffix, word := range map[string]any{"32": new(mem.Plain32), "64": new(mem.Plain64)} {
		for method := range reflect.TypeOf(word).Methods() {
			if _, ok := words["Plain"+method.Name+suffix]; !ok {
				t.Errorf("package words does not use Plain%s.%s", suffix, method.Name)
			}
		}
	}
}

// What exists for the simulator costs nothing natively: a function with a mutant, a reach point, an interrupt mask or a lock count compiles to
// the same code as the function without.
func TestSimulatorHooksCompileToNothing(t *testing.T) {
	code := disassemble(t, "absent")
	pairs := 0
	for name, with := range code {
		without, isPair := code[strings.TrimSuffix(name, "With")]
		if !strings.HasSuffix(name, "With") || !isPair {
			continue
		}
		pairs++
		if !slices.Equal(with, without) {
			t.Errorf("%s compiles to\n\t%s\nwithout the hook to\n\t%s", name, strings.Join(with, "\n\t"), strings.Join(without, "\n\t"))
		}
	}
	if pairs < 5 {
		t.Errorf("only %d pairs were compared", pairs)
	}
}

// The comparison itself notices a difference: an atomic store is no plain one.
func TestComparisonSeesADifference(t *testing.T) {
	reference := disassemble(t, "reference")
	if slices.Equal(reference["Store32"], reference["PlainStore32"]) {
		t.Error("an XCHG and a MOV compare as equal")
	}
}

var (
	textLine    = regexp.MustCompile(`^TEXT \S*testdata/(\w+)\.(\w+)\(SB\)`)
	instruction = regexp.MustCompile(`^\s+\S+\s+(0x[0-9a-f]+)\s+[0-9a-f]+\s+(.+)$`)
	jumpTarget  = regexp.MustCompile(`0x[0-9a-f]+$`)
)

// disassemble compiles a package below testdata and returns the instructions of each of its functions.
func disassemble(t *testing.T, name string) map[string][]string {
	t.Helper()
	archive := filepath.Join(t.TempDir(), name+".a")
	if out, err := exec.Command("go", "build", "-o", archive, "./testdata/"+name).CombinedOutput(); err != nil {
		t.Fatalf("go build ./testdata/%s: %v\n%s", name, err, out)
	}
	out, err := exec.Command("go", "tool", "objdump", archive).CombinedOutput()
	if err != nil {
		t.Fatalf("go tool objdump: %v\n%s", err, out)
	}
	functions := map[string][]string{}
	function := ""
	var body []listed
	for line := range strings.Lines(string(out) + "TEXT end\n") {
		if m := instruction.FindStringSubmatch(strings.TrimRight(line, "\n")); m != nil {
			body = append(body, listed{address: m[1], text: m[2]})
			continue
		}
		if !strings.HasPrefix(line, "TEXT") {
			continue
		}
		if function != "" && function != "init" {
			functions[function] = normalise(body)
		}
		function, body = "", nil
		if m := textLine.FindStringSubmatch(line); m != nil {
			function = m[2]
		}
	}
	return functions
}

// listed is one line of a disassembly.
type listed struct{ address, text string }

// register matches the general registers, by their Go names.
var register = regexp.MustCompile(`\b(AX|BX|CX|DX|SI|DI|R8|R9|R1[0-3]|R15)\b`)

// normalise drops what may differ between equal functions: the NOPs that mark an inlined call for tracebacks or move a jump off a 32-byte
// boundary, addresses (a jump's target becomes the number of its instruction) and the choice of registers, which are numbered in the order of
// their appearance.
func normalise(body []listed) []string {
	var kept []listed
	number := map[string]int{}
	for _, l := range body {
		number[l.address] = len(kept)
		if !strings.HasPrefix(l.text, "NOP") {
			kept = append(kept, l)
		}
	}
	names := map[string]string{}
	var code []string
	for _, l := range kept {
		text, relocation, _ := strings.Cut(l.text, "[")
		text = strings.Join(strings.Fields(text), " ")
		_, relocation, _ = strings.Cut(relocation, "]")
		if text[0] == 'J' || strings.HasPrefix(text, "CALL") {
			text = jumpTarget.ReplaceAllStringFunc(text, func(address string) string { return fmt.Sprintf("to %d", number[address]) })
		}
		text = register.ReplaceAllStringFunc(text, func(r string) string {
			if names[r] == "" {
				names[r] = fmt.Sprintf("r%d", len(names))
			}
			return names[r]
		})
		code = append(code, strings.TrimSpace(text+" "+relocation))
	}
	return code
}
