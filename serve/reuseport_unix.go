//go:build unix && !solaris && !illumos && !aix

package serve

import (
	"syscall"

	"golang.org/x/sys/unix"
)

var controlReusePort = func(_, _ string, c syscall.RawConn) error {
	var err error
	if controlErr := c.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
	}); controlErr != nil {
		return controlErr
	}
	return err
}
