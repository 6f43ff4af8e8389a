package ofconn

import (
	"context"
	"net"
	"sync"

	"ofswitch/ofp"
)

// MaxAuxConnections is how many auxiliary connections a controller can have:
// their ids are bytes, and 0 is the main connection's (OpenFlow 1.3.5 §7.3.1).
const MaxAuxConnections = 255

// auxDialers keep the auxiliary connections to one controller for as long as its
// main connection lives (OpenFlow 1.3.5 §6.3.5). Guarded by the mutex of the
// dialer of the main connection.
type auxDialers struct {
	main *conn           // nil while none is past its hello
	ctx  context.Context // ends with main
	list []*dialer       // the one with id i+1 at i
	wg   sync.WaitGroup  // one for each that was started
}

// mainUp begins to dial the auxiliary connections of c, whose setup is
// complete. ctx ends with c.
func (d *dialer) mainUp(ctx context.Context, c *conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.aux.main, d.aux.ctx = c, ctx
	d.adjustAuxLocked()
}

// mainDown waits for the end of the auxiliary connections. The context given to
// mainUp has ended.
func (d *dialer) mainDown() {
	d.mu.Lock()
	d.aux.main = nil // none is started from here on
	d.mu.Unlock()
	d.aux.wg.Wait()
	d.mu.Lock()
	d.aux.list = nil
	d.mu.Unlock()
}

// adjustAuxLocked makes the auxiliary connections be as many as configured, with
// the present settings. It waits for nothing.
func (d *dialer) adjustAuxLocked() {
	if d.aux.main == nil || d.aux.main.version < ofp.Version {
		return // OpenFlow 1.0 has none
	}
	conf := d.conf
	want := min(max(conf.AuxConnections, 0), MaxAuxConnections)
	conf.AuxConnections = 0
	if want > 0 && conf.PacketInRate > 0 {
		// Together they get what the controller is to get.
		conf.PacketInRate = max(conf.PacketInRate/want, 1)
		conf.PacketInBurst = max(conf.PacketInBurst/want, 1)
	}
	for i := range max(want, len(d.aux.list)) {
		switch {
		case i >= len(d.aux.list):
			d.aux.list = append(d.aux.list, d.startAux(conf, uint8(i+1), nil))
		case i >= want:
			d.aux.list[i].cancel()
		case d.aux.list[i].ctx.Err() != nil:
			// Its predecessor may not have gone yet: never two of one id.
			d.aux.list[i] = d.startAux(conf, uint8(i+1), d.aux.list[i].done)
		default:
			d.aux.list[i].configure(conf)
		}
	}
}

// startAux starts an auxiliary connection's dialer, once after is closed (if not
// nil).
func (d *dialer) startAux(conf Controller, id uint8, after <-chan struct{}) *dialer {
	a := newDialer(d.m, conf)
	a.ctx, a.cancel = context.WithCancel(d.aux.ctx)
	a.main, a.auxID = d.aux.main, id
	a.log = a.log.With("auxiliary", id)
	d.aux.wg.Add(1)
	go func() {
		defer d.aux.wg.Done()
		if after != nil {
			<-after
		}
		a.run()
	}()
	return a
}

// auxEndpoint is where an auxiliary connection goes: the controller's address
// that the main connection has found, and from the address that it comes from
// (OpenFlow 1.3.5 §6.3.5).
func (d *dialer) auxEndpoint(e endpoint) endpoint {
	local, ok := d.main.nc.LocalAddr().(*net.TCPAddr)
	remote, ok2 := d.main.nc.RemoteAddr().(*net.TCPAddr)
	if e.Network == "tcp" && ok && ok2 {
		e.Address = remote.String()
		e.Local = (&net.IPAddr{IP: local.IP, Zone: local.Zone}).String()
	}
	return e
}

// goUp tells the dialer of a main connection that its setup is complete.
func (c *conn) goUp() {
	if c.up != nil {
		c.up()
	}
}

// goDown ends the auxiliary connections, at once: the main one is broken.
func (c *conn) goDown() {
	if c.down != nil {
		c.down()
	}
}
