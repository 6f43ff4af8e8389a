package isolate

import (
	"errors"
	"testing"
	"time"

	"ofswitch/internal/testutil"
)

// begin has Start leave an isolation to a goroutine in the namespace of the rig, in which
// TCX waits for release, then fails with refused if that is not nil.
func (r *rig) begin(ifname string, release <-chan struct{}, refused error, other func(*Isolation, error)) *Isolation {
	r.t.Helper()
	r.play(release, refused)
	unguarded.Store(true)
	i := r.start(ifname, other)
	if !i.Underway() {
		r.t.Fatal("not under way")
	}
	return i
}

// play puts goroutines into the namespace of the rig, and TCX where begin says.
func (r *rig) play(release <-chan struct{}, refused error) {
	plainSpawn, plainHome, plainTCX, plainSettle := spawn, atHome, tcx, settle
	r.t.Cleanup(func() {
		spawn, atHome, tcx, settle = plainSpawn, plainHome, plainTCX, plainSettle
		unguarded.Store(false)
	})
	settle = 0
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
}

// start isolates the device of the rig, or one that is said to be called otherwise.
func (r *rig) start(ifname string, other func(*Isolation, error)) *Isolation {
	r.t.Helper()
	var i *Isolation
	r.sw.Do(func() {
		var err error
		if i, err = Start(r.sw.Link("p0").Attrs().Index, ifname, Auto, func() {}, other); err != nil {
			r.t.Fatal(err)
		}
	})
	if i.Method() != string(TCX) {
		r.t.Fatalf("isolated by %q", i.Method())
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

// closeTwice ends an isolation that waits for release, from two goroutines at once.
func (r *rig) closeTwice(i *Isolation, release chan<- struct{}) {
	r.t.Helper()
	closed := make(chan error)
	for range 2 {
		go func() { closed <- i.Close() }()
	}
	close(release)
	for range 2 {
		if err := <-closed; err != nil {
			r.t.Error(err)
		}
	}
	r.nothingLeft()
}

// An isolation that ends while it is being attached leaves nothing.
func TestIntegrationStartAndClose(t *testing.T) {
	r := newRig(t)
	other := func(i *Isolation, err error) { t.Errorf("otherwise: %v, %v", i, err) }
	for range 5 {
		release := make(chan struct{})
		i := r.begin("p0", release, nil, other)
		r.closeTwice(i, release)
	}
}

// nftables keeps the host out from the first moment, TCX when its turn has come; and
// where that fails nftables stays.
func TestIntegrationGuarded(t *testing.T) {
	refused := errors.New("refused late")
	for _, refusal := range []error{nil, refused} {
		r := newRig(t)
		release := make(chan struct{})
		r.play(release, refusal)
		told := 0
		i := r.start("p0", func(now *Isolation, err error) {
			if told++; refusal == nil || now == nil || now.Method() != string(NFT) || err != nil {
				t.Errorf("told of %v, %v", now, err)
			}
		})
		r.left()
		if l := r.leaks(); len(l) != 0 {
			t.Errorf("guarded, yet: %q", l)
		}
		close(release)
		i.Wait()
		want := string(TCX)
		if refusal != nil {
			want = string(NFT)
		}
		if i.Method() != want || i.Underway() || (told == 1) != (refusal != nil) {
			t.Errorf("isolated by %q, want %q; under way %v; told %d times", i.Method(), want, i.Underway(), told)
		}
		if l := r.leaks(); len(l) != 0 {
			t.Errorf("relieved by %s, yet: %q", want, l)
		}
		if err := errors.Join(i.Close(), i.Close()); err != nil {
			t.Error(err)
		}
		r.nothingLeft()
		r.left()
		if l := r.leaks(); len(l) != allLeaks {
			t.Errorf("after Close only %q leaks", l)
		}
	}
}

// TCX takes over at last, also while more and more ports are opened.
func TestIntegrationGuardedNotForEver(t *testing.T) {
	r := newRig(t)
	now := make(chan struct{})
	close(now)
	r.play(now, nil)
	settle = time.Millisecond
	i := r.start("p0", func(i *Isolation, err error) { t.Errorf("otherwise: %v, %v", i, err) })
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			relief.Lock()
			relief.last = time.Now() // one more
			relief.Unlock()
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond / 4):
			}
		}
	}()
	testutil.Wait(t, "TCX takes over", i.settled)
	close(stop)
	<-stopped
	if err := i.Close(); err != nil {
		t.Error(err)
	}
	r.nothingLeft()
}

// An isolation by nftables that ends before TCX has its turn, or while it takes it.
func TestIntegrationGuardedAndClosed(t *testing.T) {
	r := newRig(t)
	other := func(i *Isolation, err error) { t.Errorf("otherwise: %v, %v", i, err) }
	never := make(chan struct{})
	close(never)
	r.play(never, nil)
	settle = time.Hour
	i := r.start("p0", other)
	if err := i.Close(); err != nil {
		t.Error(err)
	}
	r.nothingLeft()
	relief.Lock()
	if n := len(relief.waiting); n != 0 {
		t.Errorf("%d wait still", n)
	}
	relief.active = false // nobody waits for the hour
	relief.Unlock()
	for range 5 {
		release := make(chan struct{})
		r.play(release, nil)
		i := r.start("p0", other)
		testutil.Wait(t, "TCX has its turn", i.Underway)
		r.closeTwice(i, release)
	}
}
