//go:build !unix || solaris || illumos || aix

package serve

import "syscall"

var controlReusePort func(network, address string, c syscall.RawConn) error
