package ports

import (
	"strings"
	"testing"

	"ofswitch/internal/testutil"
)

func TestIntegrationDriverOf(t *testing.T) {
	ns := testutil.NewNS(t)
	ns.AddVeth("drv0", "drv1", ns)
	ns.Do(func() {
		d, err := DriverOf("drv0")
		if err != nil || d != (Driver{Name: "veth", Version: "1.0"}) {
			t.Errorf("drv0: %+v, %v", d, err)
		}
		if _, err := DriverOf("nodev"); err == nil || !strings.Contains(err.Error(), "nodev") {
			t.Errorf("a device that is not there: %v", err)
		}
	})
}
