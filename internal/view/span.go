package view

import (
	"fmt"
	"strings"
)

// Span writes a number of seconds with its two largest units: 3 min 24 s.
func Span(seconds int64) string {
	units := []struct {
		name string
		size int64
	}{{"d", 24 * 3600}, {"h", 3600}, {"min", 60}, {"s", 1}}
	var parts []string
	for _, u := range units {
		if n := seconds / u.size; n > 0 && len(parts) < 2 {
			parts = append(parts, fmt.Sprintf("%d %s", n, u.name))
		} else if len(parts) > 0 {
			break
		}
		seconds %= u.size
	}
	if len(parts) == 0 {
		return "0 s"
	}
	return strings.Join(parts, " ")
}
