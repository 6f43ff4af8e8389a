package ports

import (
	"reflect"
	"sync"
	"testing"
)

// A port that is closed while others ask for its state goes on telling the last one.
func TestIntegrationStatusOfClosed(t *testing.T) {
	_, ns := veth(t)
	tap := openTapIn(t, ns, OpenInternal, "t0", TapOptions{})
	for name, p := range map[string]Port{"system": openSystem(t, ns, "p0", SystemOptions{}), "tap": tap} {
		last := p.Status()
		var wait sync.WaitGroup
		stop := make(chan struct{})
		wait.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					if s := p.Status(); s.Ifindex != last.Ifindex {
						t.Errorf("%s: device %d, want %d", name, s.Ifindex, last.Ifindex)
						return
					}
				}
			}
		})
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		close(stop)
		wait.Wait()
		if s := p.Status(); s.MTU != last.MTU || !reflect.DeepEqual(s.MAC, last.MAC) {
			t.Errorf("%s: %+v, want %+v", name, s, last)
		}
	}
}
