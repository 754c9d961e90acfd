package report

import (
	"slices"
	"strconv"
	"strings"
)

// doubts are the warnings that one table refers to by letters.
type doubts []string

// letters gives the letters of warnings for a cell of the table, adding those that are new: "⚠ a, c", or "" without warnings.
func (l *doubts) letters(warnings []string) string {
	var letters []string
	for _, text := range warnings {
		at := slices.Index(*l, text)
		if at < 0 {
			at = len(*l)
			*l = append(*l, text)
		}
		if name := letter(at); !slices.Contains(letters, name) {
			letters = append(letters, name)
		}
	}
	if len(letters) == 0 {
		return ""
	}
	return "⚠ " + strings.Join(letters, ", ")
}

// letter numbers doubts: a to z, then a1 to z1 and so on.
func letter(i int) string {
	s := string(rune('a' + i%26))
	if i >= 26 {
		s += strconv.Itoa(i / 26)
	}
	return s
}

// explain writes the warnings under the table whose letters lead to them (I5).
func (d *document) explain(l doubts) {
	for i, text := range l {
		d.line("> * %s: %s", letter(i), words(text))
	}
	if len(l) > 0 {
		d.line("")
	}
}
