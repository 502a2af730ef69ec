package net

import "sync"

// visits are the exchanges that peers run with us, of which there are none any more once the host is closed.
type visits struct {
	mu      sync.Mutex
	closed  bool
	running sync.WaitGroup
}

// enter begins a visit, which exit ends; false once there are no more.
func (v *visits) enter() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		return false
	}
	v.running.Add(1)
	return true
}

func (v *visits) exit() { v.running.Done() }

// end lets nobody in any more; false if it was called before.
func (v *visits) end() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		return false
	}
	v.closed = true
	return true
}

// ended reports whether end was called.
func (v *visits) ended() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.closed
}

// wait waits for the visits that had begun before the end.
func (v *visits) wait() { v.running.Wait() }
