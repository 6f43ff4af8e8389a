package ports

import (
	"fmt"

	"ofswitch/ports/isolate"
)

// Opened is what a port was when it was opened.
type Opened struct {
	Status Status
	Driver Driver // zero: not asked
}

// WhenOpened tells what a port was when it was opened. A system port knows that
// without asking the kernel, whose lock on the configuration of devices may be held
// for a while by what isolates the port (see isolate.Start); and a TAP that it is as
// Status last said. Others are asked. What has changed since, Watch has told.
func WhenOpened(p Port) Opened {
	switch p := p.(type) {
	case *System:
		return p.opened
	case *Tap:
		if last := p.dev.lastStatus(); last.Ifindex != 0 {
			return Opened{Status: last}
		}
	}
	return Opened{Status: p.Status()}
}

// prepare looks what the device is, while nobody holds the kernel's lock on the
// configuration of devices.
func (p *System) prepare() {
	p.opened.Status = p.dev.status()
	var err error
	if p.opened.Driver, err = driverOf(p.dev.ctl, p.dev.name); err != nil {
		p.opt.Logger.Debug("no driver", "port", p.dev.name, "err", err)
	}
}

// isolateAndRaise isolates the port, and brings a device up that is down if that is asked
// for, once nothing of the host leaves through it: the first that the host would do with a
// device that comes up is to talk. One that is up has talked. What the device
// receives may reach the host for some milliseconds more, without an answer.
func (p *System) isolateAndRaise() error {
	if err := p.isolate(); err != nil || p.raising == nil {
		return err
	}
	err := <-p.raising
	p.raising = nil
	return err
}

func (p *System) raise() error {
	if err := p.dev.setAdmin(true); err != nil {
		return fmt.Errorf("port %s is down and cannot be brought up: %w", p.dev.name, err)
	}
	p.raised = true
	p.opt.Logger.Info("device brought up", "port", p.dev.name)
	p.opened.Status = p.dev.status()
	return nil
}

// lower takes back what isolateAndRaise did, after the port could not be opened.
func (p *System) lower() error {
	if p.raising != nil {
		if err := <-p.raising; err != nil {
			return err
		}
	}
	if !p.raised {
		return nil
	}
	return p.dev.setAdmin(false)
}

// isolatedOtherwise is told what isolation has come to after the port was opened, if not
// what it looked like. It takes no lock: Close waits for it.
func (p *System) isolatedOtherwise(iso *isolate.Isolation, reason error) {
	if iso == nil {
		p.notIsolated(reason)
	} else {
		p.opt.Logger.Info("the host's stack is kept out of the port by another method", "port", p.dev.name, "isolation", iso.Method())
		p.warnMissing(iso)
	}
	if p.opt.Changed != nil {
		p.opt.Changed()
	}
}
