package result

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
)

// Keys of the environment that raw.txt, the plots and the report look up by name.
const (
	KeyGOOS     = "goos"
	KeyGOARCH   = "goarch"
	KeyCPU      = "cpu"      // CPU model
	KeyCommit   = "commit"   // commit of headroom
	KeyModified = "modified" // yes when the tree differed from that commit
	KeyKernel   = "kernel"   // release of the running kernel
	KeyGo       = "go"       // version of the Go toolchain
)

// marshalEnv gives env.txt. Control characters in a value become blanks: an odd governor string must not cost a run.
func marshalEnv(env Env) ([]byte, error) {
	var b bytes.Buffer
	seen := make(map[string]bool)
	for _, p := range env {
		if why := badKey(p.Key); why != "" {
			return nil, fmt.Errorf("environment key %q %s", p.Key, why)
		}
		if seen[p.Key] {
			return nil, fmt.Errorf("environment key %q is given twice", p.Key)
		}
		seen[p.Key] = true
		b.WriteString(p.Key + ":")
		if v := oneLine(p.Value); v != "" {
			b.WriteString(" " + v)
		}
		b.WriteByte('\n')
	}
	return b.Bytes(), nil
}

// parseEnv reads env.txt. path is for the error only.
func parseEnv(path string, data []byte) (Env, error) {
	var env Env
	seen := make(map[string]int)
	for i, line := range strings.Split(strings.TrimSuffix(string(data), "\n"), "\n") {
		if strings.TrimSpace(line) == "" {
			continue
		}
		key, value, ok := strings.Cut(line, ":")
		if !ok {
			return nil, damaged(path, i+1, fmt.Sprintf("%.40q is not \"key: value\"", line), "remove or mend the line")
		}
		if why := badKey(key); why != "" {
			return nil, damaged(path, i+1, fmt.Sprintf("key %.40q %s", key, why), "remove or mend the line")
		}
		if first, twice := seen[key]; twice {
			return nil, damaged(path, i+1, fmt.Sprintf("key %q stands on line %d already", key, first), "remove one of the two")
		}
		seen[key] = i + 1
		env = append(env, Pair{key, strings.TrimSpace(value)})
	}
	return env, nil
}

// badKey says what is wrong with an environment key, "" when nothing is. The benchmark format wants no capital, blank or colon.
func badKey(key string) string {
	if key == "" {
		return "is empty"
	}
	for i, r := range key {
		letter := r >= 'a' && r <= 'z'
		if i == 0 && !letter {
			return "does not begin with a lower-case letter"
		}
		if !letter && (r < '0' || r > '9') && r != '-' {
			return "has a character other than a-z, 0-9 and hyphen"
		}
	}
	return ""
}

// oneLine turns every control character of s into a blank and trims the ends.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, s)
	return strings.TrimSpace(s)
}
