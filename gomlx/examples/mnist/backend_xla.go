//go:build cgo && !noxla && ((linux && amd64) || darwin)

package main

import (
	"errors"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/backends/xla"
)

// Nothing is downloaded unless -install asks for it.
func init() { xla.EnableAutoInstall(false) }

func installPlugins() error { return xla.AutoInstall() }

func xlaBuilt() error { return nil }

// bestXLA returns the backend of the plugin that GoMLX prefers of those there are.
func bestXLA() (backends.Backend, error) {
	if len(xla.GetAvailablePlugins()) == 0 {
		return nil, errors.New("no plugin was found")
	}
	return xla.New("")
}
