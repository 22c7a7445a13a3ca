package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/isrlu/isrlu/nn"
	"github.com/isrlu/isrlu/onnx"
	"github.com/isrlu/isrlu/serve"
)

// load loads the models that the arguments name. The function that it returns closes
// those that were loaded, whatever the error.
func (o *serveFlags) load(args []string) (models []serve.Model, closeAll func(), err error) {
	var closers []func()
	paths := map[string]string{}
	closeAll = func() {
		for _, c := range closers {
			c()
		}
	}
	for _, arg := range args {
		name, path, err := modelArgument(arg)
		if err != nil {
			return nil, closeAll, usage(err)
		}
		if other, twice := paths[name]; twice {
			return nil, closeAll, usagef("two models are called %q, %s and %s; give them different names, as in digits=%s", name, other, path, path)
		}
		paths[name] = path
		load := o.loadCheckpoint
		if strings.EqualFold(filepath.Ext(path), ".onnx") {
			load = o.loadONNX
		}
		m, c, err := load(name, path)
		closers = append(closers, c...)
		if err != nil {
			return nil, closeAll, err
		}
		models = append(models, m)
		o.Log.Info("model", "name", m.Name, "file", path, "input", m.Input.Shape, "output", m.Output.Shape,
			"instances", o.instances, "threads", o.threads, "max_batch", o.batch)
	}
	return models, closeAll, nil
}

// modelArgument splits [name=]path.
func modelArgument(arg string) (name, path string, err error) {
	name, path, named := strings.Cut(arg, "=")
	if !named {
		path = arg
		name = filepath.Base(path)
		name = strings.TrimSuffix(name, filepath.Ext(name))
	}
	if err := serve.CheckName(name); err != nil {
		return "", "", fmt.Errorf("%s; name it, as in digits=%s", err, path)
	}
	return name, path, nil
}

func (o *serveFlags) engine() nn.Options {
	return nn.Options{Batch: o.batch, Threads: o.threads, Inference: true}
}

// loadCheckpoint loads a checkpoint of train, or another one of package nn.
func (o *serveFlags) loadCheckpoint(name, path string) (m serve.Model, closers []func(), err error) {
	var instances []*nn.Model[float32]
	var metadata map[string]string
	for range o.instances {
		var i *nn.Model[float32]
		if i, metadata, err = nn.Load[float32](path, o.engine()); err != nil {
			return m, closers, err
		}
		instances, closers = append(instances, i), append(closers, i.Close)
	}
	m = serve.FromNetwork(name, instances...)
	if _, ok := metadata[metaImage]; !ok {
		return m, closers, nil
	}
	p := predictor{model: instances[0]}
	if err := p.describe(metadata); err != nil {
		return m, closers, fmt.Errorf("the checkpoint %s: %w", path, err)
	}
	i := &p.images
	m.Classes, m.Scores = p.classes, serve.Logits
	m.Pixels = &serve.Pixels{
		Height: i.Height, Width: i.Width, Channels: i.Channels,
		Mean: slices.Repeat([]float32{i.Mean}, i.Channels), Std: slices.Repeat([]float32{i.Std}, i.Channels),
	}
	return m, closers, nil
}

func (o *serveFlags) loadONNX(name, path string) (m serve.Model, closers []func(), err error) {
	file, err := onnx.Read(path)
	if err != nil {
		return m, nil, err
	}
	input, metadata := o.onnxInput, file.Metadata()
	if err := input.takeMetadata(metadata); err != nil {
		return m, nil, err
	}
	var instances []*onnx.Loaded[float32]
	for range o.instances {
		i, err := onnx.Load[float32](file, onnx.LoadOptions{Options: o.engine(), Shape: o.shape})
		if err != nil {
			return m, closers, fmt.Errorf("%s: %s", path, withoutPackage(err.Error()))
		}
		instances, closers = append(instances, i), append(closers, i.Close)
	}
	m = serve.FromONNX(name, instances...)
	if m.Classes = classNames(metadata, m.Output.Shape); m.Classes != nil && m.Scores == serve.Numbers {
		m.Scores = serve.Logits
	}
	if image := newModelReader(instances[0], metadata, &input).image; image != nil {
		mean, std, err := input.channels(image[2])
		if err != nil {
			return m, closers, usage(err)
		}
		m.Pixels = &serve.Pixels{Height: image[0], Width: image[1], Channels: image[2], Mean: mean, Std: std}
	}
	return m, closers, nil
}
