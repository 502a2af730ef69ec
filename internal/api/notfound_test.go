package api

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhatIsNotThereIsNamed(t *testing.T) {
	w := newWorld(t)
	const nobody = "0x0000000000000000000000000000000000000000"
	for target, told := range map[string]string{
		"/v1/windows/901":       "not found: block 901 begins no window; windows begin at multiples of 900",
		"/v1/windows/90000":     "not found: nothing is recorded of window 90000",
		"/v1/wallets/" + nobody: "not found: wallet " + nobody + " was never imported",
		"/v1/faults/00":         `not found: no fault has the ID \"00\"`,
	} {
		answer := w.send(t, http.MethodGet, target, "")
		require.Equal(t, http.StatusNotFound, answer.Code, target)
		require.Contains(t, answer.Body.String(), `"message":"`+told+`"`, target)
	}
}
