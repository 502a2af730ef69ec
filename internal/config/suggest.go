package config

// maxTypos is how far a word may be from a known one to be taken for it: two letters wrong, missing, too many or
// exchanged.
const maxTypos = 2

// suggest returns the known word nearest to word, false if none is near.
func suggest(word string, known []string) (string, bool) {
	best, at := "", maxTypos+1
	for _, candidate := range known {
		if d := distance(word, candidate); d < at {
			best, at = candidate, d
		}
	}
	return best, at <= maxTypos
}

// didYouMean returns " (did you mean X?)", or nothing.
func didYouMean(word string, known []string) string {
	if best, ok := suggest(word, known); ok {
		return " (did you mean " + best + "?)"
	}
	return ""
}

// distance is the edit distance of two words in bytes, an exchange of neighbours counting one. Words that differ
// in length by more than maxTypos are not compared: a long line of a hostile file costs nothing.
func distance(a, b string) int {
	if len(a)-len(b) > maxTypos || len(b)-len(a) > maxTypos {
		return maxTypos + 1
	}
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			change := rows[i-1][j-1]
			if a[i-1] != b[j-1] {
				change++
			}
			rows[i][j] = min(change, rows[i-1][j]+1, rows[i][j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
