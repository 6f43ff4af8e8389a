package ports

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ofswitch/internal/testutil"
)

func TestIntegrationWatch(t *testing.T) {
	ns := testutil.NewNS(t)
	ctx, cancel := context.WithCancel(context.Background())
	events := make(chan Event, 1000)
	ended := make(chan error, 1)
	go ns.Do(func() { ended <- Watch(ctx, func(e Event) { events <- e }) })
	want := func(what string, cond func(e Event) bool) Event {
		t.Helper()
		timeout := time.After(20 * time.Second)
		for {
			select {
			case e := <-events:
				if cond(e) {
					return e
				}
			case <-timeout:
				t.Fatalf("no event: %s", what)
			}
		}
	}
	want("the list", func(e Event) bool { return e.Name == "lo" && e.Status.AdminUp && !e.Gone })
	ns.AddVeth("w0", "w1", ns)
	want("new", func(e Event) bool { return e.Name == "w0" })
	e := want("carrier", func(e Event) bool { return e.Name == "w0" && e.Status.LinkUp })
	if l := ns.Link("w0").Attrs(); e.Ifindex != l.Index || e.Status.Ifindex != l.Index || e.Status.MTU != 1500 || !bytes.Equal(e.Status.MAC, l.HardwareAddr) {
		t.Errorf("event %+v", e)
	}
	ns.Down("w1")
	want("carrier lost", func(e Event) bool { return e.Name == "w0" && e.Status.AdminUp && !e.Status.LinkUp })
	if err := ns.Netlink.LinkSetMTU(ns.Link("w0"), 1400); err != nil {
		t.Fatal(err)
	}
	want("MTU", func(e Event) bool { return e.Name == "w0" && e.Status.MTU == 1400 })
	// Who watches a device, and what queues its frames.
	for _, how := range []string{"ip link set w0 promisc on", "tc qdisc replace dev w0 root tbf rate 1mbit burst 10k latency 50ms", "tc qdisc delete dev w0 root", "ip link set w0 promisc off"} {
		ns.Run("sh", "-c", how)
		want(how, func(e Event) bool { return e.Name == "w0" && e.Aside })
	}
	// A device that leaves a bridge is not gone.
	ns.Run("ip", "link", "add", "kb0", "type", "bridge")
	ns.Run("ip", "link", "set", "w0", "master", "kb0")
	ns.Run("ip", "link", "set", "w0", "nomaster")
	ns.Run("ip", "link", "set", "w0", "down")
	if err := ns.Netlink.LinkSetName(ns.Link("w0"), "renamed0"); err != nil {
		t.Fatal(err)
	}
	want("old name gone, and not before", func(e Event) bool {
		if e.Name == "w0" && e.Gone && e.Status.AdminUp {
			t.Error("gone while it was up")
		}
		return e.Name == "w0" && e.Gone
	})
	want("new name", func(e Event) bool { return e.Name == "renamed0" && !e.Gone })
	ns.DelLink("renamed0")
	gone := map[string]bool{}
	want("gone", func(e Event) bool {
		if e.Gone {
			gone[e.Name] = true
		}
		return gone["renamed0"] && gone["w1"]
	})
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("Watch ended with %v", err)
	}
}

// Notifications overflow while nobody reads: every device is told of all the
// same.
func TestIntegrationWatchOverflow(t *testing.T) {
	ns := testutil.NewNS(t)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	hold := make(chan struct{})
	first := make(chan struct{})
	var once sync.Once
	var mu sync.Mutex
	alive := map[string]bool{}
	ended := make(chan error, 1)
	go ns.Do(func() {
		ended <- Watch(ctx, func(e Event) {
			once.Do(func() { close(first); <-hold })
			mu.Lock()
			defer mu.Unlock()
			if e.Gone {
				delete(alive, e.Name)
			} else {
				alive[e.Name] = true
			}
		})
	})
	<-first
	// More notifications than the socket's buffer holds: each takes about two
	// KiB of it.
	ns.AddVeth("v0", "v1", ns)
	for i := range 5000 {
		if err := ns.Netlink.LinkSetMTU(ns.Link("v0"), 1400+i%2); err != nil {
			t.Fatal(err)
		}
	}
	ns.AddVeth("late0", "late1", ns)
	ns.DelLink("v0")
	if netlinkDrops(t, ns) == 0 {
		t.Fatal("nothing overflowed: the test tests nothing")
	}
	close(hold)
	testutil.Wait(t, "the devices after the overflow", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(alive) == 3 && alive["lo"] && alive["late0"] && alive["late1"]
	})
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("Watch ended with %v", err)
	}
}

// netlinkDrops is the number of link notifications lost in the namespace.
func netlinkDrops(t *testing.T, ns *testutil.NS) int {
	t.Helper()
	drops := 0
	groups := fmt.Sprintf("%08x", unix.RTMGRP_LINK|rtmgrpTC)
	ns.Do(func() {
		b, err := os.ReadFile("/proc/thread-self/net/netlink")
		if err != nil {
			t.Fatal(err)
		}
		// sk Eth Pid Groups Rmem Wmem Dump Locks Drops Inode
		for _, line := range strings.Split(string(b), "\n") {
			if f := strings.Fields(line); len(f) == 10 && f[1] == "0" && f[3] == groups && f[8] != "0" {
				drops++
			}
		}
	})
	return drops
}
