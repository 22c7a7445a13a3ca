//go:build !cgo || noxla || !((linux && amd64) || darwin)

package main

import (
	"errors"

	"github.com/gomlx/gomlx/backends"
)

var errNoXLA = errors.New("this program was built without it, which needs cgo, and Linux on amd64 or macOS; build it with CGO_ENABLED=1 and without the tag noxla")

func installPlugins() error { return errNoXLA }

func xlaBuilt() error { return errNoXLA }

func bestXLA() (backends.Backend, error) { return nil, errNoXLA }
