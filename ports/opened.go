package ports

import "fmt"

// Opened is what a port was when it was opened.
type Opened struct {
	Status Status
	Driver Driver // zero: not asked
}

// WhenOpened tells what a port was when it was opened. A system port knows that
// without asking the kernel, whose lock on the configuration of devices may be held
// for a while by what isolates the port (see isolate.Start); others are asked. What
// has changed since, Watch has told.
func WhenOpened(p Port) Opened {
	if s, ok := p.(*System); ok {
		return s.opened
	}
	return Opened{Status: p.Status()}
}

// prepare does what takes the kernel's lock on the configuration of devices, while
// nobody holds it: it brings the device up if that is asked for, and looks what it is.
func (p *System) prepare() error {
	p.opened.Status = p.dev.status()
	if p.opt.Up && !p.opened.Status.AdminUp {
		if err := p.dev.setAdmin(true); err != nil {
			return fmt.Errorf("port %s is down and cannot be brought up: %w", p.dev.name, err)
		}
		p.raised = true
		p.opt.Logger.Info("device brought up", "port", p.dev.name)
		p.opened.Status = p.dev.status()
	}
	var err error
	if p.opened.Driver, err = driverOf(p.dev.ctl, p.dev.name); err != nil {
		p.opt.Logger.Debug("no driver", "port", p.dev.name, "err", err)
	}
	return nil
}

// lower takes back what prepare did, after the port could not be opened.
func (p *System) lower() error {
	if !p.raised {
		return nil
	}
	return p.dev.setAdmin(false)
}
