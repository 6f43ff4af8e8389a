package bridge

import (
	"fmt"
	"maps"

	"ofswitch/ports"
	"ofswitch/ports/isolate"
)

// deviceOptions are what the options of a port ask of its device, read.
type deviceOptions struct {
	coalesce bool
	queues   int // 0: not given
	io       string
	// The rest is of system ports.
	bypass         bool
	xdpMode        ports.XDPMode
	rxDesc, txDesc int // 0: not given
	ring           bool
	isolation      isolate.Mode // "": not given, which spares a device with the default route
}

// deviceOptions reads them without a look at the device.
func (p *Port) deviceOptions() (o deviceOptions, err error) {
	if o.queues, err = p.numberOption("n_rxq", min(ports.MaxTapQueues, ports.MaxSystemQueues)); err != nil {
		return o, err
	}
	if o.coalesce, err = p.coalesces(); err != nil {
		return o, err
	}
	if p.Type != TypeSystem {
		o.io = p.Options["io"]
		if err = ports.CheckTapIO(o.io, o.queues); err != nil {
			return o, fmt.Errorf("port %s: options:io: %w", p.Name, err)
		}
		return o, nil
	}
	if o.bypass, err = onOff(p.Name, "qdisc-bypass", p.Options["qdisc-bypass"]); err != nil {
		return o, err
	}
	if o.io, err = ports.ParseIO(p.Options["io"]); err != nil {
		return o, fmt.Errorf("port %s: options:io: %w", p.Name, err)
	}
	if o.xdpMode, err = ports.ParseXDPMode(p.Options["xdp-mode"]); err != nil {
		return o, fmt.Errorf("port %s: options:xdp-mode: %w", p.Name, err)
	}
	if o.rxDesc, err = p.numberOption("n_rxq_desc", ports.MaxRingFrames); err != nil {
		return o, err
	}
	if o.txDesc, err = p.numberOption("n_txq_desc", ports.MaxRingFrames); err != nil {
		return o, err
	}
	if o.ring, err = p.onByDefault("packet-ring"); err != nil {
		return o, err
	}
	o.isolation = isolate.Mode(p.Options["stack-isolation"])
	if _, err = isolate.ParseMode(string(o.isolation)); err != nil {
		return o, fmt.Errorf("port %s: options:stack-isolation: %w", p.Name, err)
	}
	return o, nil
}

// refuseOptions leaves an open port as it is where conf asks for options that cannot be: conf
// gets those that it has, and what is wrong is told.
func (p *livePort) refuseOptions(conf *Port) {
	p.optionsErr = nil
	if !p.open || p.conf.Type != conf.Type || conf.Type == TypePatch || maps.Equal(p.conf.Options, conf.Options) {
		return
	}
	if _, err := conf.deviceOptions(); err != nil {
		p.optionsErr = fmt.Errorf("%w; until then the port goes on with the options that it had", err)
		conf.Options = p.conf.Options
	}
}
