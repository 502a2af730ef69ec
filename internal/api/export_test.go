package api

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/internal/view"
)

// longRecord has more faults than fit a page, newest first, and may fail after some pages.
type longRecord struct {
	Records
	faults []view.Fault
	asked  int
	broken int // the question that fails, counted from 1; 0 for none
}

var errDisk = errors.New("disk")

func (r *longRecord) Faults(_ context.Context, filter faults.Filter) (view.Faults, error) {
	if r.asked++; r.asked == r.broken {
		return view.Faults{}, errDisk
	}
	list := view.Faults{Faults: []view.Fault{}}
	for _, f := range r.faults {
		switch {
		case f.Window < filter.From, filter.To != 0 && f.Window > filter.To:
		case filter.Limit > 0 && len(list.Faults) == filter.Limit:
			list.More = true
			return list, nil
		default:
			list.Faults = append(list.Faults, f)
		}
	}
	return list, nil
}

// manyFaults makes so many faults in each of the windows 900, 1800 ..., newest first.
func manyFaults(counts ...int) (list []view.Fault) {
	for i := len(counts); i > 0; i-- {
		for n := range counts[i-1] {
			block := chain.Height(900 * i)
			list = append(list, view.Fault{ID: fmt.Sprintf("%d-%d", block, n), Window: block})
		}
	}
	return list
}

// export reads all lines that come.
func export(url string) (ids []string, err error) {
	response, err := http.Get(url) //nolint:gosec // the test's own server
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %d", response.StatusCode)
	}
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		var f view.Fault
		if err := json.Unmarshal(lines.Bytes(), &f); err != nil {
			return ids, err
		}
		ids = append(ids, f.ID)
	}
	return ids, lines.Err()
}

func TestAnExportHasEveryFaultOnceHoweverManyThereAre(t *testing.T) {
	for name, counts := range map[string][]int{
		"none": nil, "a page": {1000}, "some pages": {700, 700, 700}, "one window beyond a page": {3, 2500, 4}, "the first window alone": {1001},
	} {
		w := newWorld(t)
		record := &longRecord{Records: w.Records, faults: manyFaults(counts...)}
		w.Records = record
		server := httptest.NewServer(w.Handler())
		var want []string
		for _, f := range record.faults {
			want = append(want, f.ID)
		}
		got, err := export(server.URL + "/v1/faults/export")
		require.NoError(t, err, name)
		require.Equal(t, want, got, name)
		for i, f := range record.faults {
			if f.Window == 900 {
				want = want[:i]
				break
			}
		}
		got, err = export(server.URL + "/v1/faults/export?from=1800")
		require.NoError(t, err, name)
		require.ElementsMatch(t, want, got, name)
		server.Close()
	}
}

func TestAnExportThatFailsHalfWayIsNotTakenForAWholeOne(t *testing.T) {
	w := newWorld(t)
	record := &longRecord{Records: w.Records, faults: manyFaults(700, 700, 700), broken: 3}
	w.Records = record
	server := httptest.NewServer(w.Handler())
	defer server.Close()
	got, err := export(server.URL + "/v1/faults/export")
	require.Error(t, err)
	require.LessOrEqual(t, len(got), 1400)
	require.NotEmpty(t, got)

	record.asked, record.broken = 0, 1
	_, err = export(server.URL + "/v1/faults/export")
	require.EqualError(t, err, "status 500", "before the first line there is time to say so")
	_, err = export(server.URL + "/v1/faults/export?kind=boredom")
	require.EqualError(t, err, "status 400")
}

func TestOneWindowsAgreementsAndOnePeerHavePathsOfTheirOwn(t *testing.T) {
	w := newWorld(t)
	var proposals view.Proposals
	require.NoError(t, json.Unmarshal(w.send(t, http.MethodGet, "/v1/proposals/3600?wallet="+w.live.wallet.ID().String(), "").Body.Bytes(), &proposals))
	require.Len(t, proposals.Proposals, 1)
	require.Equal(t, "Redemption", proposals.Proposals[0].Action)
	other := "?wallet=" + chain.WalletID{9}.String()
	for _, target := range []string{"/v1/proposals/4500", "/v1/proposals/3600" + other, "/v1/actions/4500", "/v1/actions/3600" + other, "/v1/peers/nobody"} {
		require.Equal(t, "not_found", w.problem(t, http.StatusNotFound, target).Error.Code, target)
	}
	for _, target := range []string{"/v1/proposals/x", "/v1/actions/-1", "/v1/actions/3600?limit=1"} {
		require.Equal(t, "invalid", w.problem(t, http.StatusBadRequest, target).Error.Code, target)
	}
	c := w.client(t)
	want := w.live.Peers().Peers[1]
	peer, err := c.Peer(t.Context(), want.ID)
	require.NoError(t, err)
	require.Equal(t, want, peer)
}
