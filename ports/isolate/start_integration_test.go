package isolate

import (
	"errors"
	"testing"
)

// begin has Start leave an isolation to a goroutine in the namespace of the rig, in which
// TCX waits for release, then fails with refused if that is not nil.
func (r *rig) begin(ifname string, release <-chan struct{}, refused error, other func(*Isolation, error)) *Isolation {
	r.t.Helper()
	plainSpawn, plainHome, plainTCX := spawn, atHome, tcx
	r.t.Cleanup(func() { spawn, atHome, tcx = plainSpawn, plainHome, plainTCX })
	spawn = func(fn func()) { go r.sw.Do(fn) }
	atHome = func() bool { return true }
	tcx = func(ifindex int, silenced func()) (*Isolation, error) {
		<-release
		if refused != nil {
			return nil, refused
		}
		return attachTCX(ifindex, silenced)
	}
	proven.Store(true)
	var i *Isolation
	r.sw.Do(func() {
		var err error
		if i, err = Start(r.sw.Link("p0").Attrs().Index, ifname, Auto, func() {}, other); err != nil {
			r.t.Fatal(err)
		}
	})
	if !i.Underway() || i.Method() != string(TCX) {
		r.t.Fatalf("under way %v, by %q", i.Underway(), i.Method())
	}
	return i
}

// A kernel that takes its time, and then does not isolate by TCX after all.
func TestIntegrationStartOtherwise(t *testing.T) {
	r := newRig(t)
	refused := errors.New("refused late")
	for ifname, want := range map[string]string{"p0": string(NFT), "another": ""} { // nft looks at the name
		release := make(chan struct{})
		told := 0
		i := r.begin(ifname, release, refused, func(now *Isolation, err error) {
			told++
			if want == "" != errors.Is(err, refused) || now != nil && now.Method() != want {
				t.Errorf("%s: told of %v, %v", ifname, now, err)
			}
		})
		close(release)
		i.Wait()
		if told != 1 || i.Method() != want || i.Missing() != "" {
			t.Errorf("%s: isolated by %q, want %q; told %d times; missing %q", ifname, i.Method(), want, told, i.Missing())
		}
		if want == string(NFT) {
			r.left()
			if l := r.leaks(); len(l) != 0 {
				t.Errorf("isolated, yet: %q", l)
			}
		}
		if err := i.Close(); err != nil {
			t.Error(err)
		}
		r.nothingLeft()
	}
}

// An isolation that ends while it is being attached leaves nothing.
func TestIntegrationStartAndClose(t *testing.T) {
	r := newRig(t)
	other := func(i *Isolation, err error) { t.Errorf("otherwise: %v, %v", i, err) }
	for range 5 {
		release := make(chan struct{})
		i := r.begin("p0", release, nil, other)
		closed := make(chan error)
		for range 2 {
			go func() { closed <- i.Close() }()
		}
		close(release)
		for range 2 {
			if err := <-closed; err != nil {
				t.Error(err)
			}
		}
		r.nothingLeft()
	}
}
