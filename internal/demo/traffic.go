package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"ofswitch/internal/netlab"
	"ofswitch/packet"
)

const (
	// pingTries and pingWait bound a ping that gets no answer.
	pingTries = 3
	pingWait  = time.Second
	tcpPort   = 5001
)

var errNoAnswer = errors.New("no answer")

// ping sends an ICMP echo request and returns the time to its answer. It tries
// pingTries times.
func (d *demo) ping(from, to *netlab.Host) (time.Duration, error) {
	var conn net.PacketConn
	err := from.Do(func() (err error) {
		conn, err = net.ListenPacket("ip4:icmp", from.IP.String())
		return err
	})
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	id := uint16(os.Getpid())
	for seq := uint16(1); seq <= pingTries; seq++ {
		if d.ctx.Err() != nil {
			return 0, d.ctx.Err()
		}
		msg := make([]byte, 64)
		msg[0] = 8 // echo request
		binary.BigEndian.PutUint16(msg[4:], id)
		binary.BigEndian.PutUint16(msg[6:], seq)
		binary.BigEndian.PutUint16(msg[2:], ^packet.Sum(msg, 0))
		start := time.Now()
		if _, err := conn.WriteTo(msg, &net.IPAddr{IP: to.IP}); err != nil {
			return 0, err
		}
		if err := conn.SetReadDeadline(start.Add(pingWait)); err != nil {
			return 0, err
		}
		if rtt, err := awaitEcho(conn, to.IP, id, seq, start); err == nil || !errors.Is(err, os.ErrDeadlineExceeded) {
			return rtt, err
		}
	}
	return 0, fmt.Errorf("%s -> %s: %w to %d echo requests", from.Name, to.Name, errNoAnswer, pingTries)
}

func awaitEcho(conn net.PacketConn, ip net.IP, id, seq uint16, start time.Time) (time.Duration, error) {
	buf := make([]byte, 1500)
	for {
		n, addr, err := conn.ReadFrom(buf)
		if err != nil {
			return 0, err
		}
		from, ok := addr.(*net.IPAddr)
		if ok && from.IP.Equal(ip) && n >= 8 && buf[0] == 0 &&
			binary.BigEndian.Uint16(buf[4:]) == id && binary.BigEndian.Uint16(buf[6:]) == seq {
			return time.Since(start), nil
		}
	}
}

// transfer sends bytes over one TCP connection for the given time and returns
// how many the receiver got, and in what time.
func (d *demo) transfer(from, to *netlab.Host, length time.Duration) (int64, time.Duration, error) {
	var listener net.Listener
	err := to.Do(func() (err error) {
		listener, err = net.Listen("tcp4", fmt.Sprintf("%s:%d", to.IP, tcpPort))
		return err
	})
	if err != nil {
		return 0, 0, err
	}
	defer listener.Close()
	type result struct {
		n    int64
		took time.Duration
		err  error
	}
	received := make(chan result, 1)
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			received <- result{err: err}
			return
		}
		defer conn.Close()
		start := time.Now()
		n, err := io.CopyBuffer(io.Discard, io.LimitReader(conn, 1<<40), make([]byte, 1<<18))
		received <- result{n, time.Since(start), err}
	}()
	var conn net.Conn
	err = from.Do(func() (err error) {
		conn, err = net.DialTimeout("tcp4", listener.Addr().String(), 10*time.Second)
		return err
	})
	if err != nil {
		return 0, 0, err
	}
	end := time.Now().Add(length)
	block := make([]byte, 1<<18)
	var sent int64
	for time.Now().Before(end) && d.ctx.Err() == nil {
		n, err := conn.Write(block)
		sent += int64(n)
		if err != nil {
			conn.Close()
			return 0, 0, err
		}
	}
	conn.Close()
	select {
	case r := <-received:
		if r.err == nil && r.n != sent {
			r.err = fmt.Errorf("%d bytes sent, %d received", sent, r.n)
		}
		return r.n, r.took, errors.Join(r.err, d.ctx.Err())
	case <-time.After(readyTimeout):
		return 0, 0, errors.New("the receiver has not seen the end of the transfer")
	}
}
