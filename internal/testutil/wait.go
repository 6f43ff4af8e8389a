package testutil

import (
	"testing"
	"time"
)

// Patience bounds a wait for something that must happen. It is long because
// machines stand still at times; no test passes or fails by how long it took.
const Patience = 60 * time.Second

// Wait polls cond until it holds; the test fails when that takes longer than
// Patience. what completes "waiting for ...".
func Wait(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(Patience); !cond(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("gave up waiting for %s", what)
		}
	}
}

// Eventually runs fn until it has no error; the test fails with the last one
// when that takes longer than Patience. what says what is tried.
func Eventually(t testing.TB, what string, fn func() error) {
	t.Helper()
	var err error
	for end := time.Now().Add(Patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if err = fn(); err == nil {
			return
		}
	}
	t.Fatalf("%s: %v", what, err)
}
