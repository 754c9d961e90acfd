package result

import (
	"errors"
	"testing"
)

// The fuzz target tells errors that help from such as do not.
func TestErrorsMustExplain(t *testing.T) {
	for _, c := range []struct {
		err  error
		fine bool
	}{
		{nil, true},
		{errors.New("env.txt:3: what is wrong; what to do"), true},
		{errors.New("env.txt:3: what is wrong"), false},
		{errors.New("what is wrong; what to do"), false},
		{errors.New("env.txt:3: what is wrong;\n what to do"), false},
	} {
		if got := explains(c.err); got != c.fine {
			t.Errorf("%v passes: %v, want %v", c.err, got, c.fine)
		}
	}
}

func explains(err error) (fine bool) {
	defer func() { fine = recover() == nil }()
	mustExplain(EnvFile, err)
	return true
}
