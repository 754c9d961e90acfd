package result

import (
	"strconv"
	"strings"
)

func itoa(n int) string { return strconv.Itoa(n) }

// benchmarkWord turns a workload's name into the word Go's benchmark format wants: tag-exhaust becomes TagExhaust.
func benchmarkWord(workload string) string {
	var b strings.Builder
	for _, part := range strings.Split(workload, "-") {
		if part == "" {
			continue
		}
		b.WriteString(strings.ToUpper(part[:1]))
		b.WriteString(part[1:])
	}
	return b.String()
}
