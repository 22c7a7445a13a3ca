// Package devices is a backend of GoMLX for tests: that in Go, on as many devices as one
// likes, with the operations Reverse and Pad that it lacks. So what this module does
// with XLA on several devices runs where there is neither.
//
// The devices share one memory. A distributed computation puts its inputs' shards
// together, runs once, and gives each device a copy of the outputs: that is what a
// computation means which XLA parts by itself (AutoSharding), if all outputs are
// replicated. What it takes is not what several devices would take.
package devices

import (
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/backends/simplego"
	"github.com/gomlx/gomlx/pkg/core/shapes"
)

// Backend is a backend with several devices.
type Backend struct {
	backends.Backend
	devices int
	// Runs counts the computations on all devices.
	Runs int
}

// New returns a backend with so many devices.
func New(devices int) (*Backend, error) {
	inner, err := simplego.New("ops_sequential")
	if err != nil {
		return nil, err
	}
	return &Backend{Backend: inner, devices: devices}, nil
}

// NumDevices returns the number of devices.
func (b *Backend) NumDevices() int { return b.devices }

// DeviceDescription names a device.
func (b *Backend) DeviceDescription(n backends.DeviceNum) string {
	return fmt.Sprintf("test device %d", n)
}

// Capabilities are those of the backend in Go, with Reverse and Pad.
func (b *Backend) Capabilities() backends.Capabilities {
	c := b.Backend.Capabilities()
	c.Operations = maps.Clone(c.Operations)
	c.Operations[backends.OpTypeReverse], c.Operations[backends.OpTypePad] = true, true
	return c
}

// Builder returns a builder of a computation.
func (b *Backend) Builder(name string) backends.Builder {
	return &builder{Builder: b.Backend.Builder(name), backend: b}
}

// A buffer is one of the backend in Go, on a device.
type buffer struct {
	inner  backends.Buffer
	device backends.DeviceNum
}

// The methods on buffers take the wrapper off.

func (b *Backend) BufferFinalize(x backends.Buffer) error {
	return b.Backend.BufferFinalize(x.(*buffer).inner)
}

func (b *Backend) BufferShape(x backends.Buffer) (shapes.Shape, error) {
	return b.Backend.BufferShape(x.(*buffer).inner)
}

func (b *Backend) BufferDeviceNum(x backends.Buffer) (backends.DeviceNum, error) {
	return x.(*buffer).device, nil
}

func (b *Backend) BufferToFlatData(x backends.Buffer, flat any) error {
	return b.Backend.BufferToFlatData(x.(*buffer).inner, flat)
}

func (b *Backend) BufferFromFlatData(device backends.DeviceNum, flat any, shape shapes.Shape) (backends.Buffer, error) {
	inner, err := b.Backend.BufferFromFlatData(0, flat, shape)
	return &buffer{inner, device}, err
}

// HasSharedBuffers tells that nobody may look into a device's memory.
func (b *Backend) HasSharedBuffers() bool { return false }

func (b *Backend) BufferCopyToDevice(x backends.Buffer, device backends.DeviceNum) (backends.Buffer, error) {
	source := x.(*buffer)
	flat, err := b.Backend.BufferData(source.inner)
	if err != nil {
		return nil, err
	}
	shape, err := b.Backend.BufferShape(source.inner)
	if err != nil {
		return nil, err
	}
	return b.BufferFromFlatData(device, flat, shape)
}

// A builder builds a computation on logical tensors.
type builder struct {
	backends.Builder
	backend *Backend
	devices int    // 0 if it is not distributed
	sharded []bool // whether each parameter's first axis is parted
}

func (b *builder) DistributedAutoSharding(meshes ...backends.Mesh) error {
	if len(meshes) != 1 || len(meshes[0].AxesSizes) != 1 {
		return fmt.Errorf("devices: one mesh of one axis is all there is, got %v", meshes)
	}
	b.devices = meshes[0].AxesSizes[0]
	return nil
}

func (b *builder) DeviceAssignment(...backends.DeviceNum) error { return nil }

func (b *builder) Parameter(name string, shape shapes.Shape, sharding *backends.ShardingSpec) (backends.Op, error) {
	parted := false
	if sharding != nil {
		for i, axes := range sharding.Axes {
			if len(axes) > 0 && i > 0 {
				return nil, fmt.Errorf("devices: %s is parted along axis %d, only the first can be", name, i)
			}
			parted = parted || len(axes) > 0
		}
	}
	b.sharded = append(b.sharded, parted)
	return b.Builder.Parameter(name, shape, nil)
}

func (b *builder) Compile(outputs []backends.Op, shardings []*backends.ShardingSpec) (backends.Executable, error) {
	for _, s := range shardings {
		if s != nil && slices.ContainsFunc(s.Axes, func(axes []string) bool { return len(axes) > 0 }) {
			return nil, fmt.Errorf("devices: outputs are replicated, not parted")
		}
	}
	inner, err := b.Builder.Compile(outputs, nil)
	return &executable{inner, b}, err
}

// slice returns x[from:to] along an axis.
func (b *builder) slice(x backends.Op, axis, from, to int) (backends.Op, error) {
	shape, err := b.OpShape(x)
	if err != nil {
		return nil, err
	}
	starts, strides, limits := make([]int, shape.Rank()), make([]int, shape.Rank()), slices.Clone(shape.Dimensions)
	for i := range strides {
		strides[i] = 1
	}
	starts[axis], limits[axis] = from, to
	return b.Slice(x, starts, limits, strides)
}

// Reverse puts the slices along each axis together in the other order.
func (b *builder) Reverse(x backends.Op, axes ...int) (backends.Op, error) {
	for _, axis := range axes {
		shape, err := b.OpShape(x)
		if err != nil {
			return nil, err
		}
		var parts []backends.Op
		for i := shape.Dimensions[axis] - 1; i >= 0; i-- {
			part, err := b.slice(x, axis, i, i+1)
			if err != nil {
				return nil, err
			}
			parts = append(parts, part)
		}
		if x, err = b.Concatenate(axis, parts...); err != nil {
			return nil, err
		}
	}
	return x, nil
}

// Pad adds elements at the ends of axes.
func (b *builder) Pad(x, fill backends.Op, config ...backends.PadAxis) (backends.Op, error) {
	for axis, p := range config {
		if p.Interior != 0 || p.Start < 0 || p.End < 0 {
			return nil, fmt.Errorf("devices: Pad only adds at ends, got %+v", p)
		}
		parts := []backends.Op{x}
		for i, n := range []int{p.Start, p.End} {
			if n == 0 {
				continue
			}
			shape, err := b.OpShape(x)
			if err != nil {
				return nil, err
			}
			shape = shape.Clone()
			shape.Dimensions[axis] = n
			part, err := b.BroadcastInDim(fill, shape, nil)
			if err != nil {
				return nil, err
			}
			parts = slices.Insert(parts, i*len(parts), part)
		}
		if len(parts) == 1 {
			continue
		}
		var err error
		if x, err = b.Concatenate(axis, parts...); err != nil {
			return nil, err
		}
	}
	return x, nil
}

// An executable runs a computation of logical tensors.
type executable struct {
	backends.Executable
	builder *builder
}

func (e *executable) Execute(inputs []backends.Buffer, _ []bool, device backends.DeviceNum) ([]backends.Buffer, error) {
	b := e.builder.backend
	devices := max(1, e.builder.devices)
	if e.builder.devices > 0 {
		device = 0
		b.Runs++
	}
	n := len(inputs) / devices
	logical := make([]backends.Buffer, n)
	for i := range n {
		logical[i] = inputs[i].(*buffer).inner
		if !e.builder.sharded[i] {
			continue
		}
		var flat reflect.Value
		var shape shapes.Shape
		for d := range devices {
			x := inputs[d*n+i].(*buffer)
			if x.device != backends.DeviceNum(d) {
				return nil, fmt.Errorf("devices: shard %d of input %d is on device %d", d, i, x.device)
			}
			part, err := b.Backend.BufferData(x.inner)
			if err != nil {
				return nil, err
			}
			if d == 0 {
				if shape, err = b.Backend.BufferShape(x.inner); err != nil {
					return nil, err
				}
				flat = reflect.MakeSlice(reflect.TypeOf(part), 0, 0)
			}
			flat = reflect.AppendSlice(flat, reflect.ValueOf(part))
		}
		shape = shape.Clone()
		shape.Dimensions[0] *= devices
		whole, err := b.Backend.BufferFromFlatData(0, flat.Interface(), shape)
		if err != nil {
			return nil, err
		}
		logical[i] = whole
	}
	results, err := e.Executable.Execute(logical, make([]bool, n), 0)
	if err != nil {
		return nil, err
	}
	var outputs []backends.Buffer
	for d := range devices {
		for _, r := range results {
			first := &buffer{r, device}
			if d == 0 {
				outputs = append(outputs, first)
				continue
			}
			other, err := b.BufferCopyToDevice(first, backends.DeviceNum(d))
			if err != nil {
				return nil, err
			}
			outputs = append(outputs, other)
		}
	}
	return outputs, nil
}
