package bridge

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ofswitch/ofconn"
	"ofswitch/ofswitch"
)

// That a bridge forwards by itself is told once, and that it no longer does.
func TestFailOpenToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		logger := slog.New(slog.NewTextHandler(&log, nil))
		dp, err := ofswitch.NewDatapath(ofswitch.Options{Logger: logger, Manual: true})
		if err != nil {
			t.Fatal(err)
		}
		defer dp.Close()
		of, err := dp.AddBridge("br0", ofswitch.BridgeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		conn := ofconn.NewManager(of, ofconn.Options{Logger: logger.With("bridge", "br0"), OnFailOpen: of.SetFailOpen})
		if err := conn.SetControllers([]ofconn.Controller{{Target: "unix:" + t.TempDir() + "/nobody"}}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		conn.SetFailMode(ofconn.FailSecure)
		synctest.Wait()
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
		if n := strings.Count(log.String(), "by itself"); n != 2 || strings.Contains(log.String(), "back with the controller") {
			t.Errorf("%d lines, want two:\n%s", n, &log)
		}
	})
}
