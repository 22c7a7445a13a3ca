package serve

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
)

// SystemdAddress is the address that stands for the socket which systemd, or whoever
// starts the process as it does, has opened: the file descriptor 3, told by LISTEN_FDS and
// LISTEN_PID in the environment.
const SystemdAddress = "systemd"

// firstPassed is the first file descriptor that is passed to a process.
const firstPassed = 3

// Listen listens on a TCP address, such as "127.0.0.1:8080", or takes the socket that
// [SystemdAddress] stands for. With reusePort other processes may listen there too, where
// the system has that: a new process can begin before the old one ends.
func Listen(address string, reusePort bool) (net.Listener, error) {
	if address == SystemdAddress {
		return passedListener()
	}
	var c net.ListenConfig
	if reusePort {
		if c.Control = controlReusePort; c.Control == nil {
			return nil, errors.New("serve: this system cannot share a port between processes")
		}
	}
	l, err := c.Listen(context.Background(), "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("serve: cannot listen: %w", err)
	}
	return l, nil
}

func passedListener() (net.Listener, error) {
	pid, count := os.Getenv("LISTEN_PID"), os.Getenv("LISTEN_FDS")
	if pid != strconv.Itoa(os.Getpid()) || count != "1" {
		return nil, fmt.Errorf("serve: no socket was passed: LISTEN_PID is %q and LISTEN_FDS %q; a unit of systemd needs a .socket with one ListenStream", pid, count)
	}
	f := os.NewFile(firstPassed, "passed socket")
	defer f.Close()
	l, err := net.FileListener(f)
	if err != nil {
		return nil, fmt.Errorf("serve: the passed socket: %w", err)
	}
	return l, nil
}

// IsLoopback tells whether only this machine can connect to an address.
func IsLoopback(a net.Addr) bool {
	if t, ok := a.(*net.TCPAddr); ok {
		return t.IP.IsLoopback()
	}
	return a.Network() == "unix"
}

// LoadTLS returns a configuration with a certificate and its key, in PEM, for TLS 1.2 and
// later.
func LoadTLS(certificate, key string) (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(certificate, key)
	if err != nil {
		return nil, fmt.Errorf("serve: the certificate %s with the key %s: %w", certificate, key, err)
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}, nil
}
