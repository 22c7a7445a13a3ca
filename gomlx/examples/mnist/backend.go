package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/gomlx/gomlx/backends"
	_ "github.com/gomlx/gomlx/backends/simplego"
)

// inGo is GoMLX's backend in Go. In parallel its operations may wait for each other for
// ever on few cores.
const inGo = "go:ops_sequential"

// howToInstall says what XLA needs.
const howToInstall = `To get a PJRT plugin, which XLA needs:
  - run this command once with -install: GoMLX downloads the plugin for the processor, and
    those for a GPU or TPU that it sees, into ~/.local/lib/go-xla; or
  - take one from a Python package, such as jax-cuda13-pjrt, and name its file:
    -backend xla:/path/to/xla_cuda_plugin.so
`

// open returns the backend that the flags or GOMLX_BACKEND name, or the best there is,
// and says which.
func open(o *options, stderr io.Writer) (b backends.Backend, err error) {
	// GoMLX panics where it does not know a backend.
	defer func() {
		if r := recover(); r != nil {
			err = usagef("backend: %v", r)
		}
	}()
	if o.install {
		if err := installPlugins(); err != nil {
			return nil, fmt.Errorf("cannot install PJRT plugins: %s", firstLine(err))
		}
	}
	config := o.backend
	if config == "" {
		config = os.Getenv(backends.ConfigEnvVar)
	}
	switch {
	case config == "go":
		config = inGo
	case strings.HasPrefix(config, "xla"):
		if err := xlaBuilt(); err != nil {
			return nil, err
		}
	case config == "":
		if b, err = bestXLA(); err != nil {
			fmt.Fprintf(stderr, "XLA is not there: %s\n", firstLine(err))
			if xlaBuilt() == nil {
				fmt.Fprint(stderr, howToInstall)
			}
			fmt.Fprintln(stderr, "Training runs on one device, in Go, slowly; \"isrlu train\" is many times as fast on a processor.")
			config = inGo
		}
	}
	if b == nil {
		if b, err = backends.NewWithConfig(config); err != nil {
			if strings.HasPrefix(config, "xla") {
				fmt.Fprint(stderr, howToInstall)
			}
			return nil, fmt.Errorf("backend %s: %s", config, firstLine(err))
		}
	}
	if o.devices > b.NumDevices() {
		return nil, usagef("-devices is %d, but the backend has %d", o.devices, b.NumDevices())
	}
	fmt.Fprintf(stderr, "backend: %s\n", strings.TrimSpace(b.Description()))
	return b, nil
}

// firstLine leaves out the stack that GoMLX's errors print.
func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
